package collect

import (
	"context"
	"sync"
	"time"

	"github.com/honeydue/honeydue/internal/probe/check"
	"github.com/honeydue/honeydue/internal/probe/collect/app"
	"github.com/honeydue/honeydue/internal/probe/facts"
)

// targetUnderWay is the running server being asked, beside everything else: a server that is slow takes nothing from
// the time for the database, which may be why. Whoever starts it waits for it.
type targetUnderWay struct {
	done  chan struct{} // nil if there is no server to ask
	asked chan struct{} // closed when only its metrics are still to be read once more
	// tried is closed when it has answered, or failed; then and thenFailed are what was known at that moment.
	tried      chan struct{}
	then       facts.Target
	thenFailed *facts.Failure
	server     *app.TargetConversation
	web        *facts.WebServer
	// took is how long asking took, counted how long with the second look at the metrics.
	took, counted time.Duration
}

// startTarget asks the running server, one request at a time. It ends with the probe's context at the latest.
func startTarget(ctx context.Context, o *facts.Observation) *targetUnderWay {
	w := &targetUnderWay{}
	if o.Config.TargetURL == "" {
		return w
	}
	w.done, w.asked, w.tried = make(chan struct{}), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(w.done)
		began := time.Now()
		var way sync.WaitGroup
		if check.Wants(o, "HD-N07", "HD-N08", "HD-N09") {
			way.Go(func() { w.web = app.ProbeWeb(ctx, o.Config, nil) })
		}
		w.server = app.AskTarget(ctx, o.Config)
		w.then, w.thenFailed = *w.server.Said, w.server.Failed
		close(w.tried)
		asking := time.Now()
		before := w.server.Measure(ctx, o.Config.MetricsURL)
		way.Wait()
		w.took = time.Since(began)
		close(w.asked)
		w.server.MeasureAgain(ctx, o.Config.MetricsURL, before, asking.Add(countingWindow(o)))
		w.server.Close()
		w.counted = time.Since(began)
	}()
	return w
}

// mostPatience and patienceShare bound how long the statements wait for a server that is well to be done with, so
// that neither is measured while the other makes load; they are a courtesy, and a slow server gets no more.
const (
	mostPatience  = time.Second
	patienceShare = 10
)

func (w *targetUnderWay) patience(ctx context.Context) {
	if w.done == nil {
		return
	}
	most := mostPatience
	if ends, ok := ctx.Deadline(); ok {
		most = min(most, time.Until(ends)/patienceShare)
	}
	select {
	case <-w.asked:
	case <-ctx.Done():
	case <-time.After(most):
	}
}

// wait takes what the server has said.
func (w *targetUnderWay) wait(o *facts.Observation, s *session) {
	if w.done == nil {
		return
	}
	<-w.done
	s.target = w.server
	o.Target, o.TargetFailed, o.TargetServer = w.server.Said, w.server.Failed, w.server.TargetServer
	o.Ways.Web = w.web
	o.Clock(w.took, facts.AskedTarget, facts.UpTarget, facts.KnowsReads)
	o.Clock(w.counted, facts.KnowsMetrics)
}
