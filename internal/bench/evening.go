package bench

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/honeydue/honeydue/internal/api"
	"github.com/honeydue/honeydue/internal/household"
)

// PhaseEvening is the app while people write: households of two people who share a
// residence. One of them renames or creates a task and looks at the board, a second
// later the other one looks, then the first one again, and the other one opens
// another list. Its figures are of the list reads; the writes have their own.
const PhaseEvening = "evening"

const (
	// TargetEvening decides the verdict of the list reads of an evening.
	TargetEvening = 40 * time.Millisecond
	// eveningFree is the least share of them that takes no DB turn.
	eveningFree = 0.97
	// eveningFailed is the most writes that may fail: lists that nobody changes stay warm.
	eveningFailed = 0.02

	eveningHouseholds  = 12
	eveningTasks       = 60 // of each household at first
	eveningContractors = 5
	// eveningCycle is the time between two writes of a household.
	eveningCycle = 2500 * time.Millisecond
	// eveningRate is a step of each household in each cycle, in requests per second.
	eveningRate = float64(eveningHouseholds*eveningSteps) / (float64(eveningCycle) / float64(time.Second))
	// eveningLength has 300 writes and 1,200 reads: with 6 of them over, a p99 may still be claimed.
	eveningLength = 25 * eveningCycle
	// eveningShort has just as many writes as a claim on those that fail takes: 150.
	eveningShort = 25 * eveningCycle / 2
)

// The steps of a household in a cycle, in the order in which they are due.
const (
	stepWrite = iota
	stepOwnBoard
	stepOtherBoard
	stepOwnAgain
	stepOtherList
	eveningSteps
)

// stepAt is when a step of a household is due after its write, in places of the
// schedule, of which there are 24 a second. Each leaves another rest when it is
// divided by the number of steps, so that households who begin so many places apart
// share the schedule without a gap. The writer looks 0.46 s after the write was
// due: by then it has been answered, 110 ms away from the database and on a machine
// that does other work, too. The other one looks 1.1 s after that.
func stepAt(step uint64) uint64 {
	return [eveningSteps]uint64{stepWrite: 0, stepOwnBoard: 11, stepOtherBoard: 37, stepOwnAgain: 38, stepOtherList: 39}[step]
}

// The groups that the thresholds of an evening are about.
const (
	groupReads  = "list reads"
	groupWrites = "writes"
)

// eveningPlan is the phase without its households: see Evening.Bind.
func eveningPlan(length, p99, rtt time.Duration) (PhasePlan, error) {
	s, err := claimable(PhaseEvening, Piece{eveningRate, eveningRate, length})
	return PhasePlan{
		Name: PhaseEvening, State: AnyState, Schedule: s, Target: or(p99, TargetEvening), Goals: eveningGoals(rtt),
		Thresholds: []Threshold{
			{Route: groupReads, Share: 1 - eveningFree, Turns: TurnFree},
			{Route: groupWrites, Share: eveningFailed},
		},
	}, err
}

// eveningGoals are the project's own targets while people write.
func eveningGoals(rtt time.Duration) []goal {
	if rtt == 0 {
		return nil
	}
	return []goal{
		{text: "list reads: p50 <= 3 ms", quantile: 0.50, limit: 3 * time.Millisecond},
		{text: "writes: p50 <= 1.1 R", quantile: 0.50, limit: rtt * 11 / 10, writes: true},
		{text: "DB turns per write <= 2.2", turns: 2.2},
	}
}

// Evening is the households of a phase evening. It does not change while the phase runs.
type Evening struct {
	run        string
	households []eveningHousehold
}

// eveningHousehold is two people, a residence of the first one that the second has
// joined, and the tasks in it.
type eveningHousehold struct {
	people [2]User
	home   int64
	tasks  []int64
}

// eveningStep is what a request of the phase is, by its number.
type eveningStep struct {
	step      uint64
	household uint64
	cycle     uint64 // of the household; its first write is in cycle 1, and what follows no write in cycle 0
}

// eveningStepAt takes a number apart. Requests at the start of the phase that would
// follow a write before it are reads like the others.
func eveningStepAt(seq, households uint64) eveningStep {
	step := seq % eveningSteps
	all := households * eveningSteps
	write := seq + all - stepAt(step) // the place of the write that the step follows, one cycle on
	return eveningStep{step: step, household: write / eveningSteps % households, cycle: write / all}
}

// writer is who of the two writes in a cycle: one after the other.
func (s eveningStep) writer() int { return int((s.cycle + s.household) % 2) }

// renames reports whether the write of a cycle renames a task; if not, it creates
// one. Each of both people does each.
func (s eveningStep) renames() bool { return (s.cycle/2+s.household)%2 == 0 }

// shots are the requests of the phase, each by its number alone.
func (e *Evening) shots() Shots {
	update, create := actionOf("update_task"), actionOf("create_task")
	board := actionOf("task_board")
	others := []action{actionOf("residence_list"), actionOf("contractor_list"), actionOf("document_list")}
	households := uint64(len(e.households))
	return func(seq uint64) Shot {
		s := eveningStepAt(seq, households)
		h := e.households[s.household]
		own, other := h.people[s.writer()], h.people[1-s.writer()]
		read := func(a action, who User, name string) Shot {
			return Shot{Route: a.name + name, Group: groupReads, Path: a.path, User: who, JSON: true}
		}
		switch s.step {
		case stepOwnBoard:
			return read(board, own, ":own")
		case stepOtherBoard:
			return read(board, other, ":other")
		case stepOwnAgain:
			return read(board, own, ":own_again")
		case stepOtherList:
			return read(others[scatter(seq)%uint64(len(others))], other, "")
		}
		write := Shot{Group: groupWrites, Aside: true, User: own, JSON: true}
		if s.renames() {
			write.Route, write.Method, write.Path = update.name, update.method, withID(update.path, h.tasks[s.cycle%uint64(len(h.tasks))])
			write.Body = fmt.Sprintf(`{"title":"loadtest %s, name %d"}`, e.run, s.cycle)
			return write
		}
		write.Route, write.Method, write.Path = create.name, create.method, create.path
		write.Body = fmt.Sprintf(`{"residence_id":%d,"title":"loadtest %s, task %d of the evening"}`, h.home, e.run, s.cycle)
		return write
	}
}

// actionOf is an action that is known to exist.
func actionOf(name string) action {
	a, _ := actionNamed(name)
	return a
}

// warmUps are all lists, once as each person.
func (e *Evening) warmUps() (out []Shot) {
	for _, h := range e.households {
		for _, who := range h.people {
			for _, name := range []string{"task_board", "residence_list", "contractor_list", "document_list"} {
				a := actionOf(name)
				out = append(out, Shot{Route: a.name, Path: a.path, User: who, JSON: true})
			}
		}
	}
	return out
}

// HasEvening reports whether the plan has a phase that needs households.
func (p Plan) HasEvening() bool {
	for _, phase := range p.Phases {
		if phase.Name == PhaseEvening && phase.Shots == nil {
			return true
		}
	}
	return false
}

// Bind gives the phase evening of a plan its requests.
func (e *Evening) Bind(p Plan) Plan {
	out := p
	out.Phases = nil
	for _, phase := range p.Phases {
		if phase.Name == PhaseEvening && phase.Shots == nil {
			phase.Shots, phase.WarmUp = e.shots(), e.warmUps()
		}
		out.Phases = append(out.Phases, phase)
	}
	return out
}

// SetUpEvening makes the households through the API: two accounts each, a residence
// with tasks and contractors, and a share code by which the second one joins. Each
// account is noted in the ledger before it is made. What was made before an error is
// in the data, and in the ledger.
func SetUpEvening(ctx context.Context, h *Hitter, run string, l *Ledger, progress func(done, all int)) (*Evening, ScenarioData, error) {
	const people = 2 * eveningHouseholds
	m := &setup{
		Scenario: Scenario{Data: ScenarioRecords{Residences: 1, Tasks: eveningTasks, Contractors: eveningContractors}},
		hitter:   h, run: run, ledger: l,
		users: make([]User, people), homes: make([][]int64, people), tasks: make([][]int64, people),
		today: time.Now().UTC(),
	}
	m.data.Run = run
	e := &Evening{run: run, households: make([]eveningHousehold, eveningHouseholds)}
	err := each(ctx, eveningHouseholds, eveningHouseholds, func(ctx context.Context, i int) (err error) {
		e.households[i], err = m.household(ctx, 2*i)
		return err
	}, progress)
	return e, m.data, err
}

// household makes the household of users first and first+1.
func (m *setup) household(ctx context.Context, first int) (eveningHousehold, error) {
	var out eveningHousehold
	if err := m.register(ctx, first+1); err != nil {
		return out, err
	}
	if err := m.user(ctx, first, true); err != nil {
		return out, err
	}
	owner, member := m.users[first], m.users[first+1]
	out.people, out.home, out.tasks = [2]User{owner, member}, m.homes[first][0], m.tasks[first]
	var code household.IssuedShareCode
	once := 1
	if err := m.hitter.call(ctx, http.MethodPost, fmt.Sprintf("/api/residences/%d/share-code/", out.home), owner.Token,
		household.NewShareCode{MaxUses: &once}, &code); err != nil {
		return out, fmt.Errorf("making a share code: %w", err)
	}
	if err := m.hitter.call(ctx, http.MethodPost, "/api/residences/join-with-code/", member.Token, api.JoinCode{Code: code.Code}, nil); err != nil {
		return out, fmt.Errorf("joining a residence by its share code: %w", err)
	}
	return out, nil
}
