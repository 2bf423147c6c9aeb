// Package term draws on the terminal: what scrolls by, and below it what is drawn again in place.
package term

import (
	"bytes"
	"io"
	"os"
	"strings"
	"sync"

	"github.com/mattn/go-runewidth"

	"github.com/honeydue/honeydue/internal/report"
)

// Console is stderr, and the one writer of it: text that scrolls, and on a terminal a block of lines below the text that
// is drawn again in place. No mode of the terminal is changed, so that nothing is left behind however the process ends.
type Console struct {
	out  io.Writer
	fd   uintptr
	size func() (columns, rows int) // 0 = no terminal

	mu     sync.Mutex
	block  []report.ScreenLine // that Show has given
	drawn  []string            // on the screen now, without colours
	color  bool
	inLine bool // the text before the block has not ended its line
}

// NewConsole is the console on f.
func NewConsole(f *os.File) *Console {
	return &Console{out: f, fd: f.Fd(), size: func() (columns, rows int) { return Size(f) }}
}

// Fd makes a console known as the terminal that it is.
func (c *Console) Fd() uintptr { return c.fd }

// Write puts text above the block.
func (c *Console) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.block) == 0 {
		return c.out.Write(p)
	}
	var b bytes.Buffer
	c.erase(&b)
	b.Write(p)
	// Half a line has to be ended by its writer before anything can stand below it.
	if c.inLine = !bytes.HasSuffix(p, []byte("\n")); !c.inLine {
		c.draw(&b)
	}
	if _, err := c.out.Write(b.Bytes()); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Show draws the lines in place of those before, in at most the rows and columns of the terminal.
func (c *Console) Show(lines []report.ScreenLine, color bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var b bytes.Buffer
	c.rewind(&b)
	c.block, c.color = lines, color
	if c.inLine {
		b.WriteString("\n")
		c.inLine = false
	}
	c.draw(&b)
	_, _ = c.out.Write(b.Bytes()) // a view that can't be drawn is no reason to fail
}

// Clear takes the lines away and leaves the cursor where they began.
func (c *Console) Clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.block) == 0 {
		return
	}
	var b bytes.Buffer
	c.erase(&b)
	c.block = nil
	_, _ = c.out.Write(b.Bytes()) // as in Show
}

// rewind moves the cursor to where the block begins. A terminal that was made narrower since has wrapped its lines.
func (c *Console) rewind(b *bytes.Buffer) {
	if len(c.drawn) == 0 {
		return
	}
	columns, rows := c.size()
	up := 0
	for _, line := range c.drawn {
		up++
		if w := runewidth.StringWidth(line); columns > 0 && w > columns {
			up += (w - 1) / columns
		}
	}
	if rows > 0 {
		up = min(up, rows-1)
	}
	b.WriteString("\r")
	b.WriteString(strings.Repeat("\x1b[A", up))
	c.drawn = nil
}

func (c *Console) erase(b *bytes.Buffer) {
	if len(c.drawn) > 0 {
		c.rewind(b)
		b.WriteString("\x1b[J")
	}
}

// draw writes the block and leaves the cursor below it. The last column stays free: a terminal may wrap after it.
func (c *Console) draw(b *bytes.Buffer) {
	columns, rows := c.size()
	lines := c.block
	if rows > 0 {
		lines = lines[:min(len(lines), max(rows-1, 0))]
	}
	for _, line := range lines {
		b.WriteString(line.Render(columns-1, c.color) + "\x1b[K\n")
		c.drawn = append(c.drawn, line.Render(columns-1, false))
	}
	b.WriteString("\x1b[J")
}
