package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// errInterrupted is the cause of a context that ended because the user asked for it.
var errInterrupted = errors.New("interrupted")

// watchSignals returns a context that ends at the first SIGINT or SIGTERM, so that the command drains and still
// prints what it has. The second one ends the process at once. stop releases the signals and the goroutine.
func watchSignals(parent context.Context, stderr io.Writer) (ctx context.Context, stop func()) {
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
					fmt.Fprintln(stderr, "honeydue: stopped at once by a second signal\n  What was being drained is lost.")
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
