package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"

	"github.com/honeydue/honeydue/internal/cli/exit"
)

// ErrInterrupted is the cause of a context that ended because the user asked for it.
var ErrInterrupted = errors.New("interrupted")

// LastWords is what a second signal says to do about what the command leaves behind.
type LastWords struct{ text atomic.Pointer[string] }

type lastWordsKey struct{}

// WithLastWords is a context in which Leaving sets the words.
func WithLastWords(parent context.Context) (context.Context, *LastWords) {
	said := &LastWords{}
	return context.WithValue(parent, lastWordsKey{}, said), said
}

// Or is what Leaving has said, or otherwise if nothing is left behind.
func (l *LastWords) Or(otherwise string) string {
	if text := l.text.Load(); text != nil {
		return *text
	}
	return otherwise
}

// Leaving says what a second signal leaves behind and what to do about it, until the returned function is called.
func Leaving(ctx context.Context, what string) (done func()) {
	said, ok := ctx.Value(lastWordsKey{}).(*LastWords)
	if !ok {
		return func() {} // nobody watches signals
	}
	said.text.Store(&what)
	return func() { said.text.Store(nil) }
}

// WatchSignals returns a context that ends at the first SIGINT or SIGTERM, so that the command drains and still
// prints what it has. The second one ends the process at once. stop releases the signals and the goroutine.
func WatchSignals(parent context.Context, stderr io.Writer) (ctx context.Context, stop func()) {
	parent, said := WithLastWords(parent)
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	done := make(chan struct{})
	go func() {
		interrupted := false
		for {
			select {
			case <-done:
				return
			case s := <-signals:
				if interrupted {
					fmt.Fprintf(stderr, "honeydue: stopped at once by a second signal\n  %s\n", said.Or("What was being drained is lost."))
					os.Exit(exit.Failed)
				}
				interrupted = true
				if s == syscall.SIGINT {
					fmt.Fprintln(stderr, "honeydue: finishing what is under way; Ctrl-C again stops at once")
				}
				cancel(ErrInterrupted)
			}
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(done)
		cancel(nil)
	}
}
