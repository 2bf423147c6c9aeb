package check

import (
	"testing"

	"github.com/honeydue/honeydue/internal/probe/facts"
)

// TestBuffersThatAreTooSmall: blocks that a second run reads again, and tables that the memory can't hold.
func TestBuffersThatAreTooSmall(t *testing.T) {
	plan := planFrom(t, `{"Node Type":"Index Scan","Relation Name":"tasks","Index Name":"tasks_board_idx"}`)
	at := func(buffersKB float64, later ...*facts.Blocks) *facts.Observation {
		o := &facts.Observation{Facts: &facts.DatabaseFacts{
			SharedBuffersKB: buffersKB, Tables: map[string]facts.TableFacts{"tasks": {KB: 3000}, "others": {KB: 1 << 30}},
			Indexes: []facts.IndexDefinition{{Name: "tasks_board_idx", Table: "tasks", KB: 1000}, {Name: "others_idx", Table: "others", KB: 1 << 30}},
		}}
		for _, b := range later {
			o.Hot = append(o.Hot, facts.HotPath{Name: "task_board", Subject: "heavy", Plan: plan, LaterRuns: b})
		}
		return o
	}
	for name, c := range map[string]struct {
		o    *facts.Observation
		want facts.Severity
	}{
		"read again":                        {at(1024, &facts.Blocks{Hit: 10, Read: 500}), "x"},
		"in memory":                         {at(1024, &facts.Blocks{Hit: 5000}, &facts.Blocks{Hit: 100}), ""},
		"one statement of several":          {at(1024, &facts.Blocks{Hit: 400}, &facts.Blocks{Hit: 100, Read: 64}), "x"},
		"little":                            {at(1024, &facts.Blocks{Hit: 10, Read: 63}), ""},
		"a small share":                     {at(1024, &facts.Blocks{Hit: 1000, Read: 100}), ""},
		"it would fit: others push it out":  {at(4096, &facts.Blocks{Hit: 10, Read: 500}), ""},
		"it can't fit, whatever is counted": {at(4096, &facts.Blocks{Hit: 10, Read: 600}), "x"},
		"run once":                          {at(1024, nil), "unknown"},
	} {
		out := smallBuffers(c.o)
		got := facts.Severity("")
		switch {
		case out.Unknown:
			got = "unknown"
		case len(out.Hits) == 1:
			got = "x"
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q: %+v", name, got, c.want, out)
		}
	}
	if out := smallBuffers(at(1024, &facts.Blocks{Hit: 10, Read: 500})); out.Hits[0].about[0] != "tasks" {
		t.Errorf("it is about %v", out.Hits[0].about)
	}
	neon := at(1024, &facts.Blocks{Read: 5000})
	neon.Server = &facts.ServerFacts{Extensions: facts.ExtensionFacts{NeonSchema: "neon"}}
	if out := smallBuffers(neon); len(out.Hits) != 0 || out.Unknown {
		t.Errorf("on Neon: %+v", out)
	}
}

// TestLaterRunsKeepTheLeast: one run that was disturbed says nothing, and a sequential scan never finds its blocks.
func TestLaterRunsKeepTheLeast(t *testing.T) {
	scan := planFrom(t, `{"Node Type":"Nested Loop","Shared Hit Blocks":30,"Shared Read Blocks":900,"Plans":[
		{"Node Type":"Seq Scan","Shared Hit Blocks":10,"Shared Read Blocks":800},{"Node Type":"Index Scan","Shared Hit Blocks":20,"Shared Read Blocks":100}]}`)
	if got := scan.Kept(); got != (facts.Blocks{Hit: 20, Read: 100}) {
		t.Errorf("without the scan they are %+v", got)
	}
	var plan *facts.Plan
	for i, read := range []float64{900, 5, 7} {
		p := &facts.Plan{ExecutionMS: float64(10 + i), Root: facts.Node{SharedRead: read}} // the first is the fastest
		plan = plan.FasterOf(p)
	}
	if plan.ExecutionMS != 10 || plan.Later == nil || plan.Later.Read != 5 {
		t.Errorf("%+v, later %+v", plan, plan.Later)
	}
	if first := (*facts.Plan)(nil).FasterOf(scan); first.Later != nil {
		t.Errorf("there is one run, and a later one: %+v", first.Later)
	}
}
