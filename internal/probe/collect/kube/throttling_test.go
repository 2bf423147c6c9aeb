package kube

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/honeydue/honeydue/internal/probe/check"
	"github.com/honeydue/honeydue/internal/probe/facts"
)

// TestThrottlingNotCounted: a counter that stood still, or was seen once only, says nothing.
func TestThrottlingNotCounted(t *testing.T) {
	var limited facts.PodFacts
	if err := json.Unmarshal([]byte(`{"spec": {"nodeName": "node-1", "containers": [{"name": "honeydue", "resources": {"limits": {"cpu": "1"}}}]}}`), &limited); err != nil {
		t.Fatal(err)
	}
	judge := func(counts ...facts.Throttled) check.Outcome {
		return check.PodThrottling(&facts.Observation{Cluster: &facts.ClusterFacts{Pods: []facts.PodFacts{limited}, Throttle: counts}})
	}
	still, fine, bad := facts.Throttled{Pod: "a"}, facts.Throttled{Pod: "b", Periods: 50}, facts.Throttled{Pod: "c", Periods: 50, Throttled: 40}
	if got := judge(still, fine); !got.Unknown || !strings.Contains(got.Why, "No CPU period") {
		t.Errorf("a counter that stands still: %+v", got)
	}
	if got := judge(fine); got.Unknown || len(got.Hits) != 0 {
		t.Errorf("nothing throttled: %+v", got)
	}
	if got := judge(still, bad); len(got.Hits) != 1 {
		t.Errorf("one throttled beside one unknown: %+v", got)
	}

	// Then its whole life is judged, if that is more than a busy start.
	since := func(whole facts.Throttled) check.Outcome {
		return check.PodThrottling(&facts.Observation{Cluster: &facts.ClusterFacts{
			Pods: []facts.PodFacts{limited}, Throttle: []facts.Throttled{still}, ThrottledSince: map[string]facts.Throttled{"a": whole},
		}})
	}
	if got := since(facts.Throttled{Pod: "a", Periods: 1000, Throttled: 300, Seconds: 15}); len(got.Hits) != 1 ||
		!strings.Contains(got.Hits[0].Evidence, "in 300 of 1000 periods of 100 ms (30%), for 15.00 s in total since it started") || got.Hits[0].CostMS != 15 {
		t.Errorf("throttled in 30%% of its life: %+v", got)
	}
	for _, whole := range []facts.Throttled{{Pod: "a", Periods: 1000, Throttled: 200}, {Pod: "a", Periods: 300, Throttled: 200}} {
		if got := since(whole); !got.Unknown {
			t.Errorf("throttled in %v of %v periods of its life: %+v", whole.Throttled, whole.Periods, got)
		}
	}

	// What was left out is named.
	some := &facts.ClusterFacts{Pods: []facts.PodFacts{limited, limited}, Throttle: []facts.Throttled{fine}, NodesLeft: []string{"node-4", "node-5"}}
	if got := check.PodThrottling(&facts.Observation{Cluster: some}); !strings.Contains(got.Why, "The pods on node-4, node-5 were skipped") {
		t.Errorf("two nodes were not asked: %+v", got)
	}
	some.Throttle = []facts.Throttled{{Periods: 50}}
	if got := check.PodThrottling(&facts.Observation{Cluster: some}); !strings.Contains(got.Why, "Only this probe's own container was checked") {
		t.Errorf("one of two pods was counted: %+v", got)
	}

	// At the second look there is a pod that was not there, and one whose counters began anew.
	kubelet := scrapes{"", ""}
	for i, counts := range []map[string]int{{"a": 100, "b": 500}, {"a": 150, "b": 20, "new": 70}} {
		for pod, periods := range counts {
			kubelet[i] += fmt.Sprintf("container_cpu_cfs_periods_total{container=\"honeydue\",namespace=\"honeydue\",pod=%q} %d\n", pod, periods)
		}
	}
	f := &facts.ClusterFacts{Pods: []facts.PodFacts{limited}, Unread: map[string]string{}}
	over := make(chan struct{})
	close(over)
	watchThrottling(t.Context(), f, &kubelet, facts.Cluster{Namespace: "honeydue"}, time.Millisecond, over)
	if want := []facts.Throttled{{Pod: "a", Periods: 50}, {Pod: "b"}, {Pod: "new"}}; !slices.Equal(f.Throttle, want) {
		t.Errorf("it counts %+v, want %+v", f.Throttle, want)
	}
}

// TestThrottlingIsLookedAtLate: the second look comes when everything else is over, or while there is still time for it.
func TestThrottlingIsLookedAtLate(t *testing.T) {
	var limited facts.PodFacts
	if err := json.Unmarshal([]byte(`{"spec": {"nodeName": "node-1", "containers": [{"name": "honeydue", "resources": {"limits": {"cpu": "1"}}}]}}`), &limited); err != nil {
		t.Fatal(err)
	}
	periods := func(n int) string {
		return fmt.Sprintf("container_cpu_cfs_periods_total{container=\"honeydue\",namespace=\"honeydue\",pod=\"a\"} %d\n", n)
	}
	for name, never := range map[string]bool{"everything else is over": false, "something else takes all the time": true} {
		kubelet := scrapes{periods(1000), periods(1040)}
		f := &facts.ClusterFacts{Pods: []facts.PodFacts{limited}, Unread: map[string]string{}}
		over, done := make(chan struct{}), make(chan struct{})
		ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
		go func() {
			defer close(done)
			watchThrottling(ctx, f, &kubelet, facts.Cluster{Namespace: "honeydue"}, 0, over)
		}()
		if !never {
			select {
			case <-done:
				t.Errorf("%s: the second look was made before that", name)
			case <-time.After(50 * time.Millisecond):
			}
			close(over)
		}
		<-done
		if want := []facts.Throttled{{Pod: "a", Periods: 40}}; ctx.Err() != nil || !slices.Equal(f.Throttle, want) || f.ThrottledSince["a"].Periods != 1040 {
			t.Errorf("%s: it counts %+v, since the start %+v", name, f.Throttle, f.ThrottledSince)
		}
		cancel()
	}
}

// scrapes are the answers of a kubelet, one after the other.
type scrapes []string

func (s *scrapes) get(context.Context, string) ([]byte, error) {
	body := (*s)[0]
	*s = (*s)[1:]
	return []byte(body), nil
}
