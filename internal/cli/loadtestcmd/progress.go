package loadtestcmd

import (
	"fmt"
	"time"

	"github.com/honeydue/honeydue/internal/bench"
	"github.com/honeydue/honeydue/internal/cli/term"
)

// loadtestProgress shows on stderr how far a load test is: as a view of a few lines on a terminal, elsewhere as a line
// at most every ten seconds.
type loadtestProgress struct {
	app    command
	prefix string // before each phase's name

	style term.Style
	view  loadtestView
	drawn time.Time // what has ended is drawn at once, all else after a while

	phase string
	bar   *term.Progress
}

func (a command) loadtestProgress(title string) *loadtestProgress {
	style := a.Drawing()
	return &loadtestProgress{app: a, style: style, view: loadtestView{title: title, ascii: style.ASCII}}
}

// show is a bench.Config.Progress.
func (l *loadtestProgress) show(p bench.Progress) {
	if l.style.Console == nil {
		l.showLine(p)
		return
	}
	same := l.view.now != nil && l.view.now.Phase == l.prefix+p.Phase && l.view.now.WarmingUp == p.WarmingUp
	l.view.take(l.prefix, p)
	if now := time.Now(); p.Ended != nil || !same || now.Sub(l.drawn) >= term.FrameApart {
		l.drawn = now
		_, rows := term.Size(l.style.Console)
		l.style.Console.Show(l.view.lines(rows-1), l.style.Color)
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
	if l.style.Console != nil {
		l.style.Console.Clear()
	}
	if l.bar != nil {
		l.bar.Done()
		l.bar = nil
	}
}
