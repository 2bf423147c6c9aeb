package check

import (
	"fmt"
	"testing"

	"github.com/honeydue/honeydue/internal/probe/facts"
)

// scanOf is a sequential scan of tasks in a plan, its figures per loop.
func scanOf(ms, rows, loops float64, more string) string {
	return fmt.Sprintf(`{"Node Type":"Seq Scan","Parent Relationship":"Outer","Relation Name":"tasks","Actual Total Time":%v,"Actual Rows":%v,"Actual Loops":%v%s}`, ms, rows, loops, more)
}

func planFrom(t *testing.T, root string) *facts.Plan {
	t.Helper()
	p, err := facts.ParsePlan([]byte(`[{"Plan":` + root + `,"Planning Time":1,"Execution Time":101}]`))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestWallTimeBelowAGather: a step takes as long as its processes did side by side, not one after the other.
func TestWallTimeBelowAGather(t *testing.T) {
	gather := func(kind string, launched, loops float64, below string) string {
		return fmt.Sprintf(`{"Node Type":%q,"Actual Total Time":%v,"Actual Loops":%v,"Workers Planned":2,"Workers Launched":%v,"Plans":[%s]}`, kind, 100/loops, loops, launched, below)
	}
	const parallel = `,"Parallel Aware":true`
	for name, c := range map[string]struct {
		root string
		want float64
	}{
		"two workers and the leader":   {gather("Gather", 2, 1, scanOf(90, 500, 3, parallel)), 90},
		"gather merge":                 {gather("Gather Merge", 2, 1, scanOf(90, 500, 3, parallel)), 90},
		"workers alone":                {gather("Gather", 2, 1, scanOf(90, 500, 2, parallel)), 90},
		"one worker was launched":      {gather("Gather", 1, 1, scanOf(90, 500, 2, parallel)), 90},
		"no worker was launched":       {gather("Gather", 0, 1, scanOf(90, 500, 1, parallel)), 90},
		"a gather that is run again":   {gather("Gather", 2, 10, scanOf(9, 500, 30, parallel)), 90},
		"the inner side of a loop":     {gather("Gather", 2, 1, `{"Node Type":"Nested Loop","Parent Relationship":"Outer","Actual Total Time":95,"Actual Loops":3,"Plans":[`+scanOf(0.1, 1, 2700, "")+`]}`), 90},
		"one member, one process":      {gather("Gather", 2, 1, `{"Node Type":"Append","Parallel Aware":true,"Parent Relationship":"Outer","Actual Total Time":60,"Actual Loops":3,"Plans":[`+scanOf(60, 500, 1, "")+`]}`), 60},
		"loops of one process":         {gather("Gather", 2, 1, `{"Node Type":"Append","Parallel Aware":true,"Parent Relationship":"Outer","Actual Total Time":60,"Actual Loops":3,"Plans":[{"Node Type":"Nested Loop","Parent Relationship":"Member","Actual Total Time":60,"Actual Loops":1,"Plans":[`+scanOf(0.5, 1, 100, "")+`]}]}`), 50},
		"what the leader did before":   {gather("Gather", 2, 1, `{"Node Type":"Seq Scan","Parent Relationship":"InitPlan","Relation Name":"tasks","Actual Total Time":5,"Actual Rows":1,"Actual Loops":4}`), 20},
		"fewer workers the last time":  {gather("Gather", 1, 10, scanOf(9, 500, 30, parallel)), 90},
		"no gather, one after another": {`{"Node Type":"Nested Loop","Actual Total Time":95,"Actual Loops":1,"Plans":[` + scanOf(30, 500, 3, "") + `]}`, 90},
	} {
		p := planFrom(t, c.root)
		scans := p.Sequential()
		if len(scans) != 1 || scans[0].MS != c.want {
			t.Errorf("%s: %+v, want %v ms", name, scans, c.want)
		}
		p.Each(func(n *facts.Node, by facts.Processes) {
			if got := selfMS(n, by); got > p.ExecutionMS || got < 0 {
				t.Errorf("%s: %s took %v ms by itself", name, n.Type, got)
			}
		})
	}
}

// TestRoundedRowsGiveBounds: means per loop are rounded, so over many loops a quotient of them says nothing.
func TestRoundedRowsGiveBounds(t *testing.T) {
	at := func(rows string, removed, loops float64) *facts.Plan {
		return planFrom(t, fmt.Sprintf(`{"Node Type":"Index Scan","Relation Name":"tasks","Plan Rows":1,"Actual Rows":%s,"Actual Loops":%v,"Rows Removed by Filter":%v}`, rows, loops, removed))
	}
	for name, c := range map[string]struct {
		p      *facts.Plan
		factor float64 // 0: no finding
		rows   facts.Bounds
	}{
		"2.5 for each one looked like 1000":   {at("0", 1, 1000), 0, facts.Bounds{}},
		"rounded, and surely many":            {at("1", 40, 1000), 39.5 / 1.5, facts.Bounds{Low: 39500, High: 40500}},
		"rounded, and perhaps fewer than ten": {at("1", 12, 1000), 0, facts.Bounds{}},
		"version 18 knows what was kept":      {at("0.40", 12, 1000), 11.5 / 0.405, facts.Bounds{Low: 11500, High: 12500}},
		"one loop is exact":                   {at("100", 2500, 1), 25, facts.Bounds{Low: 2500, High: 2500}},
		"one loop of version 18":              {at("100.00", 2500, 1), 25, facts.Bounds{Low: 2500, High: 2500}},
	} {
		got := discarded(c.p)
		switch {
		case c.factor == 0 && len(got) == 0:
		case len(got) != 1 || got[0].rows != c.rows || got[0].factor < c.factor-0.01 || got[0].factor > c.factor+0.01:
			t.Errorf("%s: %+v, want %v of %v", name, got, c.factor, c.rows)
		case got[0].about != !c.rows.Exact():
			t.Errorf("%s: about is %v", name, got[0].about)
		}
	}
	if got := misestimates(at("10", 0, 1000), 10); len(got) != 0 {
		t.Errorf("10 rows a loop may be 9.5: %+v", got)
	}
	if got := misestimates(at("11", 0, 1000), 10); len(got) != 1 || got[0].factor != 10.5 {
		t.Errorf("11 rows a loop are 10.5 at least: %+v", got)
	}
}

// TestFewerWorkersThanPlanned: the planner's rows are a share for the workers that it planned, and the rows of a run one of
// those that came.
func TestFewerWorkersThanPlanned(t *testing.T) {
	of := func(planned, launched, planRows, rows, loops float64) *facts.Plan {
		return planFrom(t, fmt.Sprintf(`{"Node Type":"Gather","Actual Loops":1,"Workers Planned":%v,"Workers Launched":%v,"Plans":[
			{"Node Type":"Seq Scan","Parallel Aware":true,"Relation Name":"tasks","Plan Rows":%v,"Actual Rows":%v,"Actual Loops":%v}]}`, planned, launched, planRows, rows, loops))
	}
	for name, p := range map[string]*facts.Plan{
		"none of twelve came":         of(12, 0, 1000, 12_000, 1),
		"all came":                    of(2, 2, 1000, 800, 3),
		"two came, the leader is out": of(2, 2, 1000, 1000, 2),
	} {
		if got := misestimates(p, facts.MisestimateFactor); len(got) != 0 {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if got := misestimates(of(2, 2, 10, 800, 3), facts.MisestimateFactor); len(got) != 1 || got[0].factor > 100 || got[0].factor < 99 {
		t.Errorf("2400 rows instead of 24: %+v", got)
	}
}
