package loadtestcmd

import (
	"fmt"
	"strings"
	"time"

	"github.com/honeydue/honeydue/internal/bench"
	"github.com/honeydue/honeydue/internal/cli/term"
)

// frameApart is the least time between two pictures of the view; what has ended is shown at once.
const frameApart = 100 * time.Millisecond

// loadtestProgress shows on stderr how far a load test is: as a view of a few lines on a terminal, elsewhere as a line
// at most every ten seconds.
type loadtestProgress struct {
	app    command
	prefix string // before each phase's name

	console *term.Console // nil when stderr is no terminal
	view    loadtestView
	drawn   time.Time

	phase string
	bar   *term.Progress
}

func (a command) loadtestProgress(title string) *loadtestProgress {
	l := &loadtestProgress{app: a, view: loadtestView{title: title, ascii: !a.unicode()}}
	if c, ok := a.Stderr.(*term.Console); ok && a.Redraws() {
		l.console = c
	}
	return l
}

// unicode tells whether the environment speaks of a terminal that has all characters.
func (a command) unicode() bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v := a.Getenv(name); v != "" {
			v = strings.ToLower(strings.ReplaceAll(v, "-", ""))
			return strings.Contains(v, "utf8")
		}
	}
	return false
}

// show is a bench.Config.Progress.
func (l *loadtestProgress) show(p bench.Progress) {
	if l.console == nil {
		l.showLine(p)
		return
	}
	same := l.view.now != nil && l.view.now.Phase == l.prefix+p.Phase && l.view.now.WarmingUp == p.WarmingUp
	l.view.take(l.prefix, p)
	if now := time.Now(); p.Ended != nil || !same || now.Sub(l.drawn) >= frameApart {
		l.drawn = now
		_, rows := term.Size(l.console)
		l.console.Show(l.view.lines(rows-1), l.app.Color(l.console))
	}
}

func (l *loadtestProgress) showLine(p bench.Progress) {
	if p.Ended != nil {
		return // the report says it
	}
	name := l.prefix + p.Phase
	if p.WarmingUp {
		name += ": warming up"
	}
	if l.phase != name {
		l.done()
		l.phase, l.bar = name, l.app.Progress(name, int64(max(p.Planned, 1)))
	}
	if p.Rate > 0 {
		l.bar.Describe(fmt.Sprintf("%s: %.0f s, %.1f/s, p50 %.0f ms, p99 %.0f ms, %d errors", name,
			p.Elapsed.Seconds(), p.Rate, p.P50.Seconds()*1000, p.P99.Seconds()*1000, p.Errors))
	}
	l.bar.Set(int64(p.Done))
}

// done takes the view away. It may be called more than once.
func (l *loadtestProgress) done() {
	if l.console != nil {
		l.console.Clear()
	}
	if l.bar != nil {
		l.bar.Done()
		l.bar = nil
	}
}
