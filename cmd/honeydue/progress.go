package main

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
)

// quietFor is how long a progress that nobody watches live stays silent between two lines.
const quietFor = 10 * time.Second

// progress tells on stderr how far a piece of work is: as a bar that redraws itself on a terminal, elsewhere as a
// line at most every ten seconds, so that a pipeline's log stays readable. Its methods may be called from several
// goroutines.
type progress struct {
	mu    sync.Mutex
	bar   *progressbar.ProgressBar // nil when stderr is no terminal
	w     io.Writer
	what  string
	total int64
	done  int64
	now   func() time.Time
	last  time.Time
	ended bool
}

// progress starts a progress. total is what Set and Add count up to; -1 when it is not known.
func (a *app) progress(what string, total int64) *progress {
	p := &progress{w: a.stderr, what: what, total: total, now: time.Now}
	p.last = p.now()
	if a.redraws() {
		p.bar = progressbar.NewOptions64(total,
			progressbar.OptionSetWriter(a.stderr),
			progressbar.OptionSetDescription(what),
			progressbar.OptionEnableColorCodes(a.color(a.stderr)),
			progressbar.OptionShowCount(),
			progressbar.OptionThrottle(100*time.Millisecond),
			progressbar.OptionClearOnFinish(),
			progressbar.OptionSetPredictTime(true),
			progressbar.OptionFullWidth(),
		)
	}
	return p
}

// Set says how much is done.
func (p *progress) Set(done int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done = done
	p.show()
}

// Add says that n more is done.
func (p *progress) Add(n int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done += n
	p.show()
}

// Describe replaces the words beside the figure.
func (p *progress) Describe(what string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.what = what
	if p.bar != nil {
		p.bar.Describe(what)
	}
}

// Done takes the bar away. It may be called more than once.
func (p *progress) Done() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended {
		return
	}
	p.ended = true
	if p.bar != nil {
		_ = p.bar.Finish() // a progress that cannot be drawn is no reason to fail
		_ = p.bar.Clear()
	}
}

func (p *progress) show() {
	if p.ended {
		return
	}
	if p.bar != nil {
		_ = p.bar.Set64(p.done) // as in Done
		return
	}
	now := p.now()
	if now.Sub(p.last) < quietFor {
		return
	}
	p.last = now
	if p.total > 0 {
		fmt.Fprintf(p.w, "%s: %d of %d\n", p.what, p.done, p.total)
		return
	}
	fmt.Fprintf(p.w, "%s: %d\n", p.what, p.done)
}
