package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
)

// errInterrupted is the cause of a context that ended because the user asked for it.
var errInterrupted = errors.New("interrupted")

// lastWords is what a second signal says to do about what the command leaves behind.
type lastWords struct{ text atomic.Pointer[string] }

type lastWordsKey struct{}

func (l *lastWords) or(otherwise string) string {
	if text := l.text.Load(); text != nil {
		return *text
	}
	return otherwise
}

// leaving says what a second signal leaves behind and what to do about it, until the returned function is called.
func leaving(ctx context.Context, what string) (done func()) {
	said, ok := ctx.Value(lastWordsKey{}).(*lastWords)
	if !ok {
		return func() {} // nobody watches signals
	}
	said.text.Store(&what)
	return func() { said.text.Store(nil) }
}

// watchSignals returns a context that ends at the first SIGINT or SIGTERM, so that the command drains and still
// prints what it has. The second one ends the process at once. stop releases the signals and the goroutine.
func watchSignals(parent context.Context, stderr io.Writer) (ctx context.Context, stop func()) {
	said := &lastWords{}
	ctx, cancel := context.WithCancelCause(context.WithValue(parent, lastWordsKey{}, said))
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
					fmt.Fprintf(stderr, "honeydue: stopped at once by a second signal\n  %s\n", said.or("What was being drained is lost."))
					os.Exit(exitFailed)
				}
				interrupted = true
				if s == syscall.SIGINT {
					fmt.Fprintln(stderr, "honeydue: finishing what is under way; Ctrl-C again stops at once")
				}
				cancel(errInterrupted)
			}
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(done)
		cancel(nil)
	}
}
