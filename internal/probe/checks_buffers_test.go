package probe

import "testing"

// TestBuffersThatAreTooSmall: blocks that a second run reads again, and tables that the memory can't hold.
func TestBuffersThatAreTooSmall(t *testing.T) {
	plan := planFrom(t, `{"Node Type":"Index Scan","Relation Name":"tasks","Index Name":"tasks_board_idx"}`)
	at := func(buffersKB float64, later ...*Blocks) *observation {
		o := &observation{facts: &databaseFacts{
			sharedBuffersKB: buffersKB, tables: map[string]tableFacts{"tasks": {kb: 3000}, "others": {kb: 1 << 30}},
			indexes: []indexDefinition{{name: "tasks_board_idx", table: "tasks", kb: 1000}, {name: "others_idx", table: "others", kb: 1 << 30}},
		}}
		for _, b := range later {
			o.hot = append(o.hot, HotPath{Name: "task_board", Subject: "heavy", Plan: plan, LaterRuns: b})
		}
		return o
	}
	for name, c := range map[string]struct {
		o    *observation
		want Severity
	}{
		"read again":                        {at(1024, &Blocks{Hit: 10, Read: 500}), "x"},
		"in memory":                         {at(1024, &Blocks{Hit: 5000}, &Blocks{Hit: 100}), ""},
		"one statement of several":          {at(1024, &Blocks{Hit: 400}, &Blocks{Hit: 100, Read: 64}), "x"},
		"little":                            {at(1024, &Blocks{Hit: 10, Read: 63}), ""},
		"a small share":                     {at(1024, &Blocks{Hit: 1000, Read: 100}), ""},
		"it would fit: others push it out":  {at(4096, &Blocks{Hit: 10, Read: 500}), ""},
		"it can't fit, whatever is counted": {at(4096, &Blocks{Hit: 10, Read: 600}), "x"},
		"run once":                          {at(1024, nil), "unknown"},
	} {
		out := smallBuffers(c.o)
		got := Severity("")
		switch {
		case out.unknown:
			got = "unknown"
		case len(out.hits) == 1:
			got = "x"
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q: %+v", name, got, c.want, out)
		}
	}
	if out := smallBuffers(at(1024, &Blocks{Hit: 10, Read: 500})); out.hits[0].about[0] != "tasks" {
		t.Errorf("it is about %v", out.hits[0].about)
	}
	neon := at(1024, &Blocks{Read: 5000})
	neon.server = &serverFacts{extensions: extensionFacts{NeonSchema: "neon"}}
	if out := smallBuffers(neon); len(out.hits) != 0 || out.unknown {
		t.Errorf("on Neon: %+v", out)
	}
}

// TestLaterRunsKeepTheLeast: one run that was disturbed says nothing, and a sequential scan never finds its blocks.
func TestLaterRunsKeepTheLeast(t *testing.T) {
	scan := planFrom(t, `{"Node Type":"Nested Loop","Shared Hit Blocks":30,"Shared Read Blocks":900,"Plans":[
		{"Node Type":"Seq Scan","Shared Hit Blocks":10,"Shared Read Blocks":800},{"Node Type":"Index Scan","Shared Hit Blocks":20,"Shared Read Blocks":100}]}`)
	if got := scan.kept(); got != (Blocks{Hit: 20, Read: 100}) {
		t.Errorf("without the scan they are %+v", got)
	}
	var plan *Plan
	for i, read := range []float64{900, 5, 7} {
		p := &Plan{ExecutionMS: float64(10 + i), Root: Node{SharedRead: read}} // the first is the fastest
		plan = plan.fasterOf(p)
	}
	if plan.ExecutionMS != 10 || plan.later == nil || plan.later.Read != 5 {
		t.Errorf("%+v, later %+v", plan, plan.later)
	}
	if first := (*Plan)(nil).fasterOf(scan); first.later != nil {
		t.Errorf("there is one run, and a later one: %+v", first.later)
	}
}
