package probe

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/honeydue/honeydue/internal/api"
)

// targetServer is what a running server said, and why it did not say more.
type targetServer struct {
	said   *Target
	failed *failure
	// readsFailed is why no read was timed, in a sentence; empty if they were.
	readsFailed string
	// metricsFailed is why there are no metrics.
	metricsFailed string
}

// targetConversation is a running server under questions.
type targetConversation struct {
	*targetServer
	client *targetClient
}

// podAsks is how many times /readyz is asked on a connection of its own: a service with two pods shows both of them
// with a probability of 94%.
const podAsks = 5

// podShare is how long that may take.
const podShare = 2 * time.Second

// askTarget asks a running server's /readyz: twice on one connection, the first answer with connecting, the second
// as the plain round trip; then on fresh connections, behind which other pods may be. It sends no credentials.
func askTarget(ctx context.Context, c Config) *targetConversation {
	s := &targetConversation{targetServer: &targetServer{said: &Target{ThroughPooler: "unknown"}}}
	t := s.said
	u, err := bareURL(c.TargetURL)
	if err != nil {
		s.fail(&failure{kind: kindURL, err: err})
		return s
	}
	t.URL = strings.TrimRight(u.String(), "/")
	s.client = newTargetClient(t.URL, c.Token, c.Proxy)
	for i, took := range []*float64{&t.FirstMS, &t.WarmMS} {
		limit := queryTimeout
		if i == 0 {
			limit = reachTimeout
		}
		var a answer
		err := bound(ctx, limit, func(ctx context.Context) (err error) {
			a, err = s.client.get(ctx, "/readyz", false)
			return err
		})
		if err != nil && i == 0 {
			s.fail(explain(ctx, "", err))
			return s
		}
		if err == nil {
			*took = ms(a.wall)
			t.readReadiness(a)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, podShare)
	defer cancel()
	for range podAsks {
		s.client.hangUp()
		if a, err := s.client.get(ctx, "/readyz", false); err == nil {
			t.seePod(a)
		}
	}
	return s
}

func (s *targetServer) fail(f *failure) { s.failed, s.said.Error = f, f.Error() }

func (s *targetConversation) usable() bool { return s != nil && s.failed == nil && s.client != nil }

func (s *targetConversation) close() {
	if s != nil && s.client != nil {
		s.client.hangUp()
	}
}

// readReadiness takes what /readyz says about the way to the database.
func (t *Target) readReadiness(a answer) {
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
func (t *Target) seePod(a answer) {
	var said api.Readiness
	if json.Unmarshal(a.body, &said) != nil || said.Version == "" && said.Commit == "" {
		return
	}
	build := strings.TrimSpace(said.Version + " " + said.Commit)
	if !slices.Contains(t.Builds, build) {
		t.Builds = append(t.Builds, build)
	}
}
