package term

import (
	"cmp"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/mattn/go-runewidth"
	"github.com/schollz/progressbar/v3"
)

// quietFor is how long a progress that nobody watches live stays silent between two lines.
const quietFor = 10 * time.Second

// Progress tells on stderr how far a piece of work is: as a bar that redraws itself on a terminal, elsewhere as a
// line at most every ten seconds, so that a pipeline's log stays readable. Its methods may be called from several
// goroutines.
type Progress struct {
	mu    sync.Mutex
	bar   *progressbar.ProgressBar // nil when stderr is no terminal
	w     io.Writer
	what  string
	total int64
	done  int64
	now   func() time.Time
	last  time.Time
	ended bool
	// stepping is set from the first Step on.
	stepping bool
	// room is what the bar's line has for words; 0 = any.
	room int
}

// layBar shares a terminal's line out among the words and the cells of a bar that counts up to total.
func layBar(columns int, total int64) (words, cells int) {
	const rest = len(" 100% |") + len("| (/)") + len(" [12m30s:10m20s]")
	cells = max(columns/6, 1)
	return max(columns-cells-rest-2*len(fmt.Sprint(total)), 1), cells
}

// NewProgress starts a progress on w. total is what Set and Add count up to; -1 when it is not known. redraws says that w
// is a terminal on which a line can be drawn again.
func NewProgress(w io.Writer, what string, total int64, redraws, color bool) *Progress {
	p := &Progress{w: w, what: what, total: total, now: time.Now}
	p.last = p.now()
	if redraws {
		var cells int
		p.room, cells = layBar(cmp.Or(Width(w), 80), total)
		options := []progressbar.Option{
			progressbar.OptionSetWidth(cells),
			progressbar.OptionSetWriter(w),
			progressbar.OptionSetDescription(p.words()),
			progressbar.OptionEnableColorCodes(color),
			progressbar.OptionThrottle(100 * time.Millisecond),
			progressbar.OptionClearOnFinish(),
			progressbar.OptionSetPredictTime(true),
		}
		if total >= 0 {
			options = append(options, progressbar.OptionShowCount()) // of an unknown total it would say "0/-"
		}
		p.bar = progressbar.NewOptions64(total, options...)
	}
	return p
}

// Set says how much is done.
func (p *Progress) Set(done int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done = done
	p.show()
}

// Add says that n more is done.
func (p *Progress) Add(n int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done += n
	p.show()
}

// Step says what comes next; what was before it is done.
func (p *Progress) Step(what string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stepping {
		p.done++
	}
	p.what, p.stepping = what, true
	if p.bar != nil {
		p.bar.Describe(p.words())
	}
	p.show()
}

// words are what is told beside the bar: a line that wraps can't be drawn again in place.
func (p *Progress) words() string {
	if p.room == 0 {
		return p.what
	}
	return runewidth.Truncate(p.what, p.room, "...")
}

// Describe replaces the words beside the figure.
func (p *Progress) Describe(what string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.what = what
	if p.bar != nil {
		p.bar.Describe(p.words())
	}
}

// Say prints a line of its own at once.
func (p *Progress) Say(line string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar != nil && !p.ended {
		_ = p.bar.Clear() // as in Done
	}
	fmt.Fprintln(p.w, line)
	if p.bar != nil && !p.ended {
		_ = p.bar.RenderBlank()
	}
}

// Done takes the bar away. It may be called more than once.
func (p *Progress) Done() {
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

func (p *Progress) show() {
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
