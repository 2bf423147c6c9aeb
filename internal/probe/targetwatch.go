package probe

import (
	"context"
	"sync"
	"time"
)

// targetUnderWay is the running server being asked, beside everything else: a server that is slow takes nothing from
// the time for the database, which may be why. Whoever starts it waits for it.
type targetUnderWay struct {
	done  chan struct{} // nil if there is no server to ask
	asked chan struct{} // closed when only its metrics are still to be read once more
	// tried is closed when it has answered, or failed; then and thenFailed are what was known at that moment.
	tried      chan struct{}
	then       Target
	thenFailed *failure
	server     *targetConversation
	web        *webServer
	// took is how long asking took, counted how long with the second look at the metrics.
	took, counted time.Duration
}

// startTarget asks the running server, one request at a time. It ends with the probe's context at the latest.
func (o *observation) startTarget(ctx context.Context) *targetUnderWay {
	w := &targetUnderWay{}
	if o.config.TargetURL == "" {
		return w
	}
	w.done, w.asked, w.tried = make(chan struct{}), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(w.done)
		began := time.Now()
		var way sync.WaitGroup
		if o.wants("HD-N07", "HD-N08", "HD-N09") {
			way.Go(func() { w.web = probeWeb(ctx, o.config, nil) })
		}
		w.server = askTarget(ctx, o.config)
		w.then, w.thenFailed = *w.server.said, w.server.failed
		close(w.tried)
		asking := time.Now()
		before := w.server.measure(ctx, o.config.MetricsURL)
		way.Wait()
		w.took = time.Since(began)
		close(w.asked)
		w.server.measureAgain(ctx, o.config.MetricsURL, before, asking.Add(o.countingWindow()))
		w.server.close()
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
func (w *targetUnderWay) wait(o *observation, s *session) {
	if w.done == nil {
		return
	}
	<-w.done
	s.target = w.server
	o.target, o.targetFailed, o.targetServer = w.server.said, w.server.failed, w.server.targetServer
	o.ways.web = w.web
	o.clock(w.took, askedTarget, upTarget, knowsReads)
	o.clock(w.counted, knowsMetrics)
}
