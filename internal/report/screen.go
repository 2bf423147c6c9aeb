package report

import (
	"math"
	"strings"

	"github.com/mattn/go-runewidth"
)

// ScreenLine is one line of a terminal, made of pieces with tones of their own.
type ScreenLine []Piece

// Piece is a piece of a ScreenLine.
type Piece struct {
	Text string
	Tone Tone
}

// Render is the line in at most width columns, cut with "..." where it is longer: a line that wraps can't be drawn over.
// What would move the cursor (a line break, an escape) is left out. Colours do not count as columns.
func (l ScreenLine) Render(width int, color bool) string {
	var b strings.Builder
	left := width - l.columns()
	room := width
	if left < 0 {
		room = max(0, width-len(cut))
	}
	for _, s := range l {
		text := oneRow(s.Text)
		if left < 0 {
			text = runewidth.Truncate(text, room, "")
		}
		if text == "" {
			continue
		}
		room -= runewidth.StringWidth(text)
		if code := s.Tone.code(); color && code != "" {
			text = "\x1b[" + code + "m" + text + "\x1b[0m"
		}
		b.WriteString(text)
		if left < 0 && room <= 0 {
			break
		}
	}
	if left < 0 {
		b.WriteString(cut[:min(len(cut), max(width, 0))])
	}
	return b.String()
}

// cut stands where a line was longer than its terminal.
const cut = "..."

func (l ScreenLine) columns() int {
	n := 0
	for _, s := range l {
		n += runewidth.StringWidth(oneRow(s.Text))
	}
	return n
}

// oneRow is a text without what would end its row.
func oneRow(s string) string { return strings.ReplaceAll(printable(s), "\n", " ") }

// Sparkline draws one character for each value, its height in proportion to the highest of them; a NaN is a gap. ascii
// asks for characters that every terminal has.
func Sparkline(values []float64, ascii bool) string {
	steps := []rune("▁▂▃▄▅▆▇█")
	if ascii {
		steps = []rune("_.-~=+*#")
	}
	highest := 0.0
	for _, v := range values {
		if !math.IsNaN(v) {
			highest = max(highest, v)
		}
	}
	out := make([]rune, 0, len(values))
	for _, v := range values {
		switch {
		case math.IsNaN(v):
			out = append(out, ' ')
		case highest <= 0:
			out = append(out, steps[0])
		default:
			out = append(out, steps[min(int(max(v, 0)/highest*float64(len(steps))), len(steps)-1)])
		}
	}
	return string(out)
}
