package facts

import (
	"testing"
)

// TestEndpointsNeedNoReport: a check that goes over the endpoints builds nothing else of the result; the cluster's report,
// for one, can't be built of this observation.
func TestEndpointsNeedNoReport(t *testing.T) {
	o := &Observation{Pooler: &PGServer{Endpoint: Endpoint{Name: "pooler"}}, Cluster: &ClusterFacts{}}
	if got := o.Endpoints(); len(got) != 1 || got[0].Name != "pooler" {
		t.Errorf("the endpoints are %+v", got)
	}
}
