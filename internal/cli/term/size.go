package term

import (
	"io"

	xterm "golang.org/x/term"
)

// descriptor is a file, or the console that stands for one.
type descriptor interface{ Fd() uintptr }

// IsTerminal tells whether w is a terminal.
func IsTerminal(w io.Writer) bool {
	f, ok := w.(descriptor)
	return ok && xterm.IsTerminal(int(f.Fd()))
}

// Size is the terminal's number of columns and rows, 0 when w is none.
func Size(w io.Writer) (columns, rows int) {
	if f, ok := w.(descriptor); ok {
		if columns, rows, err := xterm.GetSize(int(f.Fd())); err == nil {
			return columns, rows
		}
	}
	return 0, 0
}

// Width is the terminal's number of columns, 0 when w is none.
func Width(w io.Writer) int {
	columns, _ := Size(w)
	return columns
}
