package bench

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/honeydue/honeydue/internal/bench/stats"
)

// testEvening are households whose people and tasks can be told by their ids.
func testEvening() *Evening {
	e := &Evening{run: "0123456789abcdef", households: make([]eveningHousehold, eveningHouseholds)}
	users := testUsers(2 * eveningHouseholds)
	for i := range e.households {
		h := &e.households[i]
		h.people, h.home = [2]User(users[2*i:2*i+2]), int64(1000+i)
		for k := range eveningTasks {
			h.tasks = append(h.tasks, int64(5000+100*i+k))
		}
	}
	return e
}

// eveningPhase is the phase of a profile, bound to its households.
func eveningPhase(t *testing.T, profile string) PhasePlan {
	t.Helper()
	plan, err := NewPlan(PlanOptions{Profile: profile, Phases: []string{PhaseEvening}, LinkRTT: 110 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if !plan.HasEvening() || plan.UsersNeeded() != 0 {
		t.Fatalf("%+v needs %d users", plan, plan.UsersNeeded())
	}
	if plan = testEvening().Bind(plan); plan.HasEvening() {
		t.Fatal("the phase still has no households")
	}
	return plan.Phases[0]
}

// asked is one request of a household.
type asked struct {
	at   time.Duration
	shot Shot
	who  int // of the two people
}

// Every household does the same things in the same order, at moments that follow from the schedule: a write, the
// writer's own board when the write has had time to be answered, a second later the other one's, the own one again, and
// another list.
func TestEveningKeepsItsOrder(t *testing.T) {
	p, e := eveningPhase(t, "release"), testEvening()
	by := make([][]asked, eveningHouseholds)
	for seq := range p.Schedule.Count() {
		shot := p.Shots(seq)
		if !reflect.DeepEqual(p.Shots(seq), shot) {
			t.Fatalf("request %d is two different ones", seq)
		}
		i := int((shot.User.ID - 1) / 2)
		by[i] = append(by[i], asked{p.Schedule.At(seq), shot, int((shot.User.ID - 1) % 2)})
	}
	renamed, created, others, writers := 0, 0, map[string]int{}, [2]int{}
	for i, all := range by {
		var evening [][]asked // each from a write to the next one; the first may have no write
		for _, a := range all {
			if a.shot.Aside || len(evening) == 0 {
				evening = append(evening, nil)
			}
			evening[len(evening)-1] = append(evening[len(evening)-1], a)
		}
		for n, one := range evening {
			if !one[0].shot.Aside { // the evening had begun before
				if n > 0 {
					t.Fatalf("household %d: reads without a write: %v", i, one)
				}
				continue
			}
			write := one[0]
			writers[write.who]++
			var body struct {
				Title     string
				Residence int64 `json:"residence_id"`
			}
			if err := json.Unmarshal([]byte(write.shot.Body), &body); err != nil || !strings.Contains(body.Title, e.run) {
				t.Fatalf("%s: %v", write.shot.Body, err)
			}
			switch write.shot.Route {
			case "update_task":
				renamed++
				var task int64
				if _, err := fmt.Sscanf(write.shot.Path, "/api/tasks/%d/", &task); err != nil || int(task-5000)/100 != i || write.shot.Method != http.MethodPatch || body.Residence != 0 {
					t.Fatalf("household %d: %s %s %s", i, write.shot.Method, write.shot.Path, write.shot.Body)
				}
			case "create_task":
				created++
				if write.shot.Method != http.MethodPost || write.shot.Path != "/api/tasks/" || body.Residence != int64(1000+i) {
					t.Fatalf("household %d: %s %s %s", i, write.shot.Method, write.shot.Path, write.shot.Body)
				}
			default:
				t.Fatalf("a write is %s", write.shot.Route)
			}
			for k, want := range []struct {
				route string
				own   bool
				after time.Duration // the step before, at least
			}{
				{"task_board:own", true, 400 * time.Millisecond},
				{"task_board:other", false, time.Second},
				{"task_board:own_again", true, time.Millisecond},
				{"", false, time.Millisecond},
			} {
				if k+1 >= len(one) {
					break // the phase ends
				}
				step := one[k+1]
				if (step.who == write.who) != want.own || step.at-one[k].at < want.after || step.shot.Group != groupReads || step.shot.Method != "" || (want.route != "" && step.shot.Route != want.route) {
					t.Fatalf("household %d, step %d: %+v after %v", i, k+1, step, step.at-one[k].at)
				}
				if want.route == "" {
					others[step.shot.Route]++
				} else if step.shot.Path != "/api/tasks/" {
					t.Fatalf("%s asks for %s", step.shot.Route, step.shot.Path)
				}
			}
			if len(one) > eveningSteps || n+1 < len(evening) && len(one) != eveningSteps {
				t.Fatalf("household %d: a cycle of %d requests", i, len(one))
			}
			if n > 0 && evening[n-1][0].shot.Aside && (write.at-evening[n-1][0].at != eveningCycle || write.who == evening[n-1][0].who) {
				t.Fatalf("household %d: a write by %d, %v after the one by %d", i, write.who, write.at-evening[n-1][0].at, evening[n-1][0].who)
			}
		}
	}
	if renamed != 150 || created != 150 || writers != [2]int{150, 150} {
		t.Errorf("%d renames and %d new tasks, by %v", renamed, created, writers)
	}
	for _, list := range []string{"residence_list", "contractor_list", "document_list"} {
		if n := others[list]; n < 70 || n > 130 {
			t.Errorf("%s was opened %d times: %v", list, n, others)
		}
	}
	if n := len(p.WarmUp); n != 4*2*eveningHouseholds {
		t.Errorf("%d requests warm up", n)
	}
}

// Each profile's evening has requests enough for every claim, some of them over.
func TestEveningCanBeClaimed(t *testing.T) {
	for profile, spare := range map[string]int{"release": 6, "smoke": 1} {
		p := eveningPhase(t, profile)
		n := map[string]int{}
		for seq := range p.Schedule.Count() {
			n[p.Shots(seq).Group]++
		}
		if stats.OverAllowed(n[groupReads]) < spare || len(p.Thresholds) != 2 || len(p.Goals) != 3 {
			t.Errorf("%s: %v, %d thresholds, %d goals", profile, n, len(p.Thresholds), len(p.Goals))
		}
		for _, limit := range p.Thresholds {
			if limit.Needed() > n[limit.Route] {
				t.Errorf("%s: %s of %s needs %d of %d", profile, limit.What(), limit.Route, limit.Needed(), n[limit.Route])
			}
		}
	}
	plan, err := NewPlan(PlanOptions{Profile: "release", EveningP99: time.Second})
	if err != nil || plan.Phases[len(plan.Phases)-1].Name != PhaseEvening || plan.Phases[len(plan.Phases)-1].Target != time.Second || len(plan.Phases[len(plan.Phases)-1].Goals) != 0 {
		t.Errorf("%+v, %v", plan, err)
	}
	if plan, err = NewPlan(PlanOptions{Profile: "smoke"}); err != nil || plan.HasEvening() {
		t.Errorf("the smoke profile runs it unasked: %v", err)
	}
	if _, err := testRun(t, newStandIn(t), Plan{Phases: []PhasePlan{{Name: PhaseEvening}}}, nil, nil); err == nil {
		t.Error("a phase without households was run")
	}
}

// judgedEvening judges an evening whose requests are answered as answer says.
func judgedEvening(t *testing.T, answer func(Shot) Sample, server *ServerTimeline) Phase {
	t.Helper()
	p := eveningPhase(t, "release")
	all := newTally(p.State, p.Target, time.Second)
	all.watched, all.windows = newWatches(p.Thresholds), stats.NewWindows()
	for seq := range p.Schedule.Count() {
		s := answer(p.Shots(seq))
		s.Seq, s.Shot = seq, p.Shots(seq)
		all.observe(p.Schedule.At(seq), s)
	}
	r := &run{Config: Config{Hitter: newHitter(t, HitterConfig{Base: parsed(t, "http://127.0.0.1")})}}
	return r.judged(p, all, Ran{}, effort{}, "").metered(server, p.Goals)
}

// warmEvening is a household's request as it should be answered.
func warmEvening(s Shot) Sample {
	if s.Aside {
		return Sample{Latency: 115 * time.Millisecond, Reply: Reply{Turns: 1}}
	}
	return Sample{Latency: time.Millisecond}
}

func TestEveningIsJudgedByItsReads(t *testing.T) {
	turns := 0.4
	p := judgedEvening(t, warmEvening, &ServerTimeline{Series: []Series{{Name: seriesPoolTurns, Mean: &turns}}})
	if p.Verdict != Pass || p.Requests != 1200 || p.Over != 0 || *p.TurnFreeShare != 1 || p.DBTurns.Max != 0 || *p.Latency.P99 > 2 || len(p.Thresholds) != 2 {
		t.Errorf("%s because of %q: %+v", p.Verdict, p.Reasons, p)
	}
	if w := p.Writes; w == nil || w.Requests != 300 || w.Errors != 0 || math.Abs(w.P50MS-115) > 1 || w.DBTurnsPerWrite == nil || *w.DBTurnsPerWrite != 2 {
		t.Errorf("writes: %+v", p.Writes)
	}
	met := map[string]bool{}
	for _, g := range p.Goals {
		met[g.Text] = g.Met
	}
	if want := map[string]bool{"list reads: p50 <= 3 ms": true, "writes: p50 <= 1.1 R": true, "DB turns per write <= 2.2": true}; !reflect.DeepEqual(met, want) {
		t.Errorf("goals: %v", met)
	}
	if !strings.HasSuffix(p.claim(), "(6 allowed); 100% took no DB turn") {
		t.Error(p.claim())
	}
	if i := slices.IndexFunc(p.Routes, func(f RouteFigures) bool { return f.Route == "update_task" }); i < 0 || p.Routes[i].Requests != 150 || p.Routes[i].Over != 0 {
		t.Errorf("routes: %+v", p.Routes)
	}
	for _, s := range p.Slowest {
		if strings.HasSuffix(s.Route, "_task") {
			t.Errorf("the slowest reads have a %s", s.Route)
		}
	}

	ownBoard := func(s Shot) bool { return s.Route == "task_board:own" }
	for name, tc := range map[string]struct {
		answer  func(Shot) Sample
		verdict Verdict
		says    string
		errors  int // of the writes
	}{
		"the writer's own board takes a turn, fast as it is": {func(s Shot) Sample {
			got := warmEvening(s)
			if ownBoard(s) {
				got.Reply.Turns = 1
			}
			return got
		}, Fail, "turn_free of list reads: 75%, limit 97%", 0},
		"the writer's own board takes too long": {func(s Shot) Sample {
			got := warmEvening(s)
			if ownBoard(s) {
				got.Latency = 41 * time.Millisecond
			}
			return got
		}, Fail, "300 of 1200 were over the target", 0},
		"a server that does not state its turns": {func(s Shot) Sample {
			got := warmEvening(s)
			got.Reply.Turns = -1
			return got
		}, Inconclusive, "1200 do not state their turns", 0},
		"writes that fail leave everything warm": {func(s Shot) Sample {
			got := warmEvening(s)
			if s.Route == "create_task" {
				got.Kind = "503"
			}
			return got
		}, Fail, "150 of 300 writes failed: 503", 150},
		"all of it fails": {func(Shot) Sample { return Sample{Kind: "503"} }, Fail, "1200 of 1200 requests failed", 300},
	} {
		t.Run(name, func(t *testing.T) {
			p := judgedEvening(t, tc.answer, nil)
			if p.Verdict != tc.verdict || !strings.Contains(strings.Join(p.Reasons, "\n"), tc.says) || p.Writes.Errors != tc.errors || p.Writes.DBTurnsPerWrite != nil {
				t.Errorf("%s because of %q; writes %+v", p.Verdict, p.Reasons, p.Writes)
			}
		})
	}
}

// A failure for want of a descriptor is this machine's, of a write as of a read.
func TestAWriteThatWasNotSentIsNoFailureOfTheServer(t *testing.T) {
	all := newTally(AnyState, time.Second, time.Second)
	all.observe(0, Sample{Shot: Shot{Aside: true}, Kind: KindDescriptors})
	all.observe(0, Sample{Kind: KindDescriptors})
	if why := (Machine{}).missing(all.allKinds()); len(why) != 1 || !strings.HasPrefix(why[0], "2 requests were not sent") {
		t.Errorf("%q", why)
	}
}
