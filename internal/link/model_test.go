package link

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestScheduleKeepsOrderAndDelay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ms := func(label string, limit int) time.Duration {
			return time.Duration(rapid.IntRange(0, limit).Draw(t, label)) * time.Millisecond
		}
		m := Model{
			RTT: ms("rtt", 300), Jitter: ms("jitter", 50), LossStall: ms("stall", 500),
			LossRate: rapid.Float64Range(0, 1).Draw(t, "rate"),
		}
		begin := time.Unix(1_700_000_000, 0)
		established := begin.Add(m.RTT)
		s := newSchedule(established, rapid.Uint64().Draw(t, "seed"), 1)
		sent, last := begin, begin
		for range rapid.IntRange(1, 40).Draw(t, "parcels") {
			sent = sent.Add(ms("gap", 100))
			at := s.arrival(m, sent)
			if at.Before(last) {
				t.Fatalf("arrival %s overtakes %s", at, last)
			}
			if floor := later(sent, established).Add(m.RTT / 2); at.Before(floor) {
				t.Fatalf("arrival %s before %s", at, floor)
			}
			if roof := later(last, later(sent, established).Add(m.RTT/2+m.Jitter+m.LossStall)); at.After(roof) {
				t.Fatalf("arrival %s after %s", at, roof)
			}
			last = at
		}
	})
}

func TestScheduleIsRepeatable(t *testing.T) {
	m := Model{RTT: 100 * time.Millisecond, Jitter: 30 * time.Millisecond, LossStall: 200 * time.Millisecond, LossRate: 0.3}
	begin := time.Unix(1_700_000_000, 0)
	a, b, other := newSchedule(begin, 7, 1), newSchedule(begin, 7, 1), newSchedule(begin, 8, 1)
	differs := false
	for i := range 50 {
		sent := begin.Add(time.Duration(i) * time.Second)
		at := a.arrival(m, sent)
		if got := b.arrival(m, sent); !got.Equal(at) {
			t.Fatalf("parcel %d: same seed, arrivals %s and %s", i, at, got)
		}
		differs = differs || !other.arrival(m, sent).Equal(at)
	}
	if !differs {
		t.Error("another seed gave the same fifty arrivals")
	}
}

func TestLossStallsTheShareAskedFor(t *testing.T) {
	for _, c := range []struct {
		name string
		m    Model
		want int // of 10,000, within a fifth
	}{
		{"none", Model{}, 0},
		{"default rate", Model{LossStall: time.Second}, 100},
		{"a tenth", Model{LossStall: time.Second, LossRate: 0.1}, 1000},
		{"a rate without a stall", Model{LossRate: 0.5}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSchedule(time.Time{}, 1, 1)
			sent, stalled := time.Unix(1_700_000_000, 0), 0
			for range 10_000 {
				sent = sent.Add(time.Hour)
				if s.arrival(c.m, sent).After(sent) {
					stalled++
				}
			}
			if d := stalled - c.want; d*d > c.want*c.want/25 {
				t.Errorf("%d of 10,000 stalled, want about %d", stalled, c.want)
			}
		})
	}
}

func TestModelRefusesNonsense(t *testing.T) {
	for _, m := range []Model{{RTT: -1}, {Jitter: -1}, {LossStall: -1}, {LossRate: -0.1}, {LossRate: 1.1}} {
		if p, err := Listen(t.Context(), "127.0.0.1:0", "127.0.0.1:1", m); err == nil {
			t.Errorf("Listen took %+v", m)
			_ = p.Close()
		}
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
