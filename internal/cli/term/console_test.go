package term

import (
	"fmt"
	"strings"
	"testing"
	"unicode"

	"github.com/honeydue/honeydue/internal/report"
)

// screen is a terminal of so many columns that knows what a console sends. It wraps like one, too. Colours it leaves out.
type screen struct {
	half     string // of a sequence, at the end of what was written
	columns  int
	rows     []string
	row, col int
}

func (s *screen) Write(p []byte) (int, error) {
	text := s.half + string(p)
	s.half = ""
	for text != "" {
		switch {
		case text[0] == '\x1b' && !strings.ContainsFunc(text, unicode.IsLetter):
			s.half, text = text, ""
		case text[0] == '\x1b' && text[strings.IndexFunc(text, unicode.IsLetter)] == 'm':
			_, text, _ = strings.Cut(text, "m")
		case strings.HasPrefix(text, "\x1b[A"):
			s.row, text = max(s.row-1, 0), text[3:]
		case strings.HasPrefix(text, "\x1b[K"):
			s.line(s.rows[s.row][:min(s.col, len(s.rows[s.row]))])
			text = text[3:]
		case strings.HasPrefix(text, "\x1b[J"):
			s.line(s.rows[s.row][:min(s.col, len(s.rows[s.row]))])
			s.rows, text = s.rows[:s.row+1], text[3:]
		case text[0] == '\n':
			s.row, s.col, text = s.row+1, 0, text[1:]
			s.grow()
		case text[0] == '\r':
			s.col, text = 0, text[1:]
		case text[0] == '\x1b':
			return 0, fmt.Errorf("unknown sequence %q", text)
		default:
			if s.col == s.columns {
				s.row, s.col = s.row+1, 0
				s.grow()
			}
			now := []byte(s.rows[s.row] + strings.Repeat(" ", max(0, s.col+1-len(s.rows[s.row]))))
			now[s.col] = text[0]
			s.line(string(now))
			s.col, text = s.col+1, text[1:]
		}
	}
	return len(p), nil
}

func (s *screen) grow() {
	for len(s.rows) <= s.row {
		s.rows = append(s.rows, "")
	}
}

func (s *screen) line(text string) { s.rows[s.row] = text }

// narrow makes the screen narrower, which wraps what stands on it.
func (s *screen) narrow(columns int) {
	var rows []string
	for i, line := range s.rows {
		if i == s.row {
			s.row = len(rows)
		}
		for len(line) > columns {
			rows, line = append(rows, line[:columns]), line[columns:]
		}
		rows = append(rows, line)
	}
	s.columns, s.rows = columns, rows
}

func (s *screen) String() string { return strings.TrimRight(strings.Join(s.rows, "\n"), "\n") }

func plainLines(texts ...string) (lines []report.ScreenLine) {
	for _, text := range texts {
		lines = append(lines, report.ScreenLine{{Text: text}})
	}
	return lines
}

func TestConsole(t *testing.T) {
	s := &screen{columns: 20, rows: []string{""}}
	high := 10
	c := &Console{out: s, size: func() (columns, rows int) { return s.columns, high }}
	see := func(when, want string) {
		t.Helper()
		if s.String() != want {
			t.Errorf("%s the screen is\n%s\nwant\n%s", when, s, want)
		}
	}
	fmt.Fprintln(c, "$ loadtest")
	c.Show(plainLines("one", "two", "three"), false)
	see("first", "$ loadtest\none\ntwo\nthree")
	c.Show(plainLines("one", "2", "3", "4"), false)
	see("drawn again", "$ loadtest\none\n2\n3\n4")
	c.Show(plainLines("one"), false)
	see("with fewer lines", "$ loadtest\none")
	c.Show(plainLines("one", "a line of more than twenty columns"), false)
	see("cut", "$ loadtest\none\na line of more t...")

	fmt.Fprintln(c, "a message")
	see("with a message", "$ loadtest\na message\none\na line of more t...")
	fmt.Fprint(c, "half of ")
	fmt.Fprintln(c, "one")
	see("with a message in two parts", "$ loadtest\na message\nhalf of one\none\na line of more t...")
	fmt.Fprint(s, "^C") // as a terminal echoes it
	c.Show(plainLines("one", "two"), false)
	see("after an echo", "$ loadtest\na message\nhalf of one\none\ntwo")

	c.Show(plainLines("one", "a line of nineteen!"), false)
	s.narrow(10)
	c.Show(plainLines("one", "a line of nineteen!"), false)
	see("narrower", "$ loadtest\na message\nhalf of on\ne\none\na line...")
	high = 3
	c.Show(plainLines("one", "two", "three", "four"), false)
	see("in three rows", "$ loadtest\na message\nhalf of on\ne\none\ntwo")

	c.Clear()
	c.Clear()
	see("at the end", "$ loadtest\na message\nhalf of on\ne")
	fmt.Fprintln(c, "report")
	see("and then", "$ loadtest\na message\nhalf of on\ne\nreport")
}
