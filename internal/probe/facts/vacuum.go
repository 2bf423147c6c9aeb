package facts

// TableSpace is one table as the statistics have it.
type TableSpace struct {
	Name  string  `json:"name"`
	Dead  float64 `json:"dead"`
	Bytes float64 `json:"bytes"`
	// Width is that of a row as stored; 0 if the table was never analysed.
	Width float64 `json:"width"`
	// Rows is the planner's estimate or the collector's, whichever is more: a copied database has no counters.
	Rows float64 `json:"rows"`
	// VacuumedS is the age of the last vacuum; nil if there was none since the statistics began.
	VacuumedS *float64 `json:"vacuumed_s"`
}

const pageRoom = 8168.0 / 8192

// Wasted estimates the bytes that hold neither a live nor a dead row; 0 where nothing can be said.
func (t TableSpace) Wasted() float64 {
	if t.Width == 0 {
		return 0
	}
	return max(0, t.Bytes-(t.Rows+t.Dead)*t.Width/pageRoom)
}

// LimitFacts are the counters of the server that run out.
type LimitFacts struct {
	Sequences []sequenceFacts `json:"sequences"`
	// HiddenSequences are those that this role may not read.
	HiddenSequences int     `json:"hidden_sequences"`
	XIDAge          float64 `json:"xid_age"`
	MXIDAge         float64 `json:"mxid_age"`
}

type sequenceFacts struct {
	Name string  `json:"name"`
	Last float64 `json:"last"`
	Most float64 `json:"most"`
}

func (s sequenceFacts) Used() float64 { return s.Last / max(1, s.Most) }

// ReplicationFacts are the replicas and the replication slots.
type ReplicationFacts struct {
	Replica   bool     `json:"replica"`
	BehindS   *float64 `json:"behind_s"`
	Followers []struct {
		App         string   `json:"app"`
		State       string   `json:"state"`
		LagS        *float64 `json:"lag_s"`
		BehindBytes *float64 `json:"behind_bytes"`
	} `json:"followers"`
	Slots []struct {
		Active    bool     `json:"active"`
		KeptBytes *float64 `json:"kept_bytes"`
	} `json:"slots"`
}
