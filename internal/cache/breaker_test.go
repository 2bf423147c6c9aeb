package cache

import (
	"testing"
	"time"
)

func TestBreaker(t *testing.T) {
	now := time.Unix(0, 0)
	var b breaker
	fail := func(n int) {
		for range n {
			if !b.allow(now) {
				t.Fatal("a closed breaker refused")
			}
			b.done(now, unreached)
		}
	}
	fail(breakerFailures - 1)
	b.done(now, reached)
	fail(breakerFailures)
	if b.allow(now) || b.allow(now.Add(breakerPause-1)) {
		t.Fatal("the breaker let a request through during its pause")
	}

	now = now.Add(breakerPause)
	if !b.allow(now) {
		t.Fatal("no request may try after the pause")
	}
	if b.allow(now) {
		t.Fatal("a second request may try while the first one is")
	}
	b.done(now, unreached)
	if b.allow(now) {
		t.Fatal("a failed attempt did not start another pause")
	}

	now = now.Add(breakerPause)
	b.allow(now)
	b.done(now, unknown)
	if !b.allow(now) {
		t.Fatal("a client that hung up kept others from trying")
	}
	b.done(now, reached)
	fail(breakerFailures - 1)
	if !b.allow(now) {
		t.Fatal("success did not reset the count")
	}
}
