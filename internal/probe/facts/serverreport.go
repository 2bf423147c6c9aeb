package facts

import (
	"time"
)

// ServerReport is what watching Postgres showed in addition to the findings.
type ServerReport struct {
	UptimeS float64 `json:"uptime_s"`
	// CumulativeReliable is false where the counters cover less than an hour: no check relies on them then.
	CumulativeReliable bool    `json:"cumulative_reliable"`
	WindowS            float64 `json:"window_s"`
	// Samples is how many times the sessions were looked at.
	Samples         int     `json:"samples"`
	ConnectionsUsed int64   `json:"connections_used"`
	ConnectionLimit int64   `json:"connections_limit"`
	BusySessions    float64 `json:"busy_sessions"`
	// Waits is what sessions waited for, the most first; locks and clients are not in it.
	Waits  []Wait  `json:"waits"`
	Tables []Table `json:"tables"`
	// Statements is what pg_stat_statements counted within the window, of the app's catalogue; nil where it
	// could not be asked.
	Statements []StatementCount `json:"statements"`
	// OtherStatementsMS is what all others that ended meanwhile took of the server, no more than the window each.
	OtherStatementsMS float64 `json:"other_statements_ms"`
}

// Wait is how many sessions waited for an event, on average over the samples.
type Wait struct {
	Event    string  `json:"event"`
	Sessions float64 `json:"sessions"`
}

// Table is one of the app's, as the statistics have it.
type Table struct {
	Name     string  `json:"name"`
	LiveRows float64 `json:"live_rows"`
	DeadRows float64 `json:"dead_rows"`
	SizeMB   float64 `json:"size_mb"`
	// BloatMB estimates what holds nothing.
	BloatMB float64 `json:"bloat_mb"`
	// VacuumedS is the age of the last vacuum in seconds; nil if there was none.
	VacuumedS *float64 `json:"vacuumed_s"`
}

// StatementCount is one statement's calls within the window, the probe's own included.
type StatementCount struct {
	Name   string  `json:"name"`
	Calls  int64   `json:"calls"`
	MeanMS float64 `json:"mean_ms"`
}

// ServerReport is what watching Postgres gave; nil where it was not watched.
func (o *Observation) ServerReport() *ServerReport {
	s := o.Server
	if s.Why() != "" {
		return nil
	}
	r := &ServerReport{
		UptimeS: Round(s.Last.UptimeS), CumulativeReliable: s.Last.Reliable(), WindowS: Round(s.Window.Seconds()),
		Samples: len(s.Samples), Waits: []Wait{}, Tables: []Table{},
	}
	held := s.LastLook().Connections()
	r.ConnectionsUsed, r.ConnectionLimit = held.Used, held.Limit
	busy, events := SumWaits(s.Samples)
	r.BusySessions = Round(busy)
	for _, e := range events {
		r.Waits = append(r.Waits, Wait{e.Event, Round(e.Sessions)})
	}
	for _, t := range s.Tables {
		r.Tables = append(r.Tables, Table{t.Name, t.Rows, t.Dead, Round(t.Bytes / (1 << 20)), Round(t.Wasted() / (1 << 20)), t.VacuumedS})
	}
	if s.Counted != nil {
		r.Statements, r.OtherStatementsMS = []StatementCount{}, Round(s.Counted.Others.Within(s.Window))
		for _, c := range s.Counted.Ours {
			r.Statements = append(r.Statements, StatementCount{c.Name, int64(c.Calls), Round(c.MS / c.Calls)})
		}
	}
	return r
}

// RedisReport is what watching Redis showed in addition to the findings. No key and no argument is in it.
type RedisReport struct {
	WindowS   float64 `json:"window_s"`
	MemoryMB  float64 `json:"memory_mb"` // counted against the limit
	LimitMB   float64 `json:"memory_limit_mb"`
	Evicted   int64   `json:"evicted_keys"`
	Hits      int64   `json:"hits"`
	Misses    int64   `json:"misses"`
	Clients   int64   `json:"clients"`
	PingP50MS float64 `json:"ping_p50_ms"`
	PingMaxMS float64 `json:"ping_max_ms"`
	Pings     int     `json:"pings"`
	// Keys is how many there are, Sampled how many of them Kinds was drawn from.
	Keys    int64      `json:"keys"`
	Sampled int        `json:"keys_sampled"`
	Kinds   []KeysKind `json:"kinds"`
}

// KeysKind is the sampled keys of one pattern.
type KeysKind struct {
	Pattern      string `json:"pattern"`
	Keys         int    `json:"keys"`
	Bytes        int64  `json:"bytes"`
	LargestBytes int64  `json:"largest_bytes"`
}

// RedisReport gives counters as they grew within the window.
func (o *Observation) RedisReport() *RedisReport {
	if o.Redis == nil || o.Redis.Facts == nil {
		return nil
	}
	f := o.Redis.Facts
	r := &RedisReport{
		WindowS: Round(f.Window.Seconds()), MemoryMB: Round(float64(CountedMemory(f.Last)) / (1 << 20)), LimitMB: Round(float64(f.Count("maxmemory")) / (1 << 20)),
		Evicted: f.Grew("evicted_keys"), Hits: f.Grew("keyspace_hits"), Misses: f.Grew("keyspace_misses"), Clients: f.Count("connected_clients"),
		PingP50MS: MS(Median(f.Pings)), Pings: len(f.Pings), Keys: f.Sample.Keys, Sampled: f.Sample.Looked, Kinds: []KeysKind{},
	}
	var worst time.Duration
	for _, p := range f.Pings {
		worst = max(worst, p)
	}
	r.PingMaxMS = MS(worst)
	for _, k := range f.Sample.Kinds {
		r.Kinds = append(r.Kinds, KeysKind{k.Pattern, k.N, k.Bytes, k.Largest})
	}
	return r
}

// ClusterReport is what Kubernetes said of the app's pods.
type ClusterReport struct {
	Namespace string `json:"namespace"`
	Pods      []Pod  `json:"pods"`
}

// Pod is one of the app's.
type Pod struct {
	Name     string `json:"name"`
	Ready    bool   `json:"ready"`
	Restarts int64  `json:"restarts"`
	// ThrottledShare is that of its periods of CPU in the window which were cut short; nil if not known.
	ThrottledShare *float64 `json:"throttled_share"`
}

// ClusterReport is what the cluster said; nil where it was not asked.
func (o *Observation) ClusterReport() *ClusterReport {
	if o.Cluster == nil {
		return nil
	}
	r := &ClusterReport{Namespace: o.Config.Cluster.Namespace, Pods: []Pod{}}
	for _, p := range o.Cluster.Pods {
		if !p.Serves() {
			continue
		}
		pod := Pod{Name: p.Metadata.Name}
		pod.Ready, _, _ = p.Ready()
		for _, c := range p.Status.ContainerStatuses {
			pod.Restarts += c.RestartCount
		}
		for _, t := range o.Cluster.Throttle {
			if t.Pod == pod.Name {
				share := Round(t.Share())
				pod.ThrottledShare = &share
			}
		}
		r.Pods = append(r.Pods, pod)
	}
	return r
}
