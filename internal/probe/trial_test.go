package probe_test

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/honeydue/honeydue/internal/lab"
	"github.com/honeydue/honeydue/internal/lab/labtest"
	"github.com/honeydue/honeydue/internal/probe"
	"github.com/honeydue/honeydue/internal/probe/check"
	"github.com/honeydue/honeydue/internal/probe/facts"
	"github.com/honeydue/honeydue/internal/probe/render"
	"github.com/honeydue/honeydue/internal/report"
)

func trialBed(l *lab.Lab) probe.TrialBed {
	return probe.TrialBed{
		Create: func(ctx context.Context, name, template string) (string, string, error) {
			env, err := l.CreateDatabase(ctx, name, template)
			return env.DatabaseURL, env.DirectURL, err
		},
		Drop: l.DropDatabase,
	}
}

// TestTrialPricesRemedies breaks a database in ways whose remedies are SQL, and in one whose is not.
func TestTrialPricesRemedies(t *testing.T) {
	env := labtest.Database(t, prepare)
	inject("DROP INDEX tasks_board_idx; DROP INDEX tasks_residence_idx")(t, &bed{env: env})
	wantPriced := map[string]bool{"HD-Q01": true, "HD-Q03": true, "HD-C01": false}
	if longFaults() {
		inject(`DROP INDEX documents_residence_idx; CREATE INDEX documents_residence_idx ON documents (title);
			ALTER TABLE contractors SET (autovacuum_enabled = off); DROP INDEX contractors_residence_idx;
			INSERT INTO contractors (residence_id, name) SELECT id, 'canary-contractor' FROM residences, generate_series(1, 4)`)(t, &bed{env: env})
		leaveInvalid(t, env, "contractors", "CREATE INDEX CONCURRENTLY contractors_residence_idx ON contractors (residence_id, id)")
		wantPriced["HD-Q02"], wantPriced["HD-Q07"], wantPriced["HD-Q09"] = true, true, true
	}
	c := config(env)
	c.Settings = []facts.Setting{{Name: "DB_MIN_IDLE_CONNS", Value: "10", Tuned: "20", Drifted: true}}
	r := run(t, c)
	if !probe.Priceable(r) {
		t.Fatalf("nothing can be priced: %+v", r.Findings)
	}
	steps := 0
	bed := trialBed(labtest.Lab(t))
	bed.Progress = func(string) { steps++ }
	trials, note, err := probe.Price(t.Context(), r, bed)
	if err != nil {
		t.Fatal(err)
	}
	if steps != probe.TrialSteps(r) {
		t.Errorf("%d steps were told, and it promised %d", steps, probe.TrialSteps(r))
	}
	if len(trials) != len(r.Findings) {
		t.Fatalf("%d prices for %d findings", len(trials), len(r.Findings))
	}
	priced := map[string]bool{}
	for i, p := range trials {
		if p.CostMS != r.Findings[i].CostMS {
			t.Errorf("%s costs %v, and its trial says %v", p.Code, r.Findings[i].CostMS, p.CostMS)
		}
		switch {
		case p.Price == nil:
			if p.NotPriced == "" {
				t.Errorf("%s has no price and no reason", p.Code)
			}
		case !p.Reproduced || p.BeforeTurns != 1 || p.AfterTurns != 1 || p.Statement == "":
			t.Errorf("the trial of %s shows something else: %+v", p.Code, p)
		case strings.Contains(p.Remedy, "tasks_board_idx") && (p.SavedMS <= 0 || p.Statement != "task_board"):
			t.Errorf("the board's index saves %v ms of %s", p.SavedMS, p.Statement)
		}
		if r.Findings[i].Severity != facts.Info {
			priced[p.Code] = p.NotPriced == ""
		}
	}
	for code, want := range wantPriced {
		if got, ok := priced[code]; got != want || !ok {
			t.Errorf("%s was priced: %v (found: %v), want %v", code, got, ok, want)
		}
	}
	r.Trial, r.TrialNote = trials, note
	for _, format := range render.Document(r).Formats() {
		var out bytes.Buffer
		if err := report.Write(&out, format, render.Document(r), report.Options{}); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(out.String(), "canary") {
			t.Errorf("as %s the trial shows a value", format)
		}
		if format == report.FormatTable {
			t.Log(out.String()[:min(out.Len(), 6000)])
		}
	}
}

// TestAStoredResultIsNotPriced: what was read from a file carries no statements to run.
func TestAStoredResultIsNotPriced(t *testing.T) {
	text := `{"schema":"honeydue.probe/1","findings":[{"code":"HD-Q01","remedy":"DROP TABLE users;","sql":["DROP TABLE users"]}]}`
	r, err := check.ReadSaved(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if probe.Priceable(r.Result) {
		t.Error("a remedy out of a file would be run")
	}
	if _, err := json.Marshal(r); err != nil {
		t.Error(err)
	}
}
