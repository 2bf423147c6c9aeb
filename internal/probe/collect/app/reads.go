package app

import (
	"context"
	"math"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/honeydue/honeydue/internal/api"
	"github.com/honeydue/honeydue/internal/probe/collect/dial"
	"github.com/honeydue/honeydue/internal/probe/facts"
)

// question is one path that the probe asks of a running server.
type question struct {
	route, path string
	authed      bool
	// budget is how many turns it takes when warm.
	budget int64
}

// questions are the hot reads of the route table and their variants, or, without a token, the one route of the API
// that asks for none and reads no database.
func questions(authed bool) []question {
	var out []question
	for _, r := range api.Routes() {
		switch {
		case r.Method != http.MethodGet:
		case authed && r.Hot:
			out = append(out, question{r.ID, r.Path, true, int64(r.Budget.Warm)})
			for _, v := range r.Variants {
				out = append(out, question{r.ID + "?" + v.Query, r.Path + "?" + v.Query, true, int64(v.Budget.Warm)})
			}
		case !authed && r.ID == "static_data":
			out = append(out, question{r.ID, r.Path, false, int64(r.Budget.Warm)})
		}
	}
	return out
}

// read times /livez and the hot reads, one request at a time and within targetShare. Every read is asked once, then
// every one again: a slow one takes nothing from the others but their last rounds.
func (s *TargetConversation) read(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, facts.TargetShare)
	defer cancel()
	const noTime = "There was no time for every hot read."
	if f := s.measureWay(ctx); f != nil {
		s.ReadsFailed = "The running server stopped answering: " + f.Error() + "."
		if f.OutOfTime() {
			s.ReadsFailed = noTime
		}
		return
	}
	var reads []*timedRead
	for _, q := range questions(s.Client.token != "") { //nolint:contextcheck // the table's handlers take each request's own
		reads = append(reads, &timedRead{question: q})
	}
	for range facts.TargetRuns {
		for _, r := range reads {
			if ctx.Err() == nil {
				s.ask(ctx, r)
			}
		}
	}
	if ctx.Err() != nil {
		s.ReadsFailed = noTime
	}
	for _, r := range reads {
		if r.asked {
			s.Said.Reads = append(s.Said.Reads, r.result(s.Said.RoundTripMS))
		}
	}
}

// measureWay takes the round trip to the server, the least of three TCP hand-shakes, and what /livez takes on an
// open connection: the way and whatever stands in it, for the server itself has nothing to do.
func (s *TargetConversation) measureWay(ctx context.Context) *facts.Failure {
	const handshakes = 3
	t := s.Said
	for i := range handshakes + facts.TargetRuns {
		if i < handshakes {
			s.Client.hangUp()
		}
		a, err := s.Client.get(ctx, "/livez", false)
		if err != nil {
			return dial.Explain(ctx, "", err)
		}
		if took := facts.MS(a.TCP); took > 0 && (t.RoundTripMS == 0 || took < t.RoundTripMS) {
			t.RoundTripMS = took
		}
		if took := facts.MS(a.Wall - a.Connecting()); t.LiveMS == 0 || took < t.LiveMS {
			t.LiveMS = took
		}
	}
	return nil
}

// timedRead is one question while it is being asked.
type timedRead struct {
	question
	said facts.TargetRead
	warm []dial.Answer
	// asked is set with the first answer or refusal, over once there is nothing more to learn.
	asked, over bool
}

// ask asks a question once more. The first answer is kept apart; a refusal or an error is the last.
func (s *TargetConversation) ask(ctx context.Context, r *timedRead) {
	if r.over {
		return
	}
	a, err := s.Client.get(ctx, r.path, r.authed)
	if err != nil {
		f := dial.Explain(ctx, "", err)
		if r.over = true; f.OutOfTime() {
			return
		}
		r.asked, r.said.Error = true, f.Error()
		return
	}
	first := !r.asked
	r.asked, r.said.Status = true, a.Status
	switch {
	case a.Status != http.StatusOK:
		r.over = true // a refusal does not get truer by repeating it
	case first:
		r.said.FirstMS, r.said.FirstTurns = facts.MS(a.Wall), turnsOf(a.Header)
	default:
		r.warm = append(r.warm, a)
	}
}

// result splits the answer whose wall is the median of those after the first.
func (t *timedRead) result(roundTripMS float64) facts.TargetRead {
	r, warm := t.said, t.warm
	r.Route, r.Authed, r.TurnsWarm, r.Runs = t.route, t.authed, t.budget, len(warm)
	if len(warm) == 0 {
		return r
	}
	slices.SortFunc(warm, func(a, b dial.Answer) int { return int(a.Wall - b.Wall) })
	split(&r, warm[(len(warm)-1)/2], roundTripMS)
	r.AppLeastMS, r.RedisLeastMS, r.AcquireLeastMS = math.Inf(1), math.Inf(1), math.Inf(1)
	for _, a := range warm {
		if n := turnsOf(a.Header); n != nil && *n > t.budget {
			r.OverBudget++
		}
		said := api.ParseServerTiming(a.Header.Get("Server-Timing"))
		r.AppLeastMS = min(r.AppLeastMS, said["app_ms"])
		r.RedisLeastMS = min(r.RedisLeastMS, said["redis_ms"])
		r.AcquireLeastMS = min(r.AcquireLeastMS, said["acquire_ms"])
	}
	return r
}

// split divides one answer: wall = client network (a round trip, and the body's bytes after the first) + ingress
// (what the server's own account does not explain) + app + pool acquire + database + Redis. The database's part is
// its rest as long as nobody knows what a turn takes: see settle.
func split(r *facts.TargetRead, a dial.Answer, roundTripMS float64) {
	r.WallMS = facts.MS(a.Wall - a.Connecting()) // as a rule the connection was there
	r.CacheStatus = a.Header.Get("Cache-Status")
	r.Turns = turnsOf(a.Header)
	r.Bytes = len(a.Body)
	r.ClientNetworkMS = facts.Round(roundTripMS + facts.MS(a.Wall-a.Ttfb))
	said := api.ParseServerTiming(a.Header.Get("Server-Timing"))
	r.Explained = len(said) > 0
	r.AppMS, r.AcquireMS, r.DBRestMS, r.RedisMS = said["app_ms"], said["acquire_ms"], said["db_ms"], said["redis_ms"]
	r.IngressMS = facts.RoundSigned(r.WallMS - r.ClientNetworkMS - r.AppMS - r.AcquireMS - r.DBRestMS - r.RedisMS)
}

// Settle takes turns x floor out of the database's part of every read, once the floor is known; 0 leaves it whole.
func (s *TargetConversation) Settle(floor time.Duration) {
	if s == nil {
		return
	}
	for i := range s.Said.Reads {
		s.Said.Reads[i].Settle(facts.MS(floor))
	}
}

func turnsOf(h http.Header) *int64 {
	n, err := strconv.ParseInt(h.Get("X-DB-Turns"), 10, 64)
	if err != nil {
		return nil
	}
	return &n
}
