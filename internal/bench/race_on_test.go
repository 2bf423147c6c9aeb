//go:build race

package bench

// stallTolerance under the race detector, which makes the 200 answers at the end of a stall take tens of milliseconds of
// CPU: a latency that the server really has, and the closed form does not know.
const stallTolerance = 0.1
