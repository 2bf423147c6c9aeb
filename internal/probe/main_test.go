package probe_test

import (
	"context"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/honeydue/honeydue/internal/lab"
	"github.com/honeydue/honeydue/internal/lab/labtest"
	"github.com/honeydue/honeydue/internal/probe"
	"github.com/honeydue/honeydue/internal/probe/facts"
	"github.com/honeydue/honeydue/internal/store"
)

func TestMain(m *testing.M) { os.Exit(labtest.Run(m)) }

// prepare migrates a database and fills it so that every hot table has more rows than S14 exempts.
func prepare(ctx context.Context, directURL string) error {
	if err := store.Migrate(ctx, directURL); err != nil {
		return err
	}
	return seed(ctx, directURL, io.Discard)
}

// seed makes the users of every test anew; their tokens go to out.
func seed(ctx context.Context, directURL string, out io.Writer) error {
	_, err := store.Seed(ctx, directURL, store.SeedOptions{
		Wipe: true, Users: 300, TasksPerResidence: 40, CompletionsPerTask: 1, Seed: 1, Password: canaryPassword, TokensOut: out,
	})
	return err
}

// config is that of a healthy app in the lab.
func config(env lab.Env) facts.Config {
	return facts.Config{
		URL: env.DatabaseURL, DirectURL: env.DirectURL, RedisURL: env.RedisURL, AdminURL: env.AdminURL,
		ExecMode: "exec",
		Window:   300 * time.Millisecond,
		Settings: []facts.Setting{{Name: "DB_MIN_IDLE_CONNS", Value: "20", Tuned: "20"}},
		RedisTuned: []facts.RedisParameter{
			{Name: "maxmemory-policy", Tuned: "allkeys-lru", Holds: func(v string) bool { return v == "allkeys-lru" }},
			{Name: "maxmemory", Tuned: "256mb", Bytes: 256 << 20, Holds: func(v string) bool { return v == "268435456" }},
		},
	}
}

// run probes, and looks for secrets in every form of what came of it.
func run(t *testing.T, c facts.Config) facts.Result {
	t.Helper()
	var certain []string
	reported := c.Certain
	c.Certain = func(f facts.Finding) {
		certain = append(certain, f.Code)
		if reported != nil {
			reported(f)
		}
	}
	r, err := probe.Run(t.Context(), c)
	if err != nil {
		noSecret(t, c, "the error", err.Error())
		t.Fatal(err)
	}
	lookForSecrets(t, c, r)
	for i, code := range certain {
		if slices.Contains(certain[:i], code) {
			t.Errorf("%s was reported twice", code)
		}
		if !slices.ContainsFunc(r.Findings, func(f facts.Finding) bool { return f.Code == code && f.Because == "" }) {
			t.Errorf("%s was reported as certain, and is not a finding of its own in the end", code)
		}
	}
	for _, f := range r.Findings {
		if !isCommand.MatchString(f.Remedy) {
			t.Errorf("the remedy of %s is no command: %q", f.Code, f.Remedy)
		}
		if unplaced.MatchString(f.Remedy) && (c.URL != "" || c.DirectURL != "" || c.RedisURL != "") {
			t.Errorf("the remedy of %s goes by the shell it is pasted into: %q", f.Code, f.Remedy)
		}
	}
	return r
}

// undisturbed probes until good is content, at most ten times, and returns the last result. What a busy machine slows
// down comes and goes, and is rightly found; what the probe gets wrong is there each time. make test-faults has
// TestHealthyRuns without it.
func undisturbed(t *testing.T, c facts.Config, good func(facts.Result) bool) facts.Result {
	t.Helper()
	forgetSlowCommands(t, c)
	return repeated(t, c, good, func() { forgetSlowCommands(t, c) })
}

func repeated(t *testing.T, c facts.Config, good func(facts.Result) bool, between func()) facts.Result {
	t.Helper()
	r := run(t, c)
	for range 9 {
		if good(r) {
			break
		}
		between()
		r = run(t, c)
	}
	return r
}

// forgetSlowCommands empties the slow log, in which a moment that the machine had no time for Redis stays for minutes.
func forgetSlowCommands(t *testing.T, c facts.Config) {
	t.Helper()
	opts, err := redis.ParseURL(c.RedisURL)
	if err != nil {
		return // a fault of the URL
	}
	opts.MaxRetries, opts.DialTimeout, opts.ReadTimeout = -1, time.Second, time.Second
	client := redis.NewClient(opts)
	defer client.Close()
	_ = client.SlowLogReset(t.Context()).Err() // a Redis that is down or refuses is a fault of the test's own
}

// healthy holds if nothing was found that is more than a note.
func healthy(r facts.Result) bool { return onlyNotes(r.Findings) }

func onlyNotes(findings []facts.Finding) bool {
	return !slices.ContainsFunc(findings, func(f facts.Finding) bool { return f.Severity != facts.Info })
}

// foundFirst holds if the first finding has that code.
func foundFirst(code string) func(facts.Result) bool {
	return func(r facts.Result) bool { return len(r.Findings) > 0 && r.Findings[0].Code == code }
}

// isCommand is what each remedy begins with: Markdown puts it into a fence, from which it is pasted.
var isCommand = regexp.MustCompile(`^([A-Z_]+="[^" ]*" )*(psql|kubectl|redis-cli|honeydue|openssl|getent|nstat|mtr|sysctl) `)

// unplaced is a command that reaches whatever the shell's variables or kubectl's current context name.
var unplaced = regexp.MustCompile(`psql "\$[A-Z_]+"|redis-cli -u "\$[A-Z_]+"|kubectl (-n\b|[a-z])|^honeydue (migrate|warmup)`)

// checkOf returns the outcome of one check.
func checkOf(t *testing.T, r facts.Result, code string) facts.CheckResult {
	t.Helper()
	for _, c := range r.Checks {
		if c.Code == code {
			return c
		}
	}
	t.Fatalf("the check %s is not in the result", code)
	return facts.CheckResult{}
}

// first requires that the first finding has that code, and returns it.
func first(t *testing.T, r facts.Result, code string) facts.Finding {
	t.Helper()
	if len(r.Findings) == 0 {
		t.Fatalf("nothing was found, want %s; the verdict is %q", code, r.Verdict)
	}
	if r.Findings[0].Code != code {
		t.Fatalf("the first finding is %+v, want %s; the verdict is %q", r.Findings[0], code, r.Verdict)
	}
	return r.Findings[0]
}

func contains(t *testing.T, s, part string) {
	t.Helper()
	if !strings.Contains(s, part) {
		t.Errorf("%q does not contain %q", s, part)
	}
}
