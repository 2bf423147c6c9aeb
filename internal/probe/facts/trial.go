package facts

import (
	"github.com/honeydue/honeydue/internal/store"
)

// Trial is the price of one finding's remedy: what it saved in a database of the lab that has the
// production schema's indexes and synthetic rows in production's proportions.
type Trial struct {
	Code   string `json:"code"`
	Remedy string `json:"remedy"`
	// CostMS is the finding's own figure, of the probed database: the copy may be smaller.
	CostMS float64 `json:"finding_cost_ms_per_request"`
	// NotPriced says why there are no figures; empty where there are.
	NotPriced string `json:"not_priced,omitempty"`
	// Price is nil, and its members are left out of the JSON, where there are none.
	*Price
}

// Price is what the hot path that gains most paid before a remedy and after it.
type Price struct {
	// Reproduced is whether the lab's probe found the same before the remedy.
	Reproduced bool   `json:"reproduced"`
	Statement  string `json:"statement"`
	Subject    string `json:"subject"`
	// BeforeDBMS and AfterDBMS are planning and execution, the fastest of the runs.
	BeforeDBMS float64 `json:"before_db_ms"`
	AfterDBMS  float64 `json:"after_db_ms"`
	// BeforeMS and AfterMS are wall times over a link with the measured minimum RTT, medians of the runs.
	BeforeMS    float64 `json:"before_ms"`
	AfterMS     float64 `json:"after_ms"`
	BeforeTurns int64   `json:"before_turns"`
	AfterTurns  int64   `json:"after_turns"`
	// SavedMS is BeforeDBMS less AfterDBMS: the walls differ by that and by noise. SavedTurns is the
	// difference of the turns.
	SavedMS    float64 `json:"saved_ms"`
	SavedTurns int64   `json:"saved_turns"`
}

// Sketch is what a trial needs of a probed database. It holds names, counts and definitions, and no value
// of any row; it is no part of the JSON.
type Sketch struct {
	Facts    *DatabaseFacts
	Expected []store.Index
	Mode     string
}
