package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/honeydue/honeydue/internal/cli/app"
	"github.com/honeydue/honeydue/internal/cli/exit"
)

type hinted struct{ text, hint string }

func (h hinted) Error() string { return h.text }
func (h hinted) Hint() string  { return h.hint }

func TestFunnel(t *testing.T) {
	interrupted, interrupt := context.WithCancelCause(t.Context())
	interrupt(app.ErrInterrupted)
	tests := []struct {
		name string
		ctx  context.Context
		err  error
		code int
		want string
	}{
		{"all well", nil, nil, 0, ""},
		{"the report has said it", nil, exit.With(exit.Finding, exit.OK), 3, ""},
		{"no code but failure", nil, errors.New("it broke"), 1, "honeydue: it broke\n"},
		{"wrapped, with the hint of the package below", nil, fmt.Errorf("seed: %w", hinted{"the disk is full", "Free some space."}), 1, "honeydue: seed: the disk is full\n  Free some space.\n"},
		{"without the package's name", nil, errors.New("store: the database is gone"), 1, "honeydue: the database is gone\n"},
		{"usage keeps the hint", nil, exit.Usage(hinted{"--rate is negative", "Give at least 1."}), 2, "honeydue: --rate is negative\n  Give at least 1.\n"},
		{"usage of nothing", nil, exit.Usage(nil), 0, ""},
		{"usage does not rename an exit code", nil, exit.Usage(exit.Failedf("", "x")), 1, "honeydue: x\n"},
		{
			"each of several mistakes beside its hint", nil, exit.Usage(errors.Join(hinted{"a is wrong", "Fix a."}, hinted{"b is wrong", "Fix b."})), 2,
			"honeydue: a is wrong\n  Fix a.\nhoneydue: b is wrong\n  Fix b.\n",
		},
		{"several in one sentence stay whole", nil, fmt.Errorf("copy: %w; undo: %w", errors.New("a"), errors.New("b")), 1, "honeydue: copy: a; undo: b\n"},
		{"a secret never leaves", nil, exit.Failedf("Is canary-PASSWORD right?", "cannot dial postgres://u:canary-PASSWORD@h"), 1, "honeydue: cannot dial postgres://*****@h\n  Is ***** right?\n"},
		{"several lines are indented", nil, exit.Failedf("", "a\nb"), 1, "honeydue: a\n  b\n"},
		{"Ctrl-C", interrupted, fmt.Errorf("seed: %w", context.Canceled), 1, "honeydue: interrupted before the work was done\n  Start it again to do all of it.\n"},
		{"cancelled, but by nobody's Ctrl-C", nil, context.Canceled, 1, "honeydue: context canceled\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ctx := tt.ctx
			if ctx == nil {
				ctx = t.Context()
			}
			var stderr bytes.Buffer
			a := app.New(app.Build{}, &bytes.Buffer{}, &stderr, []string{"DATABASE_URL=postgres://u:canary-PASSWORD@h/d"})
			if code := finish(ctx, a, nil, tt.err); code != tt.code {
				t.Errorf("exit code %d, want %d", code, tt.code)
			}
			if stderr.String() != tt.want {
				t.Errorf("said\n%s\nwant\n%s", stderr.String(), tt.want)
			}
		})
	}
}

func TestEditDistance(t *testing.T) {
	tests := []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "ab", 2}, {"probe", "probe", 0}, {"prob", "probe", 1}, {"porbe", "probe", 2}, {"x", "lab", 3}}
	for _, tt := range tests {
		if got := editDistance(tt.a, tt.b); got != tt.want {
			t.Errorf("editDistance(%q, %q) = %d, want %d", tt.a, tt.b, got, tt.want)
		}
	}
}
