package facts

import (
	"time"
)

// A fixed amount of work in equal pieces, timed by the server's own clock, tells a slow server from a far one: neither the
// network nor a queue in the pooler is in it. workRows makes one piece a quarter of a millisecond of a server's core, which is
// far less than an operating system gives a process at a time. The short run is made by every probe; long ones follow
// where something was late, long enough to meet the end of any share of a CPU that a container gets (100 ms is the
// period of cgroups). No piece is begun after mostWork.
const (
	WorkRows     = 5000
	ShortPieces  = 80
	LongPieces   = 400
	LongRuns     = 2
	MostWork     = 800 * time.Millisecond
	UsualPieceMS = 0.25
)

// ServerWork is what the runs of that work took; failed says why there is none.
type ServerWork struct {
	Moments []WorkMoment
	// Long is whether these are long runs.
	Long   bool
	Failed string
	// SpentMS is the server's CPU time that went into all runs, the short one included.
	SpentMS float64
}

// WorkMoment is the ms of each piece, by the server's clock and of the probe's own work at the same time.
type WorkMoment struct{ Server, Own []float64 }

// Nearest is Postgres itself, or what leads to it where that can't be asked.
func (o *Observation) Nearest() *PGServer {
	if o.Direct.Answered() {
		return o.Direct
	}
	return o.Pooler
}

// LateMS is how much later than the floor what comes at any moment is answered, on average: those who come at random see the
// mean, and of statements that follow one another only the first meets a pause, whose length counts by the time it takes.
func (s *PGServer) LateMS() float64 {
	if s.Floor <= 0 || len(s.Samples) == 0 {
		return 0
	}
	late, areas, all := 0.0, 0.0, 0.0
	for _, took := range s.Samples {
		by := MS(took - s.Floor)
		late, areas, all = late+by, areas+by*by/2, all+max(MS(took), MS(SamplePause))
	}
	return max(late/float64(len(s.Samples)), areas/all)
}

// Pauses are what interrupts work in equal pieces.
type Pauses struct {
	PieceMS float64 // one piece without any
	Count   int
	// Share is the part of the time that was work, LongestMS the longest pause.
	Share, LongestMS float64
	// WaitMS is how long what comes at any moment waits for the end of a pause, on average.
	WaitMS float64
}

// pauseLeastMS is more than what a piece varies by itself.
const pauseLeastMS = 2

// PausesOf finds the pauses among the ms that each piece of work took.
func PausesOf(times []float64) (p Pauses) {
	if len(times) == 0 {
		return Pauses{Share: 1}
	}
	p.PieceMS = Median(times)
	all, areas := 0.0, 0.0
	for _, took := range times {
		all += took
		if pause := took - p.PieceMS; pause >= max(pauseLeastMS, 2*p.PieceMS) {
			p.Count++
			p.LongestMS = max(p.LongestMS, pause)
			areas += pause * pause / 2
		}
	}
	p.Share, p.WaitMS = min(1, p.PieceMS*float64(len(times))/all), areas/all
	return p
}

// LongestMS is the longest pause of all.
func (w *ServerWork) LongestMS() (longest float64) {
	for _, m := range w.Moments {
		longest = max(longest, PausesOf(m.Server).LongestMS)
	}
	return longest
}
