// Package probe is the incident tool: within seconds and without harm it says what is slow between the app and its
// database, what that costs a request in milliseconds, and which command fixes it.
//
// Run is all of it: collect measures and fills one facts.Observation, check judges that, and render makes documents of the
// result. The packages import each other in one direction:
//
//	probe -> collect -> check -> facts
//	render -----------> check -> facts
//
// Everything that leaves the package is free of secrets: expressions in plans are masked while they are parsed (see
// facts.Expr), and errors are described by their kind, never by their text alone.
package probe
