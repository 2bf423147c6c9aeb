// Package app is what the commands share: the streams, the environment, the forms of a report, and the pieces that a
// command is built from.
package app

import (
	"bytes"
	"io"
	"strings"

	"github.com/honeydue/honeydue/internal/cli/term"
	"github.com/honeydue/honeydue/internal/config"
	"github.com/honeydue/honeydue/internal/report"
)

// App is what every command is given instead of reaching for globals.
type App struct {
	Stdout, Stderr io.Writer
	Env            config.Environ
	Build          Build
	Output         Output

	secrets []string            // of Env, to keep out of what is printed
	masks   []*strings.Replacer // of what files and logins have given, for the same
	noted   []string            // parameters of database URLs that have no effect, as they were printed
}

// New is the app of one run of the program. environ is in the form of os.Environ.
func New(build Build, stdout, stderr io.Writer, environ []string) *App {
	env := config.FromEnviron(environ)
	return &App{Stdout: stdout, Stderr: stderr, Env: env, Build: build, secrets: env.Secrets()}
}

// Getenv returns a variable of the injected environment, "" when it is not set.
func (a *App) Getenv(name string) string { return a.Env[name] }

// Write prints a document in the form that the output flags ask for: to stdout, or whole into the file of --out.
// A command calls it once, at its end.
func (a *App) Write(d report.Document) error { return a.WriteAs(d, a.Build) }

// WriteAs is Write for a report of what another build has measured.
func (a *App) WriteAs(d report.Document, by Build) error {
	format := a.Output.Format()
	o := report.Options{Version: by.Version, Commit: by.Commit}
	if a.Output.File == "" {
		o.Color = a.Color(a.Stdout)
		o.Width = term.Width(a.Stdout)
		return report.Write(a.Stdout, format, d, o)
	}
	var b bytes.Buffer
	if err := report.Write(&b, format, d, o); err != nil {
		return err
	}
	return WriteFile("--out", a.Output.File, b.Bytes())
}

// Color tells whether w is a terminal whose reader has not said no to colours.
func (a *App) Color(w io.Writer) bool {
	return !a.Output.NoColor && a.Getenv("NO_COLOR") == "" && a.Getenv("TERM") != "dumb" && term.IsTerminal(w)
}

// Drawing is how stderr is drawn on: not at all if it is no terminal.
func (a *App) Drawing() term.Style {
	s := term.Style{Color: a.Color(a.Stderr), ASCII: !a.unicode()}
	if console, ok := a.Stderr.(*term.Console); ok && term.IsTerminal(console) && a.Getenv("TERM") != "dumb" {
		s.Console = console
	}
	return s
}

// unicode tells whether the environment speaks of a terminal that has all characters.
func (a *App) unicode() bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v := a.Getenv(name); v != "" {
			v = strings.ToLower(strings.ReplaceAll(v, "-", ""))
			return strings.Contains(v, "utf8")
		}
	}
	return false
}

// Progress starts a progress on stderr. total is what its Set and Add count up to; -1 when it is not known.
func (a *App) Progress(what string, total int64) *term.Progress {
	return term.NewProgress(a.Stderr, a.Drawing(), what, total)
}
