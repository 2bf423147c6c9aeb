package main

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
		if got := firstLines(text, most); got != want {
			t.Errorf("%d lines: %q, want %q", most, got, want)
		}
	}
}
