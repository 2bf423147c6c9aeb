package cache

import (
	"testing"

	"github.com/honeydue/honeydue/internal/lab/labtest"
)

// TestARefusedWriteLeavesTheCopy: it has changed nothing, so what was read before
// it, and what is read now, is as good as it was.
func TestARefusedWriteLeavesTheCopy(t *testing.T) {
	c, d := opened(t, Config{URL: labtest.Redis(t)}), &database{}
	swept(t, c, d)
	warmed(t, c, tasks("t"), answer("list"))
	verdict := func() Verdict { return c.Read(t.Context(), tasks("t")).ListVerdict }
	r := c.Read(t.Context(), tasks("cold"))
	h := c.Hold(t.Context(), UserScope(7), r1)
	if r := c.Read(t.Context(), tasks("t")); r.Why != "held" {
		t.Errorf("under the hold: %+v", r)
	}
	c.Release(t.Context(), h, Effects{})
	if v := verdict(); v != Hit {
		t.Errorf("after the refusal: %s", v)
	}
	if c.Fill(t.Context(), r, answer("list")); !r.Stored {
		t.Errorf("a fill from before the refused write: %+v", r)
	}

	// Of two writes one is refused: the other's hold stays, and its commit counts.
	refused, other := c.Hold(t.Context(), r1), c.Hold(t.Context(), r1)
	c.Release(t.Context(), refused, Effects{})
	if r := c.Read(t.Context(), tasks("t")); r.Why != "held" {
		t.Errorf("under the other's hold: %+v", r)
	}
	c.Release(t.Context(), other, Effects{Committed: d.commit(other.ID, r1)})
	if v := verdict(); v == Hit {
		t.Error("the other's commit is missed")
	}

	// The refusal of a write whose hold was evicted creates and changes nothing.
	warmed(t, c, tasks("t"), answer("list"))
	evicted := c.Hold(t.Context(), Scope("t9"))
	if err := c.rdb.Del(t.Context(), Scope("t9").stateKey()).Err(); err != nil {
		t.Fatal(err)
	}
	c.Release(t.Context(), evicted, Effects{})
	if n := c.rdb.Exists(t.Context(), Scope("t9").stateKey()).Val(); n != 0 || verdict() != Hit {
		t.Errorf("%d keys, %s", n, verdict())
	}
}
