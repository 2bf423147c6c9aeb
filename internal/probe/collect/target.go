package collect

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/honeydue/honeydue/internal/api"
	"github.com/honeydue/honeydue/internal/probe/facts"
)

// targetConversation is a running server under questions.
type targetConversation struct {
	*facts.TargetServer
	client *targetClient
}

// podShare is how long that may take.
const podShare = 2 * time.Second

// askTarget asks a running server's /readyz: twice on one connection, the first answer with connecting, the second
// as the plain round trip; then on fresh connections, behind which other pods may be. It sends no credentials.
func askTarget(ctx context.Context, c facts.Config) *targetConversation {
	s := &targetConversation{TargetServer: &facts.TargetServer{Said: &facts.Target{ThroughPooler: "unknown"}}}
	t := s.Said
	u, err := facts.BareURL(c.TargetURL)
	if err != nil {
		s.Fail(&facts.Failure{Kind: facts.KindURL, Err: err})
		return s
	}
	t.URL = strings.TrimRight(u.String(), "/")
	s.client = newTargetClient(t.URL, c.Token, c.Proxy)
	for i, took := range []*float64{&t.FirstMS, &t.WarmMS} {
		limit := facts.QueryTimeout
		if i == 0 {
			limit = facts.ReachTimeout
		}
		var a answer
		err := Bound(ctx, limit, func(ctx context.Context) (err error) {
			a, err = s.client.get(ctx, "/readyz", false)
			return err
		})
		if err != nil && i == 0 {
			s.Fail(Explain(ctx, "", err))
			return s
		}
		if err == nil {
			*took = facts.MS(a.wall)
			readReadiness(t, a)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, podShare)
	defer cancel()
	for range facts.PodAsks {
		s.client.hangUp()
		if a, err := s.client.get(ctx, "/readyz", false); err == nil {
			seePod(t, a)
		}
	}
	return s
}

func (s *targetConversation) usable() bool { return s != nil && s.Failed == nil && s.client != nil }

func (s *targetConversation) close() {
	if s != nil && s.client != nil {
		s.client.hangUp()
	}
}

// readReadiness takes what /readyz says about the way to the database.
func readReadiness(t *facts.Target, a answer) {
	t.StatusCode, t.Ready = a.status, a.status == http.StatusOK
	t.ServerTiming = a.header.Get("Server-Timing")
	if n, err := strconv.ParseInt(a.header.Get("X-DB-Turns"), 10, 64); err == nil {
		t.DBTurns = &n
	}
	var said api.Readiness
	if err := json.Unmarshal(a.body, &said); err != nil {
		return // not ours: nothing is known
	}
	t.Reason, t.Version, t.Commit, t.ExecMode, t.Cache = said.Reason, said.Version, said.Commit, said.ExecMode, said.Cache
	if said.Proof == "" {
		return // it has not come so far
	}
	t.ThroughPooler = "no"
	if said.ThroughPooler {
		t.ThroughPooler = "yes"
	}
}

// seePod notes which version answered on a connection of its own.
func seePod(t *facts.Target, a answer) {
	var said api.Readiness
	if json.Unmarshal(a.body, &said) != nil || said.Version == "" && said.Commit == "" {
		return
	}
	build := strings.TrimSpace(said.Version + " " + said.Commit)
	if !slices.Contains(t.Builds, build) {
		t.Builds = append(t.Builds, build)
	}
}
