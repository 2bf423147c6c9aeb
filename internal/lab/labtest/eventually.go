package labtest

import (
	"testing"
	"time"
)

const (
	// patience is how long Eventually waits at most: it ends what would never come, and is far more than a busy machine
	// takes for anything that does come.
	patience = time.Minute
	// spare is what is left of the test's own time for its report and its cleanup.
	spare = 10 * time.Second
)

// Eventually waits until is holds: for something that happens in the background and that nobody announces. what names
// it in the failure. It ends with the test's time at the latest. is runs on the test's goroutine, so it may fail the
// test.
func Eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	end := time.Now().Add(patience)
	if d, ok := t.(interface{ Deadline() (time.Time, bool) }); ok {
		if last, limited := d.Deadline(); limited && last.Add(-spare).Before(end) {
			end = last.Add(-spare)
		}
	}
	for pause := time.Millisecond; ; pause = min(2*pause, 50*time.Millisecond) {
		if is() {
			return
		}
		if !time.Now().Before(end) {
			t.Fatalf("waited in vain for %s", what)
		}
		time.Sleep(pause)
	}
}
