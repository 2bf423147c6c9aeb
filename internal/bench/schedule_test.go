package bench

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestScheduleTable(t *testing.T) {
	tests := []struct {
		name   string
		pieces []Piece
		count  uint64
		at     map[uint64]time.Duration
	}{
		{"steady 50/s", []Piece{{50, 50, 60 * time.Second}}, 3000, map[uint64]time.Duration{
			0: 0, 1: 20 * time.Millisecond, 50: time.Second, 2999: 59980 * time.Millisecond,
		}},
		{"a rate that does not divide a second", []Piece{{3, 3, time.Second}}, 3, map[uint64]time.Duration{
			1: 333333333, 2: 666666667,
		}},
		{"less than one a second", []Piece{{0.5, 0.5, 10 * time.Second}}, 5, map[uint64]time.Duration{
			1: 2 * time.Second, 4: 8 * time.Second,
		}},
		{"part of a request counts as one", []Piece{{10, 10, 1050 * time.Millisecond}}, 11, map[uint64]time.Duration{
			10: time.Second,
		}},
		// t²/2·slope: the n-th request of a ramp from nothing is due at sqrt(2n/slope).
		{"ramp up from nothing", []Piece{{0, 20, 10 * time.Second}}, 100, map[uint64]time.Duration{
			0: 0, 1: time.Second, 4: 2 * time.Second, 25: 5 * time.Second, 81: 9 * time.Second,
		}},
		{"ramp down to nothing", []Piece{{20, 0, 10 * time.Second}}, 100, map[uint64]time.Duration{
			19: time.Second, 75: 5 * time.Second,
		}},
		{"a spike", []Piece{{10, 10, time.Second}, {100, 100, time.Second}, {10, 10, time.Second}}, 120, map[uint64]time.Duration{
			9: 900 * time.Millisecond, 10: time.Second, 11: 1010 * time.Millisecond, 110: 2 * time.Second, 111: 2100 * time.Millisecond,
		}},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			s, err := NewSchedule(tc.pieces...)
			if err != nil {
				t.Fatal(err)
			}
			if s.Count() != tc.count {
				t.Errorf("Count() = %d, want %d", s.Count(), tc.count)
			}
			for seq, want := range tc.at {
				if got := s.At(seq); got != want {
					t.Errorf("At(%d) = %v, want %v", seq, got, want)
				}
			}
		})
	}
}

func TestScheduleRefusesNonsense(t *testing.T) {
	for name, pieces := range map[string][]Piece{
		"no piece":      nil,
		"no rate":       {{0, 0, time.Second}},
		"negative rate": {{-1, 5, time.Second}},
		"no time":       {{5, 5, 0}},
		"too many":      {{1e9, 1e9, time.Hour}},
	} {
		if _, err := NewSchedule(pieces...); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestScheduleProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var pieces []Piece
		for range rapid.IntRange(1, 4).Draw(t, "pieces") {
			pieces = append(pieces, Piece{
				From: rapid.Float64Range(0, 500).Draw(t, "from"),
				To:   rapid.Float64Range(0.1, 500).Draw(t, "to"),
				Over: time.Duration(rapid.Int64Range(1, int64(20*time.Second)).Draw(t, "over")),
			})
		}
		s, err := NewSchedule(pieces...)
		if err != nil {
			t.Fatal(err)
		}
		n := s.Count()
		last := time.Duration(-1)
		for seq := range n {
			at := s.At(seq)
			if at < last {
				t.Fatalf("At(%d) = %v is before At(%d) = %v", seq, at, seq-1, last)
			}
			last = at
		}
		if last >= s.Duration() {
			t.Fatalf("the last request is due at %v, the schedule ends at %v", last, s.Duration())
		}
		// Exact count by time: as many as are due, not one more, not one less.
		moment := time.Duration(rapid.Int64Range(0, int64(s.Duration())).Draw(t, "moment"))
		due := s.DueBy(moment)
		if due > 0 && s.At(due-1) > moment {
			t.Fatalf("DueBy(%v) = %d, but the last of them is due at %v", moment, due, s.At(due-1))
		}
		if due < n && s.At(due) <= moment {
			t.Fatalf("DueBy(%v) = %d, but request %d was due at %v", moment, due, due, s.At(due))
		}
	})
}
