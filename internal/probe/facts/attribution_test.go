package facts

import (
	"testing"

	"github.com/honeydue/honeydue/internal/store"
)

// TestPoolerWaitNeedsEvidence: a residual is named only if something else agrees.
func TestPoolerWaitNeedsEvidence(t *testing.T) {
	for _, c := range []struct {
		name              string
		residual, control float64
		waiting           int64
		want              bool
	}{
		{"small", 8, 200, 5, false},
		{"large, and the empty query is quick", 500, 111, -1, false},
		{"large, and the empty query is slow too", 500, 400, -1, true},
		{"large, and SHOW POOLS shows a queue", 500, 111, 3, true},
		{"large, and SHOW POOLS shows none", 500, 111, 0, false},
		{"large, both are slow, and SHOW POOLS shows no queue", 500, 400, 0, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := waits(HotPath{ResidualMS: c.residual, ControlMS: c.control, Waiting: c.waiting}, 110); got != c.want {
				t.Errorf("waits = %v, want %v", got, c.want)
			}
		})
	}
}

func TestS14Limit(t *testing.T) {
	board, lookup := &Plan{Root: Node{Relation: "tasks"}}, &Plan{Root: Node{Relation: "users"}}
	for _, c := range []struct {
		label string
		tasks int64
		plan  *Plan
		want  float64
	}{
		{"median", 5000, board, 1},
		{"empty", 0, board, 1},
		{"heavy", 12, board, 8},
		{"heavy", 200, board, 8},
		{"heavy", 2000, board, 80},
		{"heavy", 2000, lookup, 8},
		{"median", 2000, lookup, 1},
		{"heavy", 2000, nil, 8},
	} {
		if got := S14Limit(store.Subject{Label: c.label, Tasks: c.tasks}, c.plan); got != c.want {
			t.Errorf("the limit of a %s user with %d tasks is %v, want %v", c.label, c.tasks, got, c.want)
		}
	}
}

func TestS14IsUnknownWithoutARun(t *testing.T) {
	for _, e := range []Explained{{}, {Plan: &Plan{}, Why: "it was not run"}, {Failed: &Failure{Kind: KindTimeout}}} {
		if v := JudgeS14(store.Subject{Label: "median"}, e); v.Status != Unknown || v.Why == "" {
			t.Errorf("%+v gives %+v", e, v)
		}
	}
}

func TestProxyBetween(t *testing.T) {
	for _, c := range []struct {
		name  string
		tcp   float64
		next  float64
		floor float64
		want  bool
	}{
		{"an honest link", 111, 111, 110, false},
		{"a proxy that passes its cost on", 0.2, 221, 110, true},
		{"a proxy that stands near", 2, 111, 110, true},
		{"everything near", 0.1, 0.2, 0.3, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := Endpoint{FloorMS: c.floor, Phases: []Phase{{"dns", 0, 0}, {"tcp", 1, c.tcp}, {"ssl_request", 1, c.next}}}
			e.JudgeProxy(nil)
			if e.ProxyBetween != c.want || c.want != (len(e.Notes) == 1) {
				t.Errorf("proxy %v with notes %v, want %v", e.ProxyBetween, e.Notes, c.want)
			}
		})
	}
}
