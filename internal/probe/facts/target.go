package facts

// TargetServer is what a running server said, and why it did not say more.
type TargetServer struct {
	Said   *Target
	Failed *Failure
	// ReadsFailed is why no read was timed, in a sentence; empty if they were.
	ReadsFailed string
	// MetricsFailed is why there are no metrics.
	MetricsFailed string
}

// PodAsks is how many times /readyz is asked on a connection of its own: a service with two pods shows both of them
// with a probability of 94%.
const PodAsks = 5

// Fail notes why the server can't be used.
func (s *TargetServer) Fail(f *Failure) { s.Failed, s.Said.Error = f, f.Error() }
