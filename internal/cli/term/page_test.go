package term

import (
	"strings"
	"testing"
)

// TestFirstLines: what is redrawn stays within the terminal, and says what it leaves out.
func TestFirstLines(t *testing.T) {
	text := strings.Repeat("line\n", 10)
	for most, want := range map[int]string{
		12: text, 10: text, 0: text, -3: text,
		9: strings.Repeat("line\n", 8) + "... and 2 more lines\n",
		1: "... and 10 more lines\n",
	} {
		if got := firstLines(text, 80, most); got != want {
			t.Errorf("%d lines: %q, want %q", most, got, want)
		}
	}
}

// TestALineThatWrapsTakesItsRows: else what has moved, at the top, would be pushed out of the terminal.
func TestALineThatWrapsTakesItsRows(t *testing.T) {
	long := strings.Repeat("x", 25) + "\n"
	text := "first\n" + long + "last\n"
	for most, want := range map[int]string{5: text, 4: "first\n... and 2 more lines\n", 2: "first\n... and 2 more lines\n"} {
		if got := firstLines(text, 10, most); got != want {
			t.Errorf("%d rows: %q, want %q", most, got, want)
		}
	}
	if got := rowsOf("\x1b[2m"+long, 10); got != 1 {
		t.Errorf("a coloured line takes %d rows", got)
	}
}
