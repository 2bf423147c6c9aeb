package probe

import (
	"github.com/honeydue/honeydue/internal/probe/check"
	"github.com/honeydue/honeydue/internal/probe/facts"
)

// result is the observation as plain data.
func result(o *facts.Observation) facts.Result {
	r := facts.Result{
		Endpoints: o.Endpoints(), HotPaths: o.Hot, Target: o.Target, Cost: o.Cost,
		Versions: check.Versions(o), Settings: check.Settings(o), SubjectsFrom: o.SubjectsFrom, Sketch: sketch(o),
		Server: o.ServerReport(), Redis: o.RedisReport(), Cluster: o.ClusterReport(),
	}
	if r.HotPaths == nil {
		r.HotPaths = []facts.HotPath{}
	}
	return r
}
