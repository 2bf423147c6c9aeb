package bench

import (
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/honeydue/honeydue/internal/api"
)

func TestTheExampleIsAScenario(t *testing.T) {
	s, err := ReadScenario([]byte(ExampleScenario()))
	if err != nil {
		t.Fatal(err)
	}
	plan, err := s.Plan()
	if err != nil {
		t.Fatal(err)
	}
	if len(plan.Phases) != 3 || s.Users.Register != 20 || *s.Thresholds.ErrorRate != 0.01 || s.Target.Timeout != 5*time.Second ||
		s.Phases[1].Thresholds.Steps["complete_task"].P99 != 400*time.Millisecond || s.Phases[1].Thresholds.P50 != 150*time.Millisecond {
		t.Errorf("%+v", s)
	}
	if err := plan.CheckRate(false, 0); err != nil {
		t.Error(err)
	}
}

func scenarioValidator(t *testing.T) *jsonschema.Schema {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.AssertFormat()
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(ScenarioSchema()))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.AddResource("scenario.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("scenario.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

func validateScenario(t *testing.T, schema *jsonschema.Schema, text string) error {
	t.Helper()
	asJSON, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(string(asJSON)))
	if err != nil {
		t.Fatal(err)
	}
	return schema.Validate(value)
}

// smallScenario is a scenario that is right; the tests below break one thing of it each.
const smallScenario = `name: small
users: {register: 5}
data:
  residences: 1
  tasks: 40
steps:
  - do: task_board
    weight: 3
  - do: complete_task
    weight: 1
thresholds:
  p99: 200ms
phases:
  - name: only
    shape: constant
    rate: 100
    duration: 20s
`

// What the schema takes the reader takes and the other way round, wherever a schema can know.
func TestReaderAndSchemaAgree(t *testing.T) {
	schema := scenarioValidator(t)
	if err := validateScenario(t, schema, ExampleScenario()); err != nil {
		t.Errorf("the example: %v", err)
	}
	for _, tc := range []struct {
		from, to string
		place    string // "" = it is right
		says     string
		hidden   bool // the schema can't see it
		// JSON has no word for it, so that no schema can be asked.
		unspeakable bool
	}{
		{from: "name: small", to: "name: other"},
		{from: "name: small", to: "nam: small", place: "1:1", says: `unknown field "nam"`},
		{from: "rate: 100", to: "rat: 100", place: "16:5", says: `unknown field "rat"`},
		{from: "  p99: 200ms", to: "  p98: 200ms", place: "12:3", says: `unknown field "p98"`},
		{from: "rate: 100", to: "rate: many", place: "16:11", says: "cannot"},
		{from: "duration: 20s", to: "duration: 20 seconds", place: "17:15", says: "such as 200ms or 30s"},
		{from: "duration: 20s", to: "duration: 20", place: "17:15", says: `duration "20" is not a duration with a unit`},
		{from: "p99: 200ms", to: "p99: 0.2", place: "12:8", says: "not a duration"},
		{from: "duration: 20s", to: "duration: -20s", place: "17:15", says: "duration above zero"},
		{from: "users: {register: 5}", to: "users: {register: 0}", place: "2:9", says: "needs users"},
		{from: "users: {register: 5}", to: "users: {register: 5000}", place: "2:19", says: "1 to 1000"},
		{from: "users: {register: 5}", to: "users: {register: 5, tokens: t}", place: "2:30", says: "leave out one"},
		{from: "do: task_board", to: "do: open_board", place: "7:9", says: `no action "open_board"`},
		{from: "do: task_board", to: "get: //other.host/", place: "7:10", says: "begins with one slash"},
		{from: "do: task_board", to: "get: /api/tasks/?days=7"},
		{from: "weight: 3", to: "weight: 0", place: "8:13", says: "weight of 1"},
		{from: "do: complete_task", to: "do: task_board", place: "9:5", says: "two steps", hidden: true},
		{from: "  tasks: 40\n", to: "", place: "8:9", says: "data.tasks must be above zero", hidden: true},
		{from: "tasks: 40", to: "tasks: 20", place: "17:15", says: "that takes 127 tasks", hidden: true},
		{from: "shape: constant", to: "shape: wave", place: "15:12", says: `no shape "wave"`},
		{from: "shape: constant", to: "shape: ramp", place: "16:11", says: "shape ramp has no rate"},
		{from: "shape: constant\n    rate: 100", to: "shape: ramp\n    from: 0\n    to: 100"},
		{from: "shape: constant\n    rate: 100", to: "shape: step\n    rates: [50, 100]"},
		{from: "shape: constant\n    rate: 100", to: "shape: spike\n    rate: 40\n    peak: 100"},
		{from: "shape: constant\n    rate: 100\n    duration: 20s", to: "shape: soak\n    rate: 100"},
		{from: "shape: constant", to: "shape: poisson\n    seed: 9"},
		{from: "duration: 20s", to: "duration: 2s", place: "17:15", says: "200 requests cannot claim a p99: 299 at least", hidden: true},
		{from: "duration: 20s", to: "duration: 30h", place: "17:15", says: "more than 24h", hidden: true},
		{from: "  p99: 200ms\n", to: "  p50: 20ms\n", place: "12:3", says: "it needs a p99"},
		{from: "p99: 200ms", to: "p99: 6s", place: "12:3", says: "below the timeout of a request, 5s", hidden: true},
		{from: "p99: 200ms", to: "p99: 200ms\n  error_rate: 1.5", place: "12:3", says: "share from 0 to 1"},
		{from: "p99: 200ms", to: "p99: 200ms\n  turn_free: 0.97\n  max_db_turns: 1"},
		{from: "p99: 200ms", to: "p99: 200ms\n  turn_free: 1\n  max_db_turns: 0\n  steps: {task_board: {turn_free: 0.5}, complete_task: {max_db_turns: 100}}"},
		{from: "p99: 200ms", to: "p99: 200ms\n  turn_free: 0", place: "12:3", says: "turn_free is a share above 0 and at most 1"},
		{from: "p99: 200ms", to: "p99: 200ms\n  turn_free: 97", place: "12:3", says: "such as 0.97"},
		{from: "p99: 200ms", to: "p99: 200ms\n  turn_free: .nan", place: "12:3", says: "such as 0.97", unspeakable: true},
		{from: "p99: 200ms", to: "p99: 200ms\n  turn_free: 97%", place: "13:14", says: "cannot"},
		{from: "p99: 200ms", to: "p99: 200ms\n  max_db_turns: -1", place: "12:3", says: "max_db_turns is a whole number from 0 to 100"},
		{from: "p99: 200ms", to: "p99: 200ms\n  max_db_turns: 101", place: "12:3", says: "from 0 to 100"},
		{from: "p99: 200ms", to: "p99: 200ms\n  max_db_turns: 1.5", place: "13:17", says: "max_db_turns 1.5 is not a whole number"},
		{from: "weight: 3", to: "weight: 3.5", place: "8:13", says: "weight 3.5 is not a whole number"},
		{from: "weight: 3", to: "weight: 3.0"},
		{from: "weight: 3", to: "weight: '1.9'", place: "8:13", says: "weight 1.9 is not a whole number"},
		{from: "weight: 1\n", to: "weight: &half 1.5\n", place: "10:13", says: "weight 1.5 is not a whole number"},
		{from: "duration: 20s", to: "duration: 20s\n    mix: &even {task_board: 0.5}", place: "18:29", says: "task_board 0.5 is not a whole number"},
		{from: "shape: constant\n    rate: 100", to: "shape: poisson\n    rate: &r 100.5\n    seed: *r", place: "17:11", says: "seed 100.5 is not a whole number"},
		{from: "shape: constant\n    rate: 100", to: "shape: poisson\n    rate: &r 100\n    seed: *r"},
		{from: "p99: 200ms", to: "p99: &p 200ms\n  p50: *p"},
		{from: "tasks: 40", to: "tasks: 40.9", place: "5:10", says: "tasks 40.9 is not a whole number"},
		{from: "users: {register: 5}", to: "users: {register: 5.1}", place: "2:19", says: "not a whole number"},
		{from: "duration: 20s", to: "duration: 20s\n    mix: {task_board: 2.5}", place: "18:23", says: "task_board 2.5 is not a whole number"},
		{from: "name: small", to: "name: small\nseed: 1.5", place: "2:7", says: "seed 1.5 is not a whole number"},
		{from: "p99: 200ms", to: "p99: 200ms\n  steps: {task_board: {turn_free: -1}}", place: "13:11", says: "task_board: turn_free is a share"},
		{from: "p99: 200ms", to: "p99: 200ms\n  turn_free: 0.999", place: "18:15", says: "the phase has 2000 requests, which cannot claim its turn_free: 2995 at least", hidden: true},
		{from: "p99: 200ms", to: "p99: 200ms\n  steps: {complete_task: {turn_free: 0.995}}", place: "18:15", says: "step complete_task has 500 requests, which cannot claim its turn_free: 598 at least", hidden: true},
		{from: "p99: 200ms", to: "p99: 200ms\n  steps: {unknown: {p99: 1s}}", place: "13:11", says: `no step "unknown"`, hidden: true},
		{from: "p99: 200ms", to: "p99: 200ms\n  steps: {complete_task: {error_rate: 0.001}}", place: "18:15", says: "step complete_task has 500 requests, which cannot claim its error_rate: 2995 at least", hidden: true},
		{from: "duration: 20s", to: "duration: 20s\n    mix: {complete_task: 0}"},
		{from: "duration: 20s", to: "duration: 20s\n    mix: {me: 3}", place: "18:15", says: `phase only: there is no step "me" to mix`, hidden: true},
		{from: "duration: 20s", to: "duration: 20s\n    mix:\n      complete_task: 1\n      task_board: -1", place: "20:19", says: "0 (left out) to 1000000"},
		{from: "duration: 20s", to: "duration: 20s\n    mix: {task_board: 0, complete_task: 0}", place: "18:11", says: "leaves every step out", hidden: true},
		{from: "duration: 20s", to: "duration: 20s\n    mix: {task_board: 1001}", place: "18:11", says: "round them", hidden: true},
		{from: "duration: 20s", to: "duration: 20s\n    mix: {}", place: "18:10", says: "an empty mix"},
		{from: "duration: 20s", to: "duration: 20s\n    mix: {task_board: 0}", place: "17:15", says: "that takes 502 tasks", hidden: true},
		{
			from: "duration: 20s", to: "duration: 20s\n    mix: {complete_task: 0}\n    thresholds: {p99: 200ms, steps: {complete_task: {p99: 1s}}}",
			place: "19:54", says: "whose mix leaves it out", hidden: true,
		},
		{from: "  - name: only", to: "  - name: [only", place: "15:5", says: "must be specified"},
	} {
		text := strings.Replace(smallScenario, tc.from, tc.to, 1)
		_, err := ReadScenario([]byte(text))
		if (err == nil) != (tc.place == "") {
			t.Errorf("%q: %v", tc.to, err)
			continue
		}
		if err != nil {
			own, ok := errors.AsType[*ScenarioError](err)
			if !ok || fmt.Sprintf("%d:%d", own.Line, own.Column) != tc.place || !strings.Contains(own.What, tc.says) || strings.Contains(own.What, "\n") {
				t.Errorf("%q: %v; want %s: ...%s", tc.to, err, tc.place, tc.says)
			}
		}
		if strings.Contains(tc.to, "[only") || tc.unspeakable {
			continue // nothing to validate
		}
		if invalid := validateScenario(t, schema, text); (invalid != nil) != (tc.place != "" && !tc.hidden) {
			t.Errorf("%q: the schema says %v", tc.to, invalid)
		}
	}
}

// The schema names every field of the scenario, and no other, with the right kinds of values.
func TestTheSchemaNamesEveryField(t *testing.T) {
	var document object
	if err := yaml.Unmarshal([]byte(ScenarioSchema()), &document); err != nil { // JSON is YAML
		t.Fatal(err)
	}
	defs := as[object](t, document["$defs"])
	var resolve func(node object) object
	resolve = func(node object) object {
		if ref, ok := node["$ref"].(string); ok {
			return resolve(as[object](t, defs[strings.TrimPrefix(ref, "#/$defs/")]))
		}
		return node
	}
	seen := 0
	var compare func(path string, of reflect.Type, node object)
	compare = func(path string, of reflect.Type, node object) {
		node = resolve(node)
		switch of.Kind() {
		case reflect.Pointer:
			compare(path, of.Elem(), node)
		case reflect.Slice:
			compare(path+"[]", of.Elem(), as[object](t, node["items"]))
		case reflect.Map:
			compare(path+"{}", of.Elem(), as[object](t, node["additionalProperties"]))
		case reflect.Struct:
			if node["additionalProperties"] != false {
				t.Errorf("%s takes fields that do not exist", path)
			}
			properties := as[object](t, node["properties"])
			names := fieldsOf(of)
			for name, field := range names {
				property, ok := properties[name].(map[string]any)
				if !ok {
					t.Errorf("the schema has no %s.%s", path, name)
					continue
				}
				seen++
				compare(path+"."+name, field, property)
			}
			for name := range properties {
				if _, ok := names[name]; !ok {
					t.Errorf("the schema has %s.%s, and the scenario has not", path, name)
				}
			}
		default:
			want := map[reflect.Kind]string{
				reflect.String: "string", reflect.Int: "integer", reflect.Uint64: "integer", reflect.Float64: "number", reflect.Bool: "boolean",
			}[of.Kind()]
			if of == reflect.TypeFor[time.Duration]() {
				want = "string"
			}
			if _, isEnum := node["enum"]; isEnum {
				return
			}
			if node["type"] != want {
				t.Errorf("%s is a %v in the schema, and %v", path, node["type"], of)
			}
		}
	}
	compare("$", reflect.TypeFor[Scenario](), document)
	if seen < 35 {
		t.Errorf("only %d fields were compared", seen)
	}
	enum := func(def, property string) []string {
		var out []string
		of := as[object](t, as[object](t, as[object](t, defs[def])["properties"])[property])
		for _, v := range as[[]any](t, of["enum"]) {
			out = append(out, as[string](t, v))
		}
		return out
	}
	if got := enum("step", "do"); !slices.Equal(got, Actions()) {
		t.Errorf("actions: %q, the schema has %q", Actions(), got)
	}
	if got := enum("phase", "shape"); !slices.Equal(got, Shapes()) {
		t.Errorf("shapes: %q, the schema has %q", Shapes(), got)
	}
	for _, name := range append(Actions(), Shapes()...) {
		if !strings.Contains(ExampleScenario(), name) {
			t.Errorf("the example does not speak of %s", name)
		}
	}
}

type object = map[string]any

// as is v as a T, or the end of the test.
func as[T any](t *testing.T, v any) T {
	t.Helper()
	own, ok := v.(T)
	if !ok {
		t.Fatalf("%v is a %T", v, v)
	}
	return own
}

func fieldsOf(of reflect.Type) map[string]reflect.Type {
	out := make(map[string]reflect.Type)
	for i := range of.NumField() {
		field := of.Field(i)
		name, options, _ := strings.Cut(field.Tag.Get("yaml"), ",")
		if options == "inline" {
			for name, one := range fieldsOf(field.Type) {
				out[name] = one
			}
			continue
		}
		out[name] = field.Type
	}
	return out
}

// The actions are routes of the API, by their own names.
func TestActionsAreRoutes(t *testing.T) {
	// The routes by themselves are the API's contract; these are what a scenario's step means.
	want := map[string]string{
		"task_board":        "GET /api/tasks/",
		"residence_list":    "GET /api/residences/",
		"contractor_list":   "GET /api/contractors/",
		"document_list":     "GET /api/documents/",
		"me":                "GET /api/auth/me/",
		"static_data":       "GET /api/static-data/",
		"get_task":          "GET /api/tasks/{id}/",
		"complete_task":     "POST /api/tasks/{id}/complete/",
		"start_task":        "POST /api/tasks/{id}/start/",
		"update_task":       "PATCH /api/tasks/{id}/",
		"create_task":       "POST /api/tasks/",
		"create_contractor": "POST /api/contractors/",
	}
	actions := actionTable()
	if len(actions) != len(want) {
		t.Errorf("there are %v; want %d actions", Actions(), len(want))
	}
	for _, a := range actions {
		if got := a.method + " " + a.path; got != want[a.name] {
			t.Errorf("%s is %s, not %s", a.name, got, want[a.name])
		}
		if a.writes != (a.method != http.MethodGet) {
			t.Errorf("%+v: writes?", a)
		}
		if a.undoneBy != "" && !slices.ContainsFunc(api.Routes(), func(r api.Route) bool { return r.Method == a.undoneBy && r.Path == a.path }) {
			t.Errorf("nothing undoes %s", a.name)
		}
		if strings.Contains(a.path, "{id}") != a.needsTask {
			t.Errorf("%s: %+v", a.name, a)
		}
	}
}

// With a file of tokens the users are counted when it was read.
func TestScenarioCountsTheUsersOfAFile(t *testing.T) {
	s, err := ReadScenario([]byte(strings.Replace(strings.Replace(smallScenario, "register: 5", "tokens: t", 1), "tasks: 40", "tasks: 20", 1)))
	if err != nil {
		t.Fatal(err)
	}
	for users, want := range map[int]string{1: "there are 20", 6: "there are 120", 7: "", 1001: "more than the 1000 users"} {
		if err := s.CheckUsers(users); (err == nil) != (want == "") || (err != nil && !strings.Contains(err.Error(), want)) {
			t.Errorf("%d users: %v", users, err)
		}
	}
}

func testWorld(users, homes, tasks int) *ScenarioWorld {
	w := &ScenarioWorld{run: "0123456789abcdef", users: testUsers(users)}
	h, k := make([][]int64, users), make([][]int64, users)
	for u := range users {
		for i := range homes {
			h[u] = append(h[u], int64(1000+u*homes+i))
		}
		for i := range tasks {
			k[u] = append(k[u], int64(5000+u*tasks+i))
		}
	}
	w.homes, w.tasks = inTurn(h), inTurn(k)
	return w
}

// What a request is depends on its number alone, over all phases: so each task is completed, brought back,
// completed again, and never twice the same, by its owner.
func TestScenarioShotsArePure(t *testing.T) {
	s, err := ReadScenario([]byte(strings.Replace(smallScenario, "  - do: complete_task\n", "  - {do: create_task, weight: 1}\n  - {do: update_task, weight: 1}\n  - do: complete_task\n", 1) +
		"  - name: again\n    shape: poisson\n    rate: 100\n    duration: 10s\n"))
	if err != nil {
		t.Fatal(err)
	}
	plan, err := s.Plan()
	if err != nil {
		t.Fatal(err)
	}
	w := testWorld(5, 1, 40)
	if plan, err = s.Bind(plan, w); err != nil {
		t.Fatal(err)
	}
	if len(plan.Phases[0].WarmUp) != 5 || plan.Phases[1].WarmUp != nil {
		t.Errorf("warm-up: %d and %d requests", len(plan.Phases[0].WarmUp), len(plan.Phases[1].WarmUp))
	}
	open := make(map[string]bool) // paths whose task is completed
	steps, users := make(map[string]int), make(map[string]map[int64]int)
	for _, p := range plan.Phases {
		for seq := range p.Schedule.Count() {
			shot := p.Shots(seq)
			if !reflect.DeepEqual(p.Shots(seq), shot) {
				t.Fatalf("request %d is two different ones", seq)
			}
			steps[shot.Route]++
			if users[shot.Route] == nil {
				users[shot.Route] = make(map[int64]int)
			}
			users[shot.Route][shot.User.ID]++
			switch shot.Route {
			case "complete_task":
				if done := shot.Method == http.MethodDelete; done != open[shot.Path] {
					t.Fatalf("request %d: %s %s, completed: %v", seq, shot.Method, shot.Path, open[shot.Path])
				}
				open[shot.Path] = !open[shot.Path]
				var id int64
				if _, err := fmt.Sscanf(shot.Path, "/api/tasks/%d/complete/", &id); err != nil || (id-5000)/40 != shot.User.ID-1 {
					t.Fatalf("%s as user %d", shot.Path, shot.User.ID)
				}
			case "create_task":
				var home, number int64
				if _, err := fmt.Sscanf(shot.Body, `{"residence_id":%d,"title":"loadtest 0123456789abcdef task %d"}`, &home, &number); err != nil ||
					home-1000 != shot.User.ID-1 || shot.Method != http.MethodPost {
					t.Fatalf("%s %q as user %d: %v", shot.Method, shot.Body, shot.User.ID, err)
				}
			case "update_task":
				if shot.Method != http.MethodPatch || !strings.HasPrefix(shot.Body, `{"description":`) {
					t.Fatalf("%s %q", shot.Method, shot.Body)
				}
			}
		}
	}
	all := 0
	for _, p := range plan.Phases {
		all += p.Schedule.Requests()
	}
	if steps["complete_task"] < all/6 || steps["task_board"] < all/2-3 || steps["create_task"] < all/6 {
		t.Errorf("%v of %d", steps, all)
	}
	for route, by := range users {
		if len(by) != 5 {
			t.Errorf("%s is asked by %d of 5 users", route, len(by))
		}
	}
}
