package bench

import (
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/honeydue/honeydue/internal/api"
)

// action is something that a user does in the app, as one request.
type action struct {
	name           string // the route's id, so that a report reads like all others
	method, path   string // the route's
	needsTask      bool   // {id} is a task of the run's own
	needsResidence bool   // the body names a residence of the run's own
	writes         bool
	undoneBy       string // the method that undoes it on the same path
	body           func(w *ScenarioWorld, number uint64) string
}

// actionTable is every action that a scenario may name. How each is asked for
// the API's one table of routes says; one that has no route there is left out.
func actionTable() []action {
	actions := []action{
		{name: "task_board"},
		{name: "residence_list"},
		{name: "contractor_list"},
		{name: "document_list"},
		{name: "me"},
		{name: "static_data"},
		{name: "get_task", needsTask: true},
		{name: "complete_task", needsTask: true, writes: true, undoneBy: http.MethodDelete},
		{name: "start_task", needsTask: true, writes: true, undoneBy: http.MethodDelete},
		{name: "update_task", needsTask: true, writes: true, body: taskChange},
		{name: "create_task", needsResidence: true, writes: true, body: newTask},
		{name: "create_contractor", needsResidence: true, writes: true, body: newContractor},
	}
	routes := api.Routes()
	for i := range actions {
		a := &actions[i]
		for _, r := range routes {
			if r.ID == a.name {
				a.method, a.path = r.Method, r.Path
			}
		}
	}
	return slices.DeleteFunc(actions, func(a action) bool { return a.path == "" })
}

// Actions lists the names that a step's do may have.
func Actions() []string {
	var names []string
	for _, a := range actionTable() {
		names = append(names, a.name)
	}
	return names
}

func actionNamed(name string) (action, bool) {
	for _, a := range actionTable() {
		if a.name == name {
			return a, true
		}
	}
	return action{}, false
}

// The bodies are JSON by construction: numbers, and the run's id in hex digits.

func taskChange(w *ScenarioWorld, number uint64) string {
	return fmt.Sprintf(`{"description":"loadtest %s change %d"}`, w.run, number)
}

func newTask(w *ScenarioWorld, number uint64) string {
	return fmt.Sprintf(`{"residence_id":%d,"title":"loadtest %s task %d"}`, w.home(number).id, w.run, number)
}

func newContractor(w *ScenarioWorld, number uint64) string {
	return fmt.Sprintf(`{"residence_id":%d,"name":"loadtest %s contractor %d"}`, w.home(number).id, w.run, number)
}

// ScenarioWorld is what the requests of a scenario are about: its users and
// what was made for them. It does not change while the phases run.
type ScenarioWorld struct {
	run   string // as it tags the data
	users []User
	homes []owned
	tasks []owned // one of each user in turn, so that neighbours in time are of different users
}

// owned is a thing and the user who may change it.
type owned struct {
	user int
	id   int64
}

func (w *ScenarioWorld) home(number uint64) owned { return w.homes[number%uint64(len(w.homes))] }

// Users are the users that the requests are sent as.
func (w *ScenarioWorld) Users() []User { return w.users }

// shots are the requests of a phase of a scenario, the first of which is number
// `first` of all. What a request is depends on its number alone: which step, as which user, on
// which task. A task is completed by one request and brought back by the one
// that meets it next, a whole round of all tasks later.
func (w *ScenarioWorld) shots(s Scenario, h hand, first uint64) Shots {
	steps := s.compiled()
	return func(seq uint64) Shot {
		i, before := h.at(seq)
		return w.shot(steps[i], first+seq, before)
	}
}

// compiledStep is a step with its action looked up.
type compiledStep struct {
	route string
	json  bool // what an action answers; what a path of one's own does, nobody knows
	action
}

func (s Scenario) compiled() []compiledStep {
	var out []compiledStep
	for _, step := range s.Steps {
		a, known := actionNamed(step.Do)
		if !known {
			a = action{method: http.MethodGet, path: step.Get}
		}
		out = append(out, compiledStep{step.name(), known, a})
	}
	return out
}

// shot is request n of the scenario, of whose step there were `before` requests before it.
func (w *ScenarioWorld) shot(c compiledStep, n, before uint64) Shot {
	shot := Shot{Route: c.route, Path: c.path, Method: c.method, JSON: c.json}
	switch {
	case c.needsTask:
		all := uint64(len(w.tasks))
		task := w.tasks[before%all]
		shot.User, shot.Path = w.users[task.user], withID(c.path, task.id)
		if c.undoneBy != "" && before/all%2 == 1 {
			shot.Method = c.undoneBy
		}
	case c.needsResidence:
		shot.User = w.users[w.home(before).user]
	default:
		// Another draw than the step's, or a user would always do the same.
		shot.User = w.users[scatter(^n)%uint64(len(w.users))]
	}
	if c.body != nil {
		shot.Body = c.body(w, before)
	}
	return shot
}

// withID puts an id where a path has {id}.
func withID(path string, id int64) string {
	return strings.Replace(path, "{id}", strconv.FormatInt(id, 10), 1)
}

// warmUps are the reads of the steps, once as each user.
func (w *ScenarioWorld) warmUps(s Scenario) []Shot {
	var out []Shot
	for _, c := range s.compiled() {
		if c.writes || c.needsTask {
			continue
		}
		for _, u := range w.users {
			out = append(out, Shot{Route: c.route, Path: c.path, User: u, JSON: c.json})
		}
	}
	return out
}

// tooFewTasks says how many tasks are missing. The request that brings a task
// back is a whole round of all tasks behind the one that completed it; with so
// many tasks the one before has been answered, or has timed out, by then.
func (s Scenario) tooFewTasks(d deck, schedule Schedule, users int) string {
	for i, c := range s.compiled() {
		if c.undoneBy == "" || d.weights[i] == 0 {
			continue
		}
		rate := schedule.peak() * float64(d.weights[i]) / float64(d.total)
		// Two rounds of the deck more: within a round a step may come many times at once.
		need := int(math.Ceil(rate*s.timeout().Seconds())) + 2*int(d.weights[i]) //nolint:gosec // at most maxWeights
		have := users * s.Data.Residences * s.Data.Tasks
		if have < need {
			return fmt.Sprintf("step %s comes up to %.4g times a second, and undoes a task one round of all tasks later: that takes %d tasks "+
				"with a timeout of %v, and there are %d; raise data.tasks or users, or lower the timeout", c.route, rate, need, s.timeout(), have)
		}
	}
	return ""
}

// CheckUsers judges whether the scenario can be run with so many users, once
// the file of their tokens was read. Its error is a *PlanError.
func (s Scenario) CheckUsers(users int) error {
	if most := users * s.Data.Residences * (1 + s.Data.Tasks + s.Data.Contractors); users > maxScenarioUsers || most > maxScenarioRecords {
		return &PlanError{
			fmt.Sprintf("%d users with their data are more than the %d users and %d records that a scenario may have", users, maxScenarioUsers, maxScenarioRecords),
			"Give fewer tokens, or less data for each user.",
		}
	}
	for _, p := range s.Phases {
		schedule, err := p.schedule()
		if err != nil {
			return &PlanError{"phase " + p.Name + ": " + err.Error(), "Correct the scenario."}
		}
		if what := s.tooFewTasks(newDeck(s.stepsOf(p), s.Seed), schedule, users); what != "" {
			return &PlanError{"phase " + p.Name + ": " + what, "Correct the scenario, or give more tokens."}
		}
	}
	return nil
}

// Plan is what the scenario is going to do, before its data is made. A phase of
// it has no requests yet: see Bind.
func (s Scenario) Plan() (Plan, error) {
	plan := Plan{Profile: "scenario " + s.Name}
	for _, p := range s.Phases {
		schedule, err := p.schedule()
		if err != nil {
			return Plan{}, &PlanError{"phase " + p.Name + ": " + err.Error(), "Correct the scenario."}
		}
		limits := s.limitsOf(p)
		plan.Phases = append(plan.Phases, PhasePlan{
			Name: p.Name, State: AnyState, Schedule: schedule, Target: limits.P99, Thresholds: limits.thresholds(),
		})
	}
	return plan, nil
}

// Bind gives the phases of the scenario's plan their requests.
func (s Scenario) Bind(plan Plan, w *ScenarioWorld) (Plan, error) {
	hands, err := s.hands()
	if err != nil {
		return Plan{}, err
	}
	out, first := plan, uint64(0)
	out.Phases = nil
	for i, p := range plan.Phases {
		p.Shots = w.shots(s, hands[i], first)
		if i == 0 && (s.WarmUp == nil || *s.WarmUp) {
			p.WarmUp = w.warmUps(s)
		}
		first += p.Schedule.Count()
		out.Phases = append(out.Phases, p)
	}
	return out, nil
}

// Length is how long the phases take together.
func (p Plan) Length() time.Duration {
	sum := time.Duration(0)
	for _, phase := range p.Phases {
		sum += phase.Schedule.Duration()
	}
	return sum
}
