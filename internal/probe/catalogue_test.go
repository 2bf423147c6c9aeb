package probe_test

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/honeydue/honeydue/internal/lab"
	"github.com/honeydue/honeydue/internal/lab/labtest"
	"github.com/honeydue/honeydue/internal/link"
	"github.com/honeydue/honeydue/internal/probe/check"
	"github.com/honeydue/honeydue/internal/probe/facts"
)

// fault is one thing to break in the lab. The probe's first finding must name it.
type fault struct {
	name string // what is broken, in the words of a post-mortem
	code string // of the first finding
	// evidence is a part of what that finding says.
	evidence string
	// short faults are part of make test; the others run by make test-faults alone.
	short bool
	// since is the first version of PgBouncer in which this can be broken, until the first in which it can't any more.
	since, until [2]int
	// lab, if set, is a lab of the fault's own; without it the fault gets a database in the shared one.
	lab *lab.Config
	// inject breaks it, and undoes that by t.Cleanup. It may change what the probe is told.
	inject func(t *testing.T, b *bed)
}

// bed is what one fault is injected into: a healthy app's database, Redis and pooler, and what the probe
// is told of them.
type bed struct {
	lab    *lab.Lab
	env    lab.Env // as it was before anything was broken
	config facts.Config
	// again, if set, brings about a fault that happens once in each probe.
	again func()
}

// distance puts a link in front of the pooler and of the direct endpoint, as the probe sees them.
func (b *bed) distance(t *testing.T, m link.Model) {
	t.Helper()
	b.config.URL, _ = labtest.Link(t, b.config.URL, m)
	b.config.DirectURL, _ = labtest.Link(t, b.config.DirectURL, m)
}

// catalogue is every fault, by the room of the fault.
func catalogue() []fault {
	return slices.Concat(networkFaults(), statementFaults(), serverFaults(), sessionFaults(), selfTestFaults(), appFaults())
}

// longFaults is set by make test-faults, and by make test-versions for each of its stacks.
func longFaults() bool { return os.Getenv("HONEYDUE_FAULTS") != "" }

// ofVersions is set by make test-versions.
func ofVersions() bool { return os.Getenv("HONEYDUE_FAULTS") == "versions" }

// chosen are the faults to run: the short ones, or all. What a stack of other versions is asked leaves out what these
// can't change: the network, the running server and the cluster have their short faults there.
func chosen(pooler [2]int) []fault {
	var ofServers []string
	for _, f := range slices.Concat(poolerFaults(), tlsFaults(), statementFaults(), serverFaults(), sessionFaults()) {
		ofServers = append(ofServers, f.name)
	}
	var out []fault
	for _, f := range catalogue() {
		known := !before(pooler, f.since) && (f.until == [2]int{} || before(pooler, f.until))
		if known && (f.short || longFaults() && (!ofVersions() || slices.Contains(ofServers, f.name))) {
			out = append(out, f)
		}
	}
	return out
}

// before reports whether one version of major and minor number is older than another.
func before(a, b [2]int) bool { return a[0] < b[0] || a[0] == b[0] && a[1] < b[1] }

func newBed(t *testing.T, f fault) *bed {
	t.Helper()
	b := &bed{}
	if f.lab == nil {
		b.lab, b.env = labtest.Lab(t), labtest.Database(t, prepare)
	} else {
		b.lab = labtest.New(t, *f.lab)
		b.env = b.lab.Env()
		if err := prepare(t.Context(), b.env.DirectURL); err != nil {
			t.Fatal(err)
		}
	}
	b.config = config(b.env)
	return b
}

// leastFaults is how many ways of breaking the lab the catalogue has at least: the team's own count of what has gone
// wrong in production, or could.
const leastFaults = 35

// withoutFault are the codes that no fault of the catalogue brings about, each with the reason.
func withoutFault() map[string]string {
	return map[string]string{
		"HD-Q04": "it stands behind the finding that says why a statement is slow; alone it takes slow hardware (its limits: TestWorthAnotherLook)",
		"HD-Q05": "no execution mode that the probe would use takes a second turn: the store's own tests hold them to one",
		"HD-Q13": "what makes a step throw rows away in the lab is a wrong or missing index, which is the first finding; judged on real plans by TestRulesOnRealPlans",
		"HD-Q14": "as HD-Q13: dead rows are the first finding; judged on real plans by TestRulesOnRealPlans",
		"HD-Q17": "whatever drifts a plan is the first finding; TestPlanDriftOnTheLab",
		"HD-D11": "the lab's memory holds its whole database; TestServerThresholds",
		"HD-D17": "a billion transactions take days; TestServerThresholds",
		"HD-D18": "the lab has no replica; TestServerThresholds",
		"HD-R09": "MEMORY DOCTOR complains after days of use, or at a peak that is over; TestWhatIsShown",
		"HD-P06": "the modes that mix up answers are HD-P03's; TestIsolationSelfTest sees them do it",
		"HD-P10": "who makes statements wait while the probe looks is HD-P04's; TestHaveWaited",
		"HD-P14": "the mode that needs what is not carried is HD-P03's; TestIsolationSelfTest",
		"HD-N11": "a remark; TestHealthyAtADistance has it with slow start and not without",
		"HD-N12": "a remark; TestDirectTLS",
		"HD-C02": "a note about the versions that the machine has; TestKnownFaults",
		"HD-N13": "the lab's servers are on loopback, where it does not apply; TestServersThatAreNotVerified",
		"HD-T08": "a remark about where the probe runs: the lab can't hold back a TCP hand-shake (TestTargetJudgements)",
		"HD-T14": "it takes a node whose CPU is short, which the test machine must not be made (TestTargetJudgements)",
	}
}

// TestCatalogueIsWhole requires that faults have names of their own and codes that exist; by make test-faults also
// that there are enough of them, and that every code has one, or a reason.
func TestCatalogueIsWhole(t *testing.T) {
	names, codes := map[string]bool{}, map[string]bool{}
	for _, f := range catalogue() {
		if names[f.name] {
			t.Errorf("the fault %q is there twice", f.name)
		}
		names[f.name], codes[f.code] = true, true
		if !slices.Contains(check.Codes(), f.code) {
			t.Errorf("%q is to be found as %s, which is no check", f.name, f.code)
		}
		if f.inject == nil {
			t.Errorf("%q breaks nothing", f.name)
		}
		if f.evidence == "" {
			t.Errorf("of %q any evidence would do", f.name)
		}
	}
	for code, reason := range withoutFault() {
		if codes[code] || reason == "" || !slices.Contains(check.Codes(), code) {
			t.Errorf("%s does not belong into the list of codes without a fault", code)
		}
	}
	if !longFaults() {
		return
	}
	if len(names) < leastFaults {
		t.Errorf("the catalogue has %d faults, want %d at least", len(names), leastFaults)
	}
	for _, code := range check.Codes() {
		if !codes[code] && withoutFault()[code] == "" {
			t.Errorf("no fault brings about %s, and nothing says why", code)
		}
	}
}

// TestHealthyRuns probes a lab in which nothing is broken, its server included: twenty times by make test-faults. It
// must find nothing that is more than a remark.
func TestHealthyRuns(t *testing.T) {
	runs := 2
	if longFaults() {
		runs = 20
	}
	env := labtest.Database(t, prepare)
	b := &bed{config: config(env)}
	b.ask(serve(t, env, serverOptions{}))
	for i := range runs {
		good := healthy
		if longFaults() {
			good = func(facts.Result) bool { return true }
		}
		for _, f := range undisturbed(t, b.config, good).Findings {
			// A remark costs nobody anything: the planner may rightly read a table whole that is this small.
			if f.Severity != facts.Info {
				t.Errorf("run %d of %d finds %s, %s: %s", i+1, runs, f.Code, f.Severity, f.Evidence)
			}
		}
	}
}

// TestFaultCatalogue breaks one thing after the other; each must be the first finding.
func TestFaultCatalogue(t *testing.T) {
	var table bytes.Buffer
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "fault\tfirst finding\tseconds")
	var results strings.Builder // a line for each fault, for the table of make test-versions
	for _, f := range chosen(labtest.Lab(t).PoolerVersion()) {
		t.Run(strings.ReplaceAll(f.name, " ", "_"), func(t *testing.T) {
			b := newBed(t, f)
			forgetSlowCommands(t, b.config)
			f.inject(t, b)
			named := foundFirst(f.code)
			r := repeated(t, b.config, func(r facts.Result) bool { return named(r) && strings.Contains(r.Findings[0].Evidence, f.evidence) }, func() {
				if f.code != "HD-R08" {
					forgetSlowCommands(t, b.config)
				}
				if b.again != nil {
					b.again()
				}
			})
			took := time.Duration(r.DurationMS * float64(time.Millisecond))
			found := "none"
			if len(r.Findings) > 0 {
				found = r.Findings[0].Code
			}
			fmt.Fprintf(w, "%s\t%s\t%.1f\n", f.name, found, took.Seconds())
			fmt.Fprintf(&results, "%s\t%s\t%s\n", f.name, f.code, found)
			contains(t, first(t, r, f.code).Evidence, f.evidence)
			if took > 2*facts.DefaultTimeout { // a busy machine takes some of it
				t.Errorf("it took %v, and promises %v", took, facts.DefaultTimeout)
			}
		})
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	t.Log("\n" + table.String())
	if path := os.Getenv("HONEYDUE_FAULTS_TABLE"); path != "" {
		must(t, os.WriteFile(path, []byte(results.String()), 0o644))
	}
}
