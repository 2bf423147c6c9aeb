package term

import (
	"bytes"
	"testing"
	"time"
)

func TestProgressWithoutATerminalIsSparse(t *testing.T) {
	var stderr bytes.Buffer
	now := time.Unix(0, 0)
	p := newProgress(&stderr, Style{}, "seeding", 100, func() time.Time { return now })
	for i := range 100 {
		now = now.Add(time.Second / 4)
		p.Set(int64(i + 1))
	}
	p.Describe("checking")
	now = now.Add(time.Minute)
	p.Add(0)
	p.Done()
	p.Done()
	now = now.Add(time.Minute)
	p.Add(1)
	const want = "seeding: 40 of 100\nseeding: 80 of 100\nchecking: 100 of 100\n"
	if stderr.String() != want {
		t.Errorf("said\n%s\nwant\n%s", stderr.String(), want)
	}
}

// TestStepsAreCountedWhenTheyEnd: what is under way is not done.
func TestStepsAreCountedWhenTheyEnd(t *testing.T) {
	var stderr bytes.Buffer
	now := time.Unix(0, 0)
	p := newProgress(&stderr, Style{}, "probing", 3, func() time.Time { return now })
	for _, step := range []string{"connecting", "reading", "watching"} {
		now = now.Add(time.Minute)
		p.Step(step)
	}
	p.Done()
	const want = "connecting: 0 of 3\nreading: 1 of 3\nwatching: 2 of 3\n"
	if stderr.String() != want {
		t.Errorf("said\n%s\nwant\n%s", stderr.String(), want)
	}
}

// TestProgressIsDrawnInOneLine: a bar, what is done and for how long, then the words, which a narrow terminal cuts.
func TestProgressIsDrawnInOneLine(t *testing.T) {
	for _, c := range []struct {
		total, done int64
		columns     int
		want        string
	}{
		{12000, 3000, 100, "#######....................... 25%  3000 of 12000, 65 s  explaining the hot statements"},
		{12000, 3000, 70, "#######....................... 25%  3000 of 12000, 65 s  explainin..."},
		{12000, 12000, 100, "############################## 100%  12000 of 12000, 65 s  explaining the hot statements"},
		{-1, 0, 100, "65 s  explaining the hot statements"},
		{-1, 42, 100, "42, 65 s  explaining the hot statements"},
	} {
		s := NewScreen(c.columns)
		now := time.Unix(0, 0)
		style := Style{Console: &Console{out: s, size: func() (columns, rows int) { return s.columns, 10 }}, ASCII: true}
		p := newProgress(style.Console, style, "explaining the hot statements", c.total, func() time.Time { return now })
		p.Set(c.done)
		now = now.Add(65 * time.Second)
		p.draw()
		if got := s.String(); got != c.want {
			t.Errorf("%d of %d in %d columns:\n%s\nwant\n%s", c.done, c.total, c.columns, got, c.want)
		}
	}
}

// TestProgressLeavesNothingBehind: what it says stays above the line, which is gone after Done.
func TestProgressLeavesNothingBehind(t *testing.T) {
	s := NewScreen(80)
	style := Style{Console: &Console{out: s, size: func() (columns, rows int) { return s.columns, 10 }}, ASCII: true}
	p := NewProgress(style.Console, style, "probing", 3)
	for range 3 {
		p.Step("a step")
		p.Say("found")
	}
	p.Done()
	p.Done()
	if got := s.String(); got != "found\nfound\nfound" {
		t.Errorf("at the end the screen is\n%s", got)
	}
}
