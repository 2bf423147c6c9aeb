package term

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

func TestProgressWithoutATerminalIsSparse(t *testing.T) {
	var stderr bytes.Buffer
	now := time.Unix(0, 0)
	p := NewProgress(&stderr, "seeding", 100, false, false)
	p.now, p.last = func() time.Time { return now }, now
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
	p := NewProgress(&stderr, "probing", 3, false, false)
	p.now, p.last = func() time.Time { return now }, now
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

// TestABarHasOneLine: what it is about is cut before the terminal would wrap it.
func TestABarHasOneLine(t *testing.T) {
	for _, columns := range []int{60, 80, 140} {
		words, cells := layBar(columns, 12000)
		line := strings.Repeat("w", words) + " 100% |" + strings.Repeat("#", cells) + "| (12000/12000) [12m30s:10m20s]"
		if len(line) != columns {
			t.Errorf("at %d columns the longest bar has %d: %s", columns, len(line), line)
		}
	}
	p := &Progress{what: "explaining and running the hot statements"}
	if got := p.words(); got != p.what {
		t.Errorf("without a width it says %q", got)
	}
	p.room = 20
	if got := p.words(); got != "explaining and ru..." {
		t.Errorf("in 20 columns it says %q", got)
	}
}
