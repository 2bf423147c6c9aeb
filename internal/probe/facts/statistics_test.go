package facts

import (
	"testing"
)

func TestColdIsMostOfManyPages(t *testing.T) {
	for _, c := range []struct {
		hit, read float64
		want      bool
	}{{0, 255, false}, {0, 256, true}, {256, 256, true}, {257, 256, false}} {
		if got := (&FirstRun{HitBlocks: c.hit, ReadBlocks: c.read}).Cold(); got != c.want {
			t.Errorf("%v hit and %v read is cold: %v", c.hit, c.read, got)
		}
	}
	var none *FirstRun
	if none.Cold() {
		t.Error("what was not run is cold")
	}
}

func TestIndexKeyIsTheSameHoweverWritten(t *testing.T) {
	for _, c := range [][2]string{
		{"CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON tasks (residence_id, completed_at) WHERE NOT archived;", "CREATE INDEX i ON public.tasks USING btree (residence_id, completed_at) WHERE (NOT archived)"},
		{"CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS i ON users (lower(email));", "CREATE UNIQUE INDEX i ON public.users USING btree (lower(email))"},
		{"CREATE UNIQUE INDEX i ON users (lower(email COLLATE \"C\"))", "CREATE UNIQUE INDEX i ON public.users USING btree (lower((email COLLATE \"C\")))"},
		{"CREATE INDEX i ON users (last_active_at DESC, id DESC)", "CREATE INDEX i ON public.users USING btree (last_active_at DESC, id DESC)"},
	} {
		if a, b := IndexKey(c[0]), IndexKey(c[1]); a != b || a == "" {
			t.Errorf("%q and %q have the keys %q and %q", c[0], c[1], a, b)
		}
	}
	for _, c := range [][2]string{
		{"CREATE INDEX i ON t (a, b)", "CREATE INDEX i ON t (b, a)"},
		{"CREATE INDEX i ON t (a)", "CREATE INDEX i ON t (a) WHERE b"},
		{"CREATE INDEX i ON t (a)", "CREATE INDEX i ON t (a DESC)"},
		{"CREATE INDEX i ON t USING btree (a)", "CREATE INDEX i ON t USING hash (a)"},
	} {
		if IndexKey(c[0]) == IndexKey(c[1]) {
			t.Errorf("%q and %q have the same key", c[0], c[1])
		}
	}
}
