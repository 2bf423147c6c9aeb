package link

import (
	"sync"
	"time"
)

// window is how many bytes may be in flight in one direction before the
// sender has to wait: 4 MB lets a 110 ms link carry some 36 MB/s.
const window = 4 << 20

type event uint8

const (
	eventData  event = iota
	eventFin         // the sender closed its direction
	eventReset       // the sender is gone
)

// parcel is something under way: bytes, or the end of the stream.
type parcel struct {
	at    time.Time
	event event
	data  []byte
}

// flight is what is under way in one direction: a queue bounded by window.
type flight struct {
	mu      sync.Mutex
	parcels []parcel
	bytes   int
	arrived chan struct{} // capacity 1: there is something new
	drained chan struct{} // capacity 1: there is room again
}

func newFlight() *flight {
	return &flight{arrived: make(chan struct{}, 1), drained: make(chan struct{}, 1)}
}

func (f *flight) push(p parcel) {
	f.mu.Lock()
	f.parcels = append(f.parcels, p)
	f.bytes += len(p.data)
	f.mu.Unlock()
	signal(f.arrived)
}

func (f *flight) pop() (parcel, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.parcels) == 0 {
		return parcel{}, false
	}
	p := f.parcels[0]
	f.parcels[0] = parcel{}
	f.parcels = f.parcels[1:]
	f.bytes -= len(p.data)
	signal(f.drained)
	return p, true
}

// full reports whether the sender has to wait.
func (f *flight) full() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.bytes >= window
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
