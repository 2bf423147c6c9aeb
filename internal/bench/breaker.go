package bench

// The circuit breaker ends an attack that only adds to a server's trouble: more
// than half of the last breakerWindow requests failed.
const (
	breakerWindow = 100
	breakerShare  = 0.5
)

type breaker struct {
	last   [breakerWindow]bool // true = failed
	seen   int
	failed int
}

// observe notes one outcome and reports whether the attack must end.
func (b *breaker) observe(failed bool) bool {
	slot := &b.last[b.seen%breakerWindow]
	if *slot {
		b.failed--
	}
	*slot = failed
	if failed {
		b.failed++
	}
	b.seen++
	return b.seen >= breakerWindow && float64(b.failed) > breakerShare*breakerWindow
}
