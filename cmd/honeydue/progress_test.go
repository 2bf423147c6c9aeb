package main

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

func TestProgressWithoutATerminalIsSparse(t *testing.T) {
	var stderr bytes.Buffer
	a := newApp(&bytes.Buffer{}, &stderr, nil)
	now := time.Unix(0, 0)
	p := a.progress("seeding", 100)
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

// TestAblateCountsItsSteps: a round of each variant is a step, the tuned one included where rounds compare with it.
func TestAblateCountsItsSteps(t *testing.T) {
	for _, c := range []struct {
		only string
		want int
	}{{"S3,S8", 3 * 5}, {"S5", 5}, {"S3,S5", 3 * 5}} {
		o := &ablateOptions{only: strings.Split(c.only, ","), rounds: 5, flood: 1}
		if err := o.Validate(); err != nil {
			t.Fatal(err)
		}
		if got := o.steps(); got != c.want {
			t.Errorf("--only %s: %d steps, want %d", c.only, got, c.want)
		}
	}
}
