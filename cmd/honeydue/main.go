// Command honeydue is the API server of the HoneyDue household app and the toolkit that keeps that server fast.
//
// Each command has a file of its own and reads the same way: flags fill a typed options struct, Validate refuses
// what makes no sense, one call into a package below does the work, one report shows it, an exit code sums it up.
// This is the only package that reads the environment, writes to stdout or ends the process.
package main

import (
	"context"
	"os"
)

func main() {
	stderr := newConsole(os.Stderr)
	ctx, stop := watchSignals(context.Background(), stderr)
	code := run(ctx, os.Args[1:], os.Stdout, stderr, os.Environ())
	stop()
	os.Exit(code)
}
