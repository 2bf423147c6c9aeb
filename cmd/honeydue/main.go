// Command honeydue is the API server of the HoneyDue household app and the toolkit that keeps that server fast. Its
// commands are in internal/cli.
package main

import (
	"context"
	"io"
	"os"

	"github.com/honeydue/honeydue/internal/cli"
	"github.com/honeydue/honeydue/internal/cli/app"
	"github.com/honeydue/honeydue/internal/cli/term"
)

// version and commit are set by the linker: -ldflags "-X main.version=1.2.3 -X main.commit=abc123".
var version, commit string

func main() {
	stderr := term.NewConsole(os.Stderr)
	ctx, stop := app.WatchSignals(context.Background(), stderr)
	code := run(ctx, os.Args[1:], os.Stdout, stderr, os.Environ())
	stop()
	os.Exit(code)
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer, environ []string) int {
	return cli.Run(ctx, app.NewBuild(version, commit), args, stdout, stderr, environ)
}
