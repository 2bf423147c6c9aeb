package facts

// A board of 200 tasks is 20.6 kB from the database (docs/benchmarks.md), taken as 24 to leave room; the release
// gate asks for 50 a second (S15): below this band the replies alone would not get through.
const (
	BoardKB      = 24
	LeastMbit    = BoardKB * 8 * 50 / 1000.0
	KBToMbitOfMS = 1024 * 8 / 1000.0 // kB in a ms, as Mbit in a s
)

// Mbit is the band of a result on a hot connection, in Mbit/s, had it taken lessMS less.
func (t Transfer) Mbit(lessMS float64) float64 {
	return KBToMbitOfMS * float64(t.KB) / max(t.HotMS-lessMS, 0.001)
}

// Narrow reports whether the band is below the one that the gate's load needs.
func (t Transfer) Narrow() bool { return t.Mbit(0) < LeastMbit }
