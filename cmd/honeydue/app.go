package main

import (
	"bytes"
	"io"
	"strings"

	"golang.org/x/term"

	"github.com/honeydue/honeydue/internal/config"
	"github.com/honeydue/honeydue/internal/report"
)

// app is what every command is given instead of reaching for globals.
type app struct {
	stdout, stderr io.Writer
	env            config.Environ
	secrets        []string            // of env, to keep out of what is printed
	masks          []*strings.Replacer // of what files and logins have given, for the same
	noted          []string            // parameters of database URLs that have no effect, as they were printed
	build          build
	output         outputOptions
}

func newApp(stdout, stderr io.Writer, environ []string) *app {
	env := config.FromEnviron(environ)
	return &app{stdout: stdout, stderr: stderr, env: env, secrets: env.Secrets(), build: currentBuild()}
}

// getenv returns a variable of the injected environment, "" when it is not set.
func (a *app) getenv(name string) string { return a.env[name] }

// write prints a document in the form that the output flags ask for: to stdout, or whole into the file of --out.
// A command calls it once, at its end.
func (a *app) write(d report.Document) error { return a.writeAs(d, a.build) }

// writeAs is write for a report of what another build has measured.
func (a *app) writeAs(d report.Document, by build) error {
	format := a.output.format()
	o := report.Options{Version: by.Version, Commit: by.Commit}
	if a.output.file == "" {
		o.Color = a.color(a.stdout)
		o.Width = a.width(a.stdout)
		return report.Write(a.stdout, format, d, o)
	}
	var b bytes.Buffer
	if err := report.Write(&b, format, d, o); err != nil {
		return err
	}
	return writeFile("--out", a.output.file, b.Bytes())
}

// color tells whether w is a terminal whose reader has not said no to colours.
func (a *app) color(w io.Writer) bool {
	return !a.output.noColor && a.getenv("NO_COLOR") == "" && a.getenv("TERM") != "dumb" && isTerminal(w)
}

// width is the terminal's number of columns, 0 when w is none.
func (a *app) width(w io.Writer) int {
	columns, _ := a.size(w)
	return columns
}

// size is the terminal's number of columns and rows, 0 when w is none.
func (a *app) size(w io.Writer) (columns, rows int) {
	if f, ok := w.(descriptor); ok {
		if columns, rows, err := term.GetSize(int(f.Fd())); err == nil {
			return columns, rows
		}
	}
	return 0, 0
}

// redraws tells whether stderr is a terminal on which a line can be drawn again.
func (a *app) redraws() bool { return isTerminal(a.stderr) && a.getenv("TERM") != "dumb" }

// descriptor is a file, or the console that stands for one.
type descriptor interface{ Fd() uintptr }

func isTerminal(w io.Writer) bool {
	f, ok := w.(descriptor)
	return ok && term.IsTerminal(int(f.Fd()))
}
