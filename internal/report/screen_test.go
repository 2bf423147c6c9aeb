package report

import (
	"math"
	"regexp"
	"testing"

	"github.com/mattn/go-runewidth"
	"pgregory.net/rapid"
)

func TestScreenLine(t *testing.T) {
	l := ScreenLine{{Text: "PASS", Tone: Good}, {Text: "  warm: p99 "}, {Text: "4 ms", Tone: Bad}}
	for _, tc := range []struct {
		width int
		color bool
		want  string
	}{
		{80, false, "PASS  warm: p99 4 ms"},
		{20, false, "PASS  warm: p99 4 ms"},
		{19, false, "PASS  warm: p99 ..."},
		{6, false, "PAS..."},
		{2, false, ".."},
		{0, false, ""},
		{80, true, "\x1b[32mPASS\x1b[0m  warm: p99 \x1b[31m4 ms\x1b[0m"},
		{6, true, "\x1b[32mPAS\x1b[0m..."},
	} {
		if got := l.Render(tc.width, tc.color); got != tc.want {
			t.Errorf("width %d, color %v: %q, want %q", tc.width, tc.color, got, tc.want)
		}
	}
}

// Whatever stands in it, a line takes one row of a terminal that is wide enough.
func TestScreenLineNeverWraps(t *testing.T) {
	colors := regexp.MustCompile("\x1b\\[[0-9;]*m")
	rapid.Check(t, func(t *rapid.T) {
		var l ScreenLine
		for range rapid.IntRange(0, 4).Draw(t, "pieces") {
			l = append(l, Piece{rapid.String().Draw(t, "text"), rapid.SampledFrom([]Tone{Plain, Good, Bad}).Draw(t, "tone")})
		}
		width := rapid.IntRange(0, 40).Draw(t, "width")
		got := colors.ReplaceAllString(l.Render(width, true), "")
		if w := runewidth.StringWidth(got); w > width {
			t.Fatalf("%q takes %d columns of %d", got, w, width)
		}
		if got != oneRow(got) {
			t.Fatalf("%q moves the cursor", got)
		}
	})
}

func TestSparkline(t *testing.T) {
	values := []float64{0, 1, math.NaN(), 4, 8}
	if got := Sparkline(values, false); got != "▁▂ ▅█" {
		t.Errorf("%q", got)
	}
	if got := Sparkline(values, true); got != "_. =#" {
		t.Errorf("%q", got)
	}
	if got := Sparkline([]float64{0, 0}, false) + Sparkline(nil, false); got != "▁▁" {
		t.Errorf("%q", got)
	}
}
