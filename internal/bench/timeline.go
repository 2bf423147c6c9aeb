package bench

import (
	"time"

	"github.com/honeydue/honeydue/internal/bench/stats"
)

const (
	// sliceLength is the finest slice of a timeline.
	sliceLength = time.Second
	// maxSlices bounds a timeline: with more, each two neighbours become one.
	maxSlices = 600
)

// Timeline is a phase in slices of equal length, from its start to its last
// reply. The sums over the slices are the phase's own figures. Latencies stand
// where the request was due, so that a stall is seen as the slope that it is.
type Timeline struct {
	StartedAt time.Time `json:"started_at"`
	SliceMS   float64   `json:"slice_ms"`
	// BucketsMS are the upper bounds of the buckets of Slice.Buckets; the last
	// bucket has none and is not listed.
	BucketsMS []float64 `json:"buckets_ms"`
	Slices    []Slice   `json:"slices"`
	// Turns say when parts of the phase began, where other servers had their turns
	// in between; without any, the phase ran in one piece from StartedAt.
	Turns []Turn `json:"turns,omitempty"`
}

// Turn is a part of a phase that ran in one piece.
type Turn struct {
	AtMS      float64   `json:"at_ms"` // its start in the time of the phase
	StartedAt time.Time `json:"started_at"`
}

// Slice is one slice of a Timeline.
type Slice struct {
	AtMS     float64 `json:"at_ms"`    // its start, from the start of the phase
	Requests int     `json:"requests"` // that were due in it
	Ended    int     `json:"ended"`    // requests of any slice whose reply, or failure, came in it
	Errors   int     `json:"errors"`   // of Requests
	Over     int     `json:"over"`     // of Requests: slower than the target, or failed
	// The latencies of Requests; null when there were none.
	P50MS *float64 `json:"p50_ms"`
	P99MS *float64 `json:"p99_ms"`
	MaxMS *float64 `json:"max_ms"`
	// Buckets count Requests by latency. Buckets[i] is bucket FirstBucket+i of
	// the timeline; the buckets before and after are empty.
	FirstBucket int   `json:"first_bucket"`
	Buckets     []int `json:"buckets"`

	latency *stats.Packed // nil: not kept
}

// Length is the length of each slice.
func (t Timeline) Length() time.Duration {
	return time.Duration(t.SliceMS * float64(time.Millisecond))
}

// moment is when a slice began.
func (t Timeline) moment(slice int) time.Time {
	at, began := time.Duration(slice)*t.Length(), t.StartedAt
	for _, turn := range t.Turns {
		start := time.Duration(turn.AtMS * float64(time.Millisecond))
		if start > at {
			break
		}
		began = turn.StartedAt.Add(-start)
	}
	return began.Add(at)
}

// timeline is what is kept of a phase, slice by slice, while it runs.
type timeline struct {
	began  time.Time
	length time.Duration
	slices []timeSlice
	turns  []Turn
}

// timeSlice is a Slice under way.
type timeSlice struct {
	ended, errors, over int
	latency             *stats.Packed // nil: nothing was due
}

// turn notes that a part of the phase begins now.
func (t *timeline) turn(at time.Duration) {
	t.turns = append(t.turns, Turn{AtMS: stats.MS(at), StartedAt: time.Now().UTC().Truncate(time.Millisecond)})
}

func newTimeline() *timeline { return &timeline{began: time.Now(), length: sliceLength} }

// observe takes in one request: when it was due, when it ended, both from the
// start of the phase, and its latency as it is judged.
func (t *timeline) observe(due, end, latency time.Duration, failed, over bool) {
	t.at(end).ended++ // first: it may make the slices longer
	s := t.at(due)
	if s.latency == nil {
		s.latency = stats.NewPacked()
	}
	s.latency.Record(latency)
	if failed {
		s.errors++
	}
	if over {
		s.over++
	}
}

// at is the slice of a moment. The pointer holds until the next call.
func (t *timeline) at(moment time.Duration) *timeSlice {
	moment = max(moment, 0)
	for moment >= maxSlices*t.length {
		t.halve()
	}
	i := int(moment / t.length)
	for len(t.slices) <= i {
		t.slices = append(t.slices, timeSlice{})
	}
	return &t.slices[i]
}

// halve makes one slice of each two neighbours.
func (t *timeline) halve() {
	t.length *= 2
	half := (len(t.slices) + 1) / 2
	for i := range half {
		into := t.slices[2*i]
		if 2*i+1 < len(t.slices) {
			into.add(t.slices[2*i+1])
		}
		t.slices[i] = into
	}
	clear(t.slices[half:])
	t.slices = t.slices[:half]
}

func (s *timeSlice) add(o timeSlice) {
	s.ended += o.ended
	s.errors += o.errors
	s.over += o.over
	switch {
	case o.latency == nil:
	case s.latency == nil:
		s.latency = o.latency
	default:
		s.latency.Merge(o.latency)
	}
}

// figures is the plain data of the timeline.
func (t *timeline) figures() Timeline {
	out := Timeline{
		StartedAt: t.began.UTC().Truncate(time.Millisecond), SliceMS: stats.MS(t.length),
		BucketsMS: stats.BucketBounds(), Slices: make([]Slice, 0, len(t.slices)), Turns: t.turns,
	}
	for i, s := range t.slices {
		slice := Slice{AtMS: stats.MS(time.Duration(i) * t.length), Ended: s.ended, Errors: s.errors, Over: s.over, Buckets: []int{}}
		slice.hold(s.latency)
		out.Slices = append(out.Slices, slice)
	}
	return out
}

// hold fills in what follows from the latencies.
func (s *Slice) hold(latency *stats.Packed) {
	s.latency = latency
	if latency == nil {
		return
	}
	s.Requests = latency.Count()
	s.P50MS, s.P99MS, s.MaxMS = msp(latency.Quantile(0.5)), msp(latency.Quantile(0.99)), msp(latency.Max())
	s.FirstBucket, s.Buckets = latency.Buckets()
}
