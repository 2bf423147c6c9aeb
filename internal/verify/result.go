package verify

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/honeydue/honeydue/internal/cache"
	"github.com/honeydue/honeydue/internal/link"
	"github.com/honeydue/honeydue/internal/store"
)

// Result is what a check has found. It names no user.
type Result struct {
	Verdict     string    `json:"verdict"` // one sentence
	Outcome     Outcome   `json:"outcome"`
	StartedAt   time.Time `json:"started_at"`
	DurationMS  float64   `json:"duration_ms"`
	Interrupted bool      `json:"interrupted"`
	// CopiesInRedis are those that the last round's sample was drawn from, AllCopiesSeen whether there are no others.
	CopiesInRedis int  `json:"copies_in_redis"`
	AllCopiesSeen bool `json:"all_copies_seen"`
	Rounds        int  `json:"rounds"`
	// Sampled = Skipped + Servable, Servable = Checked + ChangedMeanwhile, Checked = Fresh + Stale; less on an
	// interruption.
	Sampled          int            `json:"sampled"`
	Servable         int            `json:"servable"`
	Checked          int            `json:"checked"`
	AtLeast          int            `json:"at_least"` // checked ones, before anything is claimed
	Fresh            int            `json:"fresh"`
	ChangedMeanwhile int            `json:"changed_meanwhile"`
	Skipped          map[string]int `json:"skipped"` // by reason
	Stale            int            `json:"stale"`
	// BeyondPromise are stale for longer than PromiseMS, Excused for less, after SQL from outside.
	BeyondPromise int   `json:"beyond_promise"`
	Excused       int   `json:"excused"`
	PromiseMS     int64 `json:"promise_ms"`
	// StaleShareMaxPct is the share of stale ones, of all copies that are served, that the sample rules out to be
	// exceeded, with 95% certainty (exact binomial, one-sided).
	StaleShareMaxPct float64    `json:"stale_share_max_pct"`
	StalenessMS      Staleness  `json:"staleness_ms"`
	Lists            []ListTold `json:"lists"`
	// Findings are the stale copies, the stalest first, at most maxFindings of them.
	Findings []Finding `json:"findings"`
	Cost     Cost      `json:"cost"`

	stalest []int64 // ms
}

// maxFindings bounds what is listed: more of the same say no more.
const maxFindings = 50

// Outcome sums a Result up.
type Outcome string

// The outcomes.
const (
	Fresh   Outcome = "fresh"   // nothing stale but what the promise excuses
	Stale   Outcome = "stale"   // at least one finding
	Unknown Outcome = "unknown" // too few were checked
)

// Staleness of the stale copies. Each is at least so stale: Finding says how it was measured.
type Staleness struct {
	P50 int64 `json:"p50"`
	Max int64 `json:"max"`
}

// ListTold is how one list has done.
type ListTold struct {
	List    string `json:"list"`
	Checked int    `json:"checked"`
	Fresh   int    `json:"fresh"`
	Stale   int    `json:"stale"`
}

// Finding is one stale copy.
type Finding struct {
	List string `json:"list"`
	// StaleMS is for how long: since the change that it misses (change_log; for SQL from outside since the begin of
	// its transaction), or, when the log knows of none, between our first look and our last (looks).
	StaleMS    int64  `json:"stale_ms"`
	MeasuredBy string `json:"measured_by"`
	// Change that it misses: own (through the API), outside (other SQL), unknown (not in the log).
	Change    string `json:"change"`
	CopyAgeMS int64  `json:"copy_age_ms"` // 0: not known
	// Replaced: at the last look, when the promise had ended, it was no longer served.
	Replaced      bool `json:"replaced"`
	BeyondPromise bool `json:"beyond_promise"`
	Excused       bool `json:"excused"`

	// maybeOutside: it may miss SQL from outside whose transaction began before the copy was filled.
	maybeOutside bool
}

// The values of Finding.
const (
	byChangeLog   = "change_log"
	byLooks       = "looks"
	changeOwn     = "own"
	changeOutside = "outside"
	changeUnknown = "unknown"
)

// Cost is what the check has asked of others.
type Cost struct {
	DBConnections   int64   `json:"db_connections"`
	DBTurns         int64   `json:"db_turns"` // connecting included, but for TCP's own
	DBMS            float64 `json:"db_ms"`    // of its statements
	MaxTurnsPerS    float64 `json:"max_turns_per_s"`
	RedisRoundTrips int64   `json:"redis_round_trips"`
	RedisMS         float64 `json:"redis_ms"`
	ComparedBytes   int64   `json:"compared_bytes"` // uncompressed, both sides
}

// Why a sampled copy was not checked, besides what cache.Look says.
const (
	noToken     = "no-token"
	unreadable  = "unreadable"
	unknownList = "unknown-list"
	staleBefore = "stale-before"
)

func newResult(began time.Time, c Config) Result {
	r := Result{
		StartedAt: began.UTC(), AtLeast: c.AtLeast, PromiseMS: Promise.Milliseconds(),
		Skipped: map[string]int{}, Findings: []Finding{}, Cost: Cost{MaxTurnsPerS: c.Rate},
	}
	for _, l := range cache.Lists() {
		r.Lists = append(r.Lists, ListTold{List: string(l)})
	}
	return r
}

func (r *Result) list(name cache.List) *ListTold {
	i := slices.IndexFunc(r.Lists, func(l ListTold) bool { return l.List == string(name) })
	return &r.Lists[i] // only lists that api knows are compared
}

func (r *Result) skip(why string) { r.Skipped[why]++ }

func (r *Result) fresh(name cache.List) {
	l := r.list(name)
	l.Checked, l.Fresh = l.Checked+1, l.Fresh+1
	r.Checked, r.Fresh = r.Checked+1, r.Fresh+1
}

func (r *Result) stale(name cache.List) {
	l := r.list(name)
	l.Checked, l.Stale = l.Checked+1, l.Stale+1
	r.Checked, r.Stale = r.Checked+1, r.Stale+1
}

// clear makes one stale copy a fresh one.
func (r *Result) clear(name cache.List) {
	l := r.list(name)
	l.Stale, l.Fresh = l.Stale-1, l.Fresh+1
	r.Stale, r.Fresh = r.Stale-1, r.Fresh+1
}

// found notes a stale copy. The promise excuses what SQL from outside changed less than 2 s ago.
func (r *Result) found(f Finding) {
	if f.Change == changeUnknown && f.maybeOutside && !f.BeyondPromise {
		f.Change = changeOutside
	}
	f.Excused = f.Change == changeOutside && !f.BeyondPromise
	if f.Excused {
		r.Excused++
	}
	if f.BeyondPromise {
		r.BeyondPromise++
	}
	r.stalest = append(r.stalest, f.StaleMS)
	r.Findings = append(r.Findings, f)
}

func (r *Result) finish(took time.Duration, tally *link.Tally, db *store.DB) {
	r.DurationMS = ms(took)
	r.Cost.DBMS, r.Cost.RedisMS, r.Cost.RedisRoundTrips = ms(tally.DB()), ms(tally.Redis()), tally.RedisTrips()
	if db != nil {
		r.Cost.DBTurns, r.Cost.DBConnections = db.Dials().Total(), db.Dials().Count()
	}
	if n := len(r.stalest); n > 0 {
		slices.Sort(r.stalest)
		r.StalenessMS = Staleness{P50: r.stalest[(n-1)/2], Max: r.stalest[n-1]}
	}
	slices.SortStableFunc(r.Findings, func(a, b Finding) int { return cmp.Compare(b.StaleMS, a.StaleMS) })
	r.Findings = r.Findings[:min(len(r.Findings), maxFindings)]
	r.StaleShareMaxPct = math.Round(upperShare(r.Stale, r.Checked)*1e4) / 100
	switch {
	case r.Stale > r.Excused:
		r.Outcome = Stale
	case r.Checked < r.AtLeast:
		r.Outcome = Unknown
	default:
		r.Outcome = Fresh
	}
	r.Verdict = r.verdict()
}

// certainty is that of StaleShareMaxPct.
const certainty = 0.95

// upperShare is the exact one-sided upper bound of a share of which stale of checked were seen (Clopper and
// Pearson, 1934): with a larger share, so few would be seen less often than once in twenty.
func upperShare(stale, checked int) float64 {
	if checked == 0 || stale >= checked {
		return 1
	}
	low, high := float64(stale)/float64(checked), 1.0
	for range 60 {
		mid := (low + high) / 2
		if atMost(stale, checked, mid) > 1-certainty {
			low = mid
		} else {
			high = mid
		}
	}
	return high
}

// atMost is the probability of at most k of n, each with probability p.
func atMost(k, n int, p float64) float64 {
	sum := 0.0
	all, _ := math.Lgamma(float64(n + 1))
	for i := range k + 1 {
		yes, _ := math.Lgamma(float64(i + 1))
		no, _ := math.Lgamma(float64(n - i + 1))
		sum += math.Exp(all - yes - no + float64(i)*math.Log(p) + float64(n-i)*math.Log1p(-p))
	}
	return sum
}

func (r Result) verdict() string {
	bound := fmt.Sprintf("at 95%% certainty at most %.2f%% of all copies that are served are stale", r.StaleShareMaxPct)
	stalest := "the stalest for " + span(r.StalenessMS.Max)
	switch {
	case r.Outcome == Stale && r.BeyondPromise > 0:
		return fmt.Sprintf("Stale: %d of %d copies, %s, and %d beyond the guarantee of %s; %s.", r.Stale, r.Checked, stalest, r.BeyondPromise, span(r.PromiseMS), bound)
	case r.Outcome == Stale:
		return fmt.Sprintf("Stale: %d of %d copies, %s; that is below %s, but not explained by SQL from outside; %s.", r.Stale, r.Checked, stalest, span(r.PromiseMS), bound)
	case r.Outcome == Unknown:
		return fmt.Sprintf("Too few: %d copies were checked, and a verdict needs %d. %s", r.Checked, r.AtLeast, r.tooFew())
	case r.Excused > 0:
		return fmt.Sprintf("Within the guarantee: %d of %d copies stale after SQL from outside, %s, of at most %s allowed; %s.", r.Excused, r.Checked, stalest, span(r.PromiseMS), bound)
	default:
		return fmt.Sprintf("Fresh: 0 of %d copies stale; %s.", r.Checked, bound)
	}
}

// tooFew says what kept the sample small.
func (r Result) tooFew() string {
	most, n := "", 0
	for why, count := range r.Skipped {
		if count > n || count == n && why < most {
			most, n = why, count
		}
	}
	switch {
	case r.Interrupted:
		return "It was interrupted."
	case r.Sampled == 0:
		return "Redis holds no copy of a list: nobody has read one lately, or BOARD_CACHE_TTL is 0."
	case n > 0:
		return fmt.Sprintf("%d of %d were not served: %s.", n, r.Sampled, reason(most))
	default:
		return fmt.Sprintf("Redis holds %d.", r.CopiesInRedis)
	}
}

// reason says a cause in words.
func reason(why string) string {
	switch why {
	case "gone":
		return "it was gone when it was read"
	case "superseded":
		return "something has changed since it was filled, so the next read refills it"
	case "aged":
		return "a day has ended since, so the next read refills it"
	case "held":
		return "a write was in progress"
	case "no-state":
		return "Redis has evicted the versions that it is checked against"
	case "no-lease":
		return "no server has read the change log in the last 2 s; servers stop that after 5 minutes without requests, and then serve no copy"
	case "another-memory":
		return "Redis was restarted, and no server has connected since"
	case unreadable:
		return "it cannot be decompressed"
	case noToken:
		return "its user no longer has a token"
	case unknownList:
		return "this version does not know the list"
	case staleBefore:
		return "it was found stale in an earlier round"
	default:
		return why
	}
}

// span is a number of ms as people say it.
func span(ms int64) string {
	if ms < 1000 {
		return fmt.Sprintf("%d ms", ms)
	}
	return fmt.Sprintf("%.1f s", float64(ms)/1000)
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
