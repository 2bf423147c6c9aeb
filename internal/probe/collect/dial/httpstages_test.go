package dial

import (
	"errors"
	"sync"
	"testing"
	"time"
)

// TestOnlyTheWinnerIsTimed dials two addresses at once, as Go does for a host with two: the one that fails, before or
// after the other, leaves no trace. Under -race it also holds that the hooks may run beside the reader.
func TestOnlyTheWinnerIsTimed(t *testing.T) {
	const loser, winner = "[2001:db8::1]:443", "192.0.2.1:443"
	for _, late := range []bool{false, true} {
		var s HTTPStages
		hooks := s.Trace()
		hooks.ConnectStart("tcp", loser)
		time.Sleep(60 * time.Millisecond)
		var all sync.WaitGroup
		var began time.Time
		fail := func() { hooks.ConnectDone("tcp", loser, errors.New("refused")) }
		if !late {
			fail()
		}
		all.Go(func() {
			began = time.Now()
			hooks.ConnectStart("tcp", winner)
			hooks.ConnectDone("tcp", winner, nil)
		})
		if late {
			all.Wait()
			all.Go(fail)
		}
		var a Answer
		all.Wait()
		s.Into(&a, time.Now())
		if most := time.Since(began); a.TCP <= 0 || a.TCP > most {
			t.Errorf("the loser ends late: %v: TCP took %v, the winner had %v, and the loser 60 ms more", late, a.TCP, most)
		}
		all.Go(fail)
		s.Into(&a, time.Now())
		all.Wait()
	}
}
