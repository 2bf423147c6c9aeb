package loadtestcmd

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/honeydue/honeydue/internal/bench"
	"github.com/honeydue/honeydue/internal/cli/exit"
	"github.com/honeydue/honeydue/internal/report"
)

// record opens what -o vegeta writes the requests to, while they are measured. The Recorder is nil with another form.
// finish ends the file of --out, whole or, after an error, not at all.
func (a command) record() (r *bench.Recorder, finish func() error, err error) {
	if a.Output.Format() != report.FormatVegeta {
		return nil, func() error { return nil }, nil
	}
	path := a.Output.File
	if path == "" {
		r = bench.NewRecorder(a.Stdout)
		return r, r.Close, nil
	}
	if at, err := os.Stat(path); err == nil && !at.Mode().IsRegular() { // a device or a pipe
		f, err := os.OpenFile(path, os.O_WRONLY, 0) //nolint:gosec // the operator names it
		if err != nil {
			return nil, nil, exit.Failedf("Give --out a path that you may write to.", "cannot write the requests: %w", err)
		}
		r = bench.NewRecorder(f)
		return r, func() error { return errors.Join(r.Close(), f.Close()) }, nil
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return nil, nil, exit.Failedf("Give --out a path in a folder that exists and that you may write to.", "cannot write the requests: %w", err)
	}
	r = bench.NewRecorder(f)
	return r, func() error {
		err := errors.Join(r.Close(), f.Chmod(0o644), f.Close())
		if err == nil {
			err = os.Rename(f.Name(), path)
		}
		if err != nil {
			return fmt.Errorf("write the requests: %w", errors.Join(err, os.Remove(f.Name())))
		}
		return nil
	}, nil
}

// writeLoadtest prints the report, or, where each request was written instead, the verdict alone to stderr.
func (a command) writeLoadtest(r bench.Result) error {
	if a.Output.Format() != report.FormatVegeta {
		return a.Write(r.Document())
	}
	_, err := io.WriteString(a.Stderr, r.Document().Title+"\n")
	return err
}
