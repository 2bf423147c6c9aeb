package app

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/honeydue/honeydue/internal/api"
	"github.com/honeydue/honeydue/internal/probe/collect/dial"
	"github.com/honeydue/honeydue/internal/probe/facts"
)

// TargetConversation is a running server under questions.
type TargetConversation struct {
	*facts.TargetServer
	Client *targetClient
}

// podShare is how long that may take.
const podShare = 2 * time.Second

// AskTarget asks a running server's /readyz: twice on one connection, the first answer with connecting, the second
// as the plain round trip; then on fresh connections, behind which other pods may be. It sends no credentials.
func AskTarget(ctx context.Context, c facts.Config) *TargetConversation {
	s := &TargetConversation{TargetServer: &facts.TargetServer{Said: &facts.Target{ThroughPooler: "unknown"}}}
	t := s.Said
	u, err := facts.BareURL(c.TargetURL)
	if err != nil {
		s.Fail(&facts.Failure{Kind: facts.KindURL, Err: err})
		return s
	}
	t.URL = strings.TrimRight(u.String(), "/")
	s.Client = newTargetClient(t.URL, c.Token, c.Proxy)
	for i, took := range []*float64{&t.FirstMS, &t.WarmMS} {
		limit := facts.QueryTimeout
		if i == 0 {
			limit = facts.ReachTimeout
		}
		var a dial.Answer
		err := dial.Bound(ctx, limit, func(ctx context.Context) (err error) {
			a, err = s.Client.get(ctx, "/readyz", false)
			return err
		})
		if err != nil && i == 0 {
			s.Fail(dial.Explain(ctx, "", err))
			return s
		}
		if err == nil {
			*took = facts.MS(a.Wall)
			readReadiness(t, a)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, podShare)
	defer cancel()
	for range facts.PodAsks {
		s.Client.hangUp()
		if a, err := s.Client.get(ctx, "/readyz", false); err == nil {
			seePod(t, a)
		}
	}
	return s
}

// Usable reports whether the server has answered.
func (s *TargetConversation) Usable() bool { return s != nil && s.Failed == nil && s.Client != nil }

// Close ends its connections.
func (s *TargetConversation) Close() {
	if s != nil && s.Client != nil {
		s.Client.hangUp()
	}
}

// readReadiness takes what /readyz says about the way to the database.
func readReadiness(t *facts.Target, a dial.Answer) {
	t.StatusCode, t.Ready = a.Status, a.Status == http.StatusOK
	t.ServerTiming = a.Header.Get("Server-Timing")
	if n, err := strconv.ParseInt(a.Header.Get("X-DB-Turns"), 10, 64); err == nil {
		t.DBTurns = &n
	}
	var said api.Readiness
	if err := json.Unmarshal(a.Body, &said); err != nil {
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
func seePod(t *facts.Target, a dial.Answer) {
	var said api.Readiness
	if json.Unmarshal(a.Body, &said) != nil || said.Version == "" && said.Commit == "" {
		return
	}
	build := strings.TrimSpace(said.Version + " " + said.Commit)
	if !slices.Contains(t.Builds, build) {
		t.Builds = append(t.Builds, build)
	}
}
