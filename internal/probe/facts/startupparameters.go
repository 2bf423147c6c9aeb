package facts

// StartupParameters is what the app's endpoint does with parameters of the start-up packet.
type StartupParameters struct {
	// refused of those that were tried; ignored were accepted and had no effect.
	Tried, Refused, Ignored []string
	// OfURL are the parameters of the app's own URL without which connecting works.
	OfURL []string
	Dials int
	Turns int64
}
