package facts

import (
	"slices"
	"testing"
	"time"
)

// TestStatementsThatNeedAConnection tells a wait in the pooler from round trips that vary: only the wait spares the
// statements that have a server connection.
func TestStatementsThatNeedAConnection(t *testing.T) {
	times := func(ms ...int) (out []time.Duration) {
		for _, n := range ms {
			out = append(out, time.Duration(n)*time.Millisecond)
		}
		return out
	}
	steady, varying := times(20, 20, 21, 20, 22, 20, 21, 20, 20, 21), times(20, 70, 45, 33, 62, 28, 51, 66, 39, 24)
	for _, c := range []struct {
		name            string
		owned, acquired []time.Duration
		want            float64
	}{
		{"nobody waits", steady, times(20, 21, 20, 20, 22), 0},
		{"each waits", steady, times(160, 150, 170, 149, 163), 140},
		{"most wait, one was lucky", steady, times(160, 20, 170, 149, 163), 140},
		{"one waited for a connection that was being opened", steady, times(160, 20, 21, 20, 22), 0},
		{"round trips vary", varying, times(68, 31, 55, 22, 47), 0},
		{"round trips vary and each waits", varying, times(190, 230, 175, 210, 182), 151},
		{"a few ms are a machine's own", steady, times(29, 28, 29, 29, 28), 0},
		{"too few", steady, times(160, 150), 0},
	} {
		s := &PGServer{Pooled: true, Samples: c.owned, Acquired: c.acquired}
		if got := s.AcquireWaitMS(); got != c.want {
			t.Errorf("%s: it is %v ms, want %v", c.name, got, c.want)
		}
	}
}

// TestANameIsWithdrawn: without a console a residual is called pooler wait only where waiting for a server connection
// explains it.
func TestANameIsWithdrawn(t *testing.T) {
	slow, quick := slices.Repeat([]time.Duration{150 * time.Millisecond}, 5), slices.Repeat([]time.Duration{time.Millisecond}, 10)
	for _, c := range []struct {
		name    string
		owned   []time.Duration
		waiting int64
		kept    bool
	}{
		{"only those that need one are slow", quick, -1, true},
		{"all are slow", slices.Repeat(slow, 2), -1, false},
		{"all are slow, and the console has seen the queue", slices.Repeat(slow, 2), 1, true},
	} {
		o := &Observation{Pooler: &PGServer{Pooled: true, Samples: c.owned, Acquired: slow}, Hot: []HotPath{{ResidualName: "pooler wait", Waiting: c.waiting}}}
		o.withdrawWaits()
		if kept := o.Hot[0].ResidualName != ""; kept != c.kept {
			t.Errorf("%s: the name is kept: %v, want %v", c.name, kept, c.kept)
		}
	}
}
