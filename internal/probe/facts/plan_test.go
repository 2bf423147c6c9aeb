package facts

import (
	"errors"
	"slices"
	"testing"
)

const planText = `[{"Plan":{"Node Type":"Nested Loop","Total Cost":100.5,"Actual Total Time":9.5,"Actual Loops":1,
 "Shared Hit Blocks":12,"Shared Read Blocks":3,"Plans":[
  {"Node Type":"Index Scan","Relation Name":"residences","Index Name":"residences_owner_active_idx","Index Cond":"(owner_id = '7'::bigint)","Actual Loops":1},
  {"Node Type":"Seq Scan","Relation Name":"tasks","Filter":"(residence_id = '9'::bigint)","Actual Rows":10,"Actual Loops":3,
   "Actual Total Time":2.5,"Rows Removed by Filter":490}]},
 "Planning Time":0.25,"Execution Time":9.75,"Triggers":[]}]`

func TestParsePlan(t *testing.T) {
	p, err := ParsePlan([]byte(planText))
	if err != nil {
		t.Fatal(err)
	}
	if p.PlanningMS != 0.25 || p.ExecutionMS != 9.75 {
		t.Errorf("times are %v and %v", p.PlanningMS, p.ExecutionMS)
	}
	if hit, read := p.Blocks(); hit != 12 || read != 3 {
		t.Errorf("blocks are %v and %v", hit, read)
	}
	if got := p.Relations(); !slices.Equal(got, []string{"residences", "tasks"}) {
		t.Errorf("relations are %v", got)
	}
	if got := p.Access(); !slices.Equal(got, []string{"residences_owner_active_idx", "seq tasks"}) {
		t.Errorf("access is %v", got)
	}
	want := Scan{"tasks", 1500, 7.5}
	if got := p.Sequential(); len(got) != 1 || got[0] != want {
		t.Errorf("sequential scans are %+v, want %+v", got, want)
	}
}

func TestParsePlanRefusesWhatIsNone(t *testing.T) {
	for _, in := range []string{"", "[]", "{}", `[{"Plan":{}}]`, `[{"Execution Time":1}]`, "[null]"} {
		if p, err := ParsePlan([]byte(in)); err == nil {
			t.Errorf("ParsePlan(%q) = %+v, want an error", in, p)
		}
	}
	if _, err := ParsePlan([]byte("[]")); !errors.Is(err, errNoPlan) {
		t.Errorf("an empty array gives %v, want errNoPlan", err)
	}
}
