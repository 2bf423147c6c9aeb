// Package warmup takes the cold start upon itself, so that no user does: it wakes a suspended database,
// makes the pooler open its server connections, has each of them run the hot statements once, loads
// pages into the database's memory, fills Redis for those who are likely to come back, and asks a
// running server for its first read. Each step is measured before and after, so that it says what it
// bought.
package warmup

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/honeydue/honeydue/internal/store"
)

// Schema names the JSON document that a Result is printed as.
const Schema = "honeydue.warmup/1"

// The defaults of Config.
const (
	DefaultUsers   = 500
	DefaultTimeout = 60 * time.Second
)

// Config says what to warm. internal/cli fills it from the environment and the flags.
type Config struct {
	// Database is the app's own pool: warming more connections than it has would be of no use.
	Database store.Config
	// DirectURL is needed for pg_prewarm, since reading a table into memory may take longer than a pooler
	// lets a transaction last; may be empty.
	DirectURL string
	// RedisURL is where the app's cache is; empty means that each pod has its own, which nobody can fill
	// from outside.
	RedisURL string
	// Users is how many of the most recently active users are put into Redis (DefaultUsers if zero).
	Users int
	// TargetURL is a running server; may be empty.
	TargetURL string
	// Token makes the read asked of the target an authed one; without it /readyz is asked. It is never shown.
	Token string
	// Timeout bounds the whole warm-up (DefaultTimeout if zero).
	Timeout time.Duration
	// Progress is called with each step's name as it begins; may be nil.
	Progress func(step string)
}

// Status is how a step ended.
type Status string

// The outcomes of a step. Skipped means that there was nothing to do it with, which is no failure.
const (
	Done    Status = "done"
	Skipped Status = "skipped"
	Failed  Status = "failed"
)

// Step is one part of the warm-up.
type Step struct {
	Name   string `json:"name"`
	Status Status `json:"status"`
	// Measure says what BeforeMS and AfterMS are the times of.
	Measure  string  `json:"measure,omitempty"`
	BeforeMS float64 `json:"before_ms"`
	AfterMS  float64 `json:"after_ms"`
	// BoughtMS is what the next one to come is spared: before less after.
	BoughtMS float64 `json:"bought_ms"`
	// Count is how many connections, pages or users it reached.
	Count int64 `json:"count"`
	// DBTurns is what it cost on the way to the database, on all connections together.
	DBTurns int64   `json:"db_turns"`
	TookMS  float64 `json:"took_ms"`
	// Detail says in one sentence what happened, or why it did not.
	Detail string `json:"detail"`
}

// Result is a finished warm-up.
type Result struct {
	StartedAt time.Time `json:"started_at"`
	TookMS    float64   `json:"took_ms"`
	Steps     []Step    `json:"steps"`
}

// Failed reports whether any step failed.
func (r Result) Failed() bool {
	for _, s := range r.Steps {
		if s.Status == Failed {
			return true
		}
	}
	return false
}

// errSkip is wrapped by a step that has nothing to work with.
var errSkip = errors.New("skipped")

// skip is the error of a step that has nothing to work with; its text says what is missing.
type skip string

func (s skip) Error() string { return string(s) }
func (s skip) Unwrap() error { return errSkip }

// Run does one step after the other. A step that fails does not keep the later ones from trying; only
// without a database there is nothing to do but the rest. What each step did is in the Result.
func Run(ctx context.Context, c Config) Result {
	if c.Users == 0 {
		c.Users = DefaultUsers
	}
	if c.Timeout <= 0 {
		c.Timeout = DefaultTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	w := &warmer{config: c}
	defer w.close()

	r := Result{StartedAt: time.Now().UTC()}
	began := time.Now()
	for _, s := range w.steps() {
		if c.Progress != nil {
			c.Progress(s.name)
		}
		r.Steps = append(r.Steps, s.do(ctx))
	}
	r.TookMS = ms(time.Since(began))
	return r
}

// warmer carries what one step leaves for the next.
type warmer struct {
	config Config
	db     *store.DB
	// refused: one connection was refused for good, so that more of them would be, too.
	refused bool
}

func (w *warmer) close() {
	if w.db != nil {
		w.db.Close()
		w.db = nil
	}
}

// step is one part of the warm-up with its name.
type step struct {
	name string
	run  func(context.Context, *Step) error
}

func (w *warmer) steps() []step {
	return []step{
		{"wake the database", w.wake},
		{"open the pool", w.open},
		{"load pages", w.prewarm},
		{"run the hot statements", w.statements},
		{"fill Redis", w.fill},
		{"first read of the server", w.target},
	}
}

func (s step) do(ctx context.Context) Step {
	out := Step{Name: s.name, Status: Done}
	began := time.Now()
	err := s.run(ctx, &out)
	out.TookMS = ms(time.Since(began))
	switch {
	case errors.Is(err, errSkip):
		out.Status, out.Detail = Skipped, err.Error()
	case err != nil:
		out.Status, out.Detail = Failed, withHint(err)
	default:
		out.BoughtMS = round(out.BeforeMS - out.AfterMS)
	}
	return out
}

// withHint is what failed and what to do about it, as sentences.
func withHint(err error) string {
	text := strings.TrimPrefix(err.Error(), "store: ")
	if text != "" {
		text = strings.ToUpper(text[:1]) + text[1:] + "."
	}
	if h, ok := errors.AsType[interface {
		error
		Hint() string
	}](err); ok {
		text += " " + h.Hint()
	}
	return text
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func round(v float64) float64 {
	if v < 0 {
		return -round(-v)
	}
	return float64(int64(v*1000+0.5)) / 1000
}
