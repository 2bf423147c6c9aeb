package collect

import (
	"context"

	"github.com/honeydue/honeydue/internal/probe/collect/kube"
	"github.com/honeydue/honeydue/internal/probe/facts"
)

// clusterUnderWay is the cluster being asked, beside everything else. Whoever starts it waits for it.
type clusterUnderWay struct {
	facts chan *facts.ClusterFacts
	over  chan struct{} // closed when everything else is done
}

func askCluster(ctx context.Context, o *facts.Observation) clusterUnderWay {
	w := clusterUnderWay{make(chan *facts.ClusterFacts, 1), make(chan struct{})}
	if o.Config.Cluster == nil {
		w.facts <- nil
		return w
	}
	c, window := *o.Config.Cluster, window(o.Config, o)
	go func() { w.facts <- kube.ReadCluster(ctx, c, window, w.over) }()
	return w
}

// wait gives what the cluster said, nil if none is configured.
func (w clusterUnderWay) wait() *facts.ClusterFacts {
	close(w.over)
	return <-w.facts
}
