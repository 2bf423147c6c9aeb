package bench

import (
	"net/http"
	"reflect"
	"strings"
	"testing"
)

// A phase with a mix of its own has exactly those requests, and what one phase has completed the next one undoes.
func TestPhasesHaveMixesOfTheirOwn(t *testing.T) {
	text := strings.Replace(smallScenario, "  p99: 200ms\n", "  p99: 200ms\n  steps: {complete_task: {p99: 400ms}}\n", 1) +
		"    mix: {complete_task: 3}\n" + // 1 : 1
		"  - {name: reading, shape: constant, rate: 100, duration: 4s, mix: {complete_task: 0}}\n" +
		"  - {name: writing, shape: constant, rate: 100, duration: 7s, mix: {task_board: 1, complete_task: 4}}\n" +
		"  - {name: still writing, shape: constant, rate: 100, duration: 4s, mix: {task_board: 2, complete_task: 8}}\n" +
		"  - {name: as at first, shape: constant, rate: 100, duration: 13s}\n"
	text = strings.Replace(strings.Replace(text, "tasks: 40", "tasks: 90", 1), "users: {register: 5}", "users: {register: 6}", 1)
	s, err := ReadScenario([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	plan, err := s.Plan()
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []int{1, 0, 1, 1, 1} {
		if got := len(plan.Phases[i].Thresholds); got != want {
			t.Errorf("phase %s has %d thresholds, not %d: the limit is on a step", plan.Phases[i].Name, got, want)
		}
	}
	if plan, err = s.Bind(plan, testWorld(6, 1, 90)); err != nil {
		t.Fatal(err)
	}
	completed := make(map[string]bool)
	for i, want := range []int{1000, 0, 560, 320, 325} {
		got := 0
		for seq := range plan.Phases[i].Schedule.Count() {
			shot := plan.Phases[i].Shots(seq)
			if shot.Route != "complete_task" {
				continue
			}
			got++
			if done := shot.Method == http.MethodDelete; done != completed[shot.Path] {
				t.Fatalf("phase %d, request %d: %s %s, completed: %v", i, seq, shot.Method, shot.Path, completed[shot.Path])
			}
			completed[shot.Path] = !completed[shot.Path]
		}
		if got != want {
			t.Errorf("phase %s completes %d tasks, not %d", plan.Phases[i].Name, got, want)
		}
	}
}

// A mix that changes nothing changes no request: it is the same deck.
func TestAMixOfTheSameSharesIsTheSameDeck(t *testing.T) {
	bound := func(second string) Plan {
		s, err := ReadScenario([]byte(smallScenario + second))
		if err != nil {
			t.Fatal(err)
		}
		plan, err := s.Plan()
		if err != nil {
			t.Fatal(err)
		}
		if plan, err = s.Bind(plan, testWorld(5, 1, 40)); err != nil {
			t.Fatal(err)
		}
		return plan
	}
	plain := bound("  - {name: again, shape: constant, rate: 100, duration: 5s}\n")
	mixed := bound("  - {name: again, shape: constant, rate: 100, duration: 5s, mix: {task_board: 6, complete_task: 2}}\n")
	for seq := range plain.Phases[1].Schedule.Count() {
		if a, b := plain.Phases[1].Shots(seq), mixed.Phases[1].Shots(seq); !reflect.DeepEqual(a, b) {
			t.Fatalf("request %d: %+v and %+v", seq, a, b)
		}
	}
}
