package facts

// Isolation is what two clients with tagged rows have seen in the app's execution mode.
type Isolation struct {
	Mode string
	// Answers came back; wrong of them held the other client's tag; collided is how many calls failed
	// because a statement was not the one that the client had prepared.
	Answers, Wrong, Collided int
	CutOff                   string // what ended it too early, and says nothing about isolation
	NotRun                   string // why there is nothing; empty if it was run
}
