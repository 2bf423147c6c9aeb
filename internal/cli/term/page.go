package term

import (
	"fmt"
	"io"
	"strings"

	"github.com/mattn/go-runewidth"
)

// pageLines are kept free below a page: its last line, and the one for the cursor.
const pageLines = 2

// ShowPage draws a text on the whole of a terminal, in place of what was there, cut to its rows, with a last line below.
func ShowPage(w io.Writer, text, last string) error {
	const home = "\x1b[H\x1b[2J"
	columns, rows := Size(w)
	_, err := fmt.Fprintf(w, "%s%s%s\n", home, firstLines(text, columns, rows-pageLines), last)
	return err
}

// firstLines cuts a text to that many rows of a terminal, the last of which then says how many lines are left; below one
// row nothing is cut, for the terminal's height is not known. A line to be copied may take several rows.
func firstLines(text string, columns, most int) string {
	lines := strings.SplitAfter(strings.TrimSuffix(text, "\n")+"\n", "\n")
	lines = lines[:len(lines)-1] // what follows the last line's end
	rows, fit := 0, 0
	for i, line := range lines {
		rows += rowsOf(line, columns)
		if rows < most {
			fit = i + 1
		}
	}
	if most < 1 || rows <= most {
		return text
	}
	return strings.Join(lines[:fit], "") + fmt.Sprintf("... and %d more lines\n", len(lines)-fit)
}

// rowsOf is how many rows a line takes. One that has colours was wrapped to one row.
func rowsOf(line string, columns int) int {
	if columns < 1 || strings.Contains(line, "\x1b") {
		return 1
	}
	return max(1, (runewidth.StringWidth(strings.TrimSuffix(line, "\n"))+columns-1)/columns)
}
