package term

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/honeydue/honeydue/internal/report"
)

const (
	// quietFor is the time between two lines of a progress that is not drawn.
	quietFor = 10 * time.Second
	// FrameApart is the time between two pictures of what is drawn.
	FrameApart = 100 * time.Millisecond
	// barCells is the length of a bar.
	barCells = 30
)

// Progress shows on stderr how far a piece of work is: as a bar that is drawn again in place on a terminal, elsewhere as a
// line at most every ten seconds, so that a pipeline's log stays readable. Its methods may be called from several
// goroutines.
type Progress struct {
	mu       sync.Mutex
	w        io.Writer
	style    Style
	what     string
	total    int64
	done     int64
	now      func() time.Time
	began    time.Time
	last     time.Time // of the lines
	stepping bool      // from the first Step on
	ended    chan struct{}
	drawn    sync.WaitGroup
}

// Style is how a terminal is drawn on.
type Style struct {
	Console *Console // nil where nothing is drawn: lines are written instead
	Color   bool
	ASCII   bool // the terminal's character set has no blocks
}

// NewProgress starts a progress on w. total is what Set and Add count up to; -1 when it is not known. Done ends it.
func NewProgress(w io.Writer, style Style, what string, total int64) *Progress {
	p := newProgress(w, style, what, total, time.Now)
	if style.Console != nil {
		p.drawn.Go(func() { // ends with Done
			tick := time.NewTicker(FrameApart)
			defer tick.Stop()
			for {
				p.draw()
				select {
				case <-p.ended:
					style.Console.Clear()
					return
				case <-tick.C:
				}
			}
		})
	}
	return p
}

func newProgress(w io.Writer, style Style, what string, total int64, now func() time.Time) *Progress {
	return &Progress{w: w, style: style, what: what, total: total, now: now, began: now(), last: now(), ended: make(chan struct{})}
}

// Set says how much is done.
func (p *Progress) Set(done int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done = done
	p.report()
}

// Add says that n more is done.
func (p *Progress) Add(n int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done += n
	p.report()
}

// Step says what comes next; what was before it is done.
func (p *Progress) Step(what string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stepping {
		p.done++
	}
	p.what, p.stepping = what, true
	p.report()
}

// Describe replaces the words.
func (p *Progress) Describe(what string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.what = what
}

// Say prints a line of its own at once.
func (p *Progress) Say(line string) { fmt.Fprintln(p.w, line) }

// Done takes the bar away. It may be called more than once.
func (p *Progress) Done() {
	p.mu.Lock()
	if !p.over() {
		close(p.ended)
	}
	p.mu.Unlock()
	p.drawn.Wait()
}

func (p *Progress) over() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

// report writes a line if nothing is drawn and it is time for one.
func (p *Progress) report() {
	now := p.now()
	if p.style.Console != nil || p.over() || now.Sub(p.last) < quietFor {
		return
	}
	p.last = now
	fmt.Fprintf(p.w, "%s: %s\n", p.what, p.count())
}

func (p *Progress) count() string {
	if p.total > 0 {
		return fmt.Sprintf("%d of %d", p.done, p.total)
	}
	return fmt.Sprint(p.done)
}

func (p *Progress) draw() {
	p.mu.Lock()
	line := p.line()
	p.mu.Unlock()
	p.style.Console.Show([]report.ScreenLine{line}, p.style.Color)
}

// line is the progress as a terminal shows it. The words come last: they are what a narrow terminal cuts.
func (p *Progress) line() report.ScreenLine {
	var line report.ScreenLine
	if p.total > 0 {
		line = append(Bar(float64(p.done)/float64(p.total), p.style.ASCII), report.Piece{Text: "  "})
	}
	if p.total > 0 || p.done > 0 {
		line = append(line, report.Piece{Text: p.count() + ", "})
	}
	return append(line, report.Piece{Text: Clock(p.now().Sub(p.began)) + "  "}, report.Piece{Text: p.what, Tone: report.Dim})
}

// Bar is a bar of which a part, from 0 to 1, is full, and the part in percent.
func Bar(part float64, ascii bool) report.ScreenLine {
	full, empty := "█", "░"
	if ascii {
		full, empty = "#", "."
	}
	part = min(max(part, 0), 1)
	filled := int(part * barCells)
	return report.ScreenLine{
		{Text: strings.Repeat(full, filled), Tone: report.Good},
		{Text: strings.Repeat(empty, barCells-filled), Tone: report.Dim},
		{Text: fmt.Sprintf(" %.0f%%", 100*part)},
	}
}

// Clock is a time as a reader counts it along.
func Clock(d time.Duration) string {
	if d < 2*time.Minute {
		return fmt.Sprintf("%.0f s", d.Seconds())
	}
	return d.Round(time.Second).String()
}
