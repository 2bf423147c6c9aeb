//go:build !race

package bench

// stallTolerance is how far a p99 may be from the closed form.
const stallTolerance = 0.02
