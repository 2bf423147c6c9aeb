package main

import (
	"bytes"
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
