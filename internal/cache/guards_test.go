package cache

import (
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/honeydue/honeydue/internal/lab/labtest"
)

// trial is one cache that knows person's token t, and its list "old" with the
// residences 1 and 3.
type trial struct {
	t   *testing.T
	c   *Cache
	d   *database
	rdb *redis.Client
}

func newTrial(t *testing.T, s scripts) *trial {
	url := labtest.Redis(t)
	x := &trial{t: t, c: opened(t, Config{URL: url}), d: &database{}, rdb: outside(t, url)}
	x.c.scripts = s
	swept(t, x.c, x.d)
	warmed(t, x.c, tasks("t"), answer("old"))
	return x
}

func (x *trial) read(token string) *Reading   { return x.c.Read(x.t.Context(), tasks(token)) }
func (x *trial) fill(r *Reading, body string) { x.c.Fill(x.t.Context(), r, answer(body)) }
func (x *trial) hold(s ...Scope) *Hold        { return x.c.Hold(x.t.Context(), s...) }
func (x *trial) release(h *Hold)              { x.c.Release(x.t.Context(), h, Effects{Committed: true}) }
func (x *trial) sweep()                       { swept(x.t, x.c, x.d) }
func (x *trial) hits() bool                   { return x.read("t").ListVerdict == Hit }
func (x *trial) must(err error) {
	x.t.Helper()
	if err != nil {
		x.t.Fatal(err)
	}
}
func (x *trial) commit(h *Hold, s ...Scope) { x.d.commit(h.ID, s...) }

const r1 = Scope("t1")

// The scenarios: each is the shortest way to miss one guard, and reports
// whether the promise was kept.
func holdEvicted(x *trial) bool {
	h := x.hold(r1)
	x.must(x.rdb.Del(x.t.Context(), r1.stateKey()).Err())
	r := x.read("t")
	x.commit(h, r1)
	x.release(h)
	x.fill(r, "old")
	return !x.hits()
}

func blindUnderHold(x *trial) bool {
	h := x.hold(r1)
	r := x.read("new")
	x.commit(h, r1)
	x.release(h)
	x.fill(r, "old")
	return !r.Stored
}

func heldServesNothing(x *trial) bool {
	x.hold(r1)
	return !x.hits()
}

func unknownIsNoRefusal(x *trial) bool {
	h := x.hold(r1)
	x.c.Abandon(h)
	x.commit(h, r1)
	for _, s := range x.c.keeper.byID {
		s.first = s.first.Add(-Patience)
	}
	x.must(x.c.settle(x.t.Context(), x.d.source()))
	return !x.hits()
}

func heldFillsNothing(x *trial) bool {
	x.hold(r1)
	r := x.read("t")
	x.fill(r, "old")
	return !x.hits()
}

func idsOfAnotherVersion(x *trial) bool {
	written(x.t, x.c, x.d, Effects{}, UserScope(7))
	x.c.Fill(x.t.Context(), x.c.Read(x.t.Context(), Question{Token: TokenHash("t")}), Answer{User: person()})
	r := x.read("t")
	return r.UserID == 7 && r.token.flight == ""
}

func oldCopyComesBack(x *trial) bool {
	x.everything()
	// The token and the ids are known again, the copy is not.
	a := answer("")
	a.Body = nil
	x.c.Fill(x.t.Context(), x.c.Read(x.t.Context(), Question{Token: TokenHash("t")}), a)
	return x.read("t").UserID == 7 && !x.hits()
}

func (x *trial) everything() {
	x.d.everything = true
	x.sweep()
	x.d.everything = false
}

func everythingIsUnknown(x *trial) bool {
	x.everything()
	return x.read("t").UserID == 0
}

func fillOfAnotherEpoch(x *trial) bool {
	h := x.hold(r1)
	x.release(h)
	r := x.read("t")
	x.everything()
	x.fill(r, "old")
	return !r.Stored
}

func sweptHoldIsGone(x *trial) bool {
	x.commit(x.hold(r1), r1) // and the writer crashes
	x.sweep()
	return x.read("t").Why != "held"
}

func sweptBlindFill(x *trial) bool {
	r := x.read("new")
	x.d.commit(newWriteID(), r1)
	x.sweep()
	x.fill(r, "old")
	return !r.Stored
}

func sweptOutsideSQL(x *trial) bool {
	x.d.commit(newWriteID(), r1)
	x.sweep()
	return !x.hits()
}

// releasedInPart: the sweep tells what the release left out.
func releasedInPart(x *trial) bool {
	h := x.hold(Tasks.Scope(3))
	x.commit(h, Tasks.Scope(3), r1)
	x.release(h)
	x.fill(x.read("t"), "old")
	x.sweep()
	return !x.hits()
}

// releasedIsNotToldAgain: or each write would cost two misses.
func releasedIsNotToldAgain(x *trial) bool {
	h := x.hold(r1)
	x.commit(h, r1)
	x.release(h)
	x.fill(x.read("t"), "new")
	x.sweep()
	return x.hits()
}

// refreshAfterAnotherWrite: a write that committed after the list was read and
// was released before it is filled.
func refreshAfterAnotherWrite(x *trial) bool {
	h := x.c.HoldFor(x.t.Context(), Tasks, 7, r1)
	written(x.t, x.c, x.d, Effects{}, Tasks.Scope(3))
	x.refresh(h)
	return !x.hits()
}

func refreshOfAnotherEpoch(x *trial) bool {
	h := x.c.HoldFor(x.t.Context(), Tasks, 7, r1)
	x.everything()
	x.refresh(h)
	a := answer("")
	a.Body = nil
	x.c.Fill(x.t.Context(), x.c.Read(x.t.Context(), Question{Token: TokenHash("t")}), a) // the token is known again
	return !x.hits()
}

func refreshedIsServed(x *trial) bool {
	x.refresh(x.c.HoldFor(x.t.Context(), Tasks, 7, r1))
	return x.hits()
}

func (x *trial) refresh(h *Hold) {
	x.commit(h, r1)
	x.c.Release(x.t.Context(), h, Effects{Committed: true, Refreshed: refreshed(h, map[int64]Answer{7: answer("read in the write's turn")})})
}

// agedIsOfToday: of a copy that has aged, and that a write has made obsolete, nothing is made.
func agedIsOfToday(x *trial) bool {
	written(x.t, x.c, x.d, Effects{}, r1)
	a := answer("yesterday")
	a.ValidUntil, a.Remake = time.Now().Add(-time.Minute), []byte("it can be made anew")
	x.c.Fill(x.t.Context(), x.read("t"), a)
	if r := x.read("t"); r.Aged == nil || r.Aged.Body != "yesterday" || r.Aged.Remake != "it can be made anew" || r.token.flight == "" {
		x.t.Fatalf("the copy cannot be made anew: %+v", r)
	}
	written(x.t, x.c, x.d, Effects{}, Tasks.Scope(3))
	return x.read("t").Aged == nil
}

func leaseEnded(x *trial) bool {
	x.must(x.rdb.HSet(x.t.Context(), sharedKey, "lease", time.Now().Add(-time.Hour).UnixMilli()).Err())
	r := x.read("t")
	return r.Why == "no-lease" && r.ListVerdict == Bypass && r.token.epoch == ""
}

// edit takes a guard out of a script's text.
type edit struct{ script, old, new string }

func edited(t *testing.T, edits ...edit) scripts {
	t.Helper()
	left := len(edits)
	s := compiled(func(name, text string) string {
		for _, e := range edits {
			if e.script != name {
				continue
			}
			if !strings.Contains(text, e.old) {
				t.Fatalf("%s.lua has no %q any more", name, e.old)
			}
			text, left = strings.Replace(text, e.old, e.new, 1), left-1
		}
		return text
	})
	if left != 0 {
		t.Fatal("an edit names no script")
	}
	return s
}

// TestEachGuardIsMissed takes one guard away, or two that double each other,
// and requires that it is missed: in the scenario if there is one, else in
// random worlds.
func TestEachGuardIsMissed(t *testing.T) {
	cases := []struct {
		name  string
		kept  func(*trial) bool
		edits []edit
	}{
		{"release keeps the version", holdEvicted, []edit{{"release", ", ARGV[i], fresh))", ", ARGV[i], version(st, ARGV[i])))"}}},
		{"release keeps the clock", blindUnderHold, []edit{{"release", "redis.call('HSET'", "pcall('HSET'"}}},
		{"what was settled counts as refused", unknownIsNoRefusal, []edit{{"release", "ARGV[3] == 'refused'", "ARGV[3] == '0'"}}},
		{"release forgets the hold", nil, []edit{{"release", "renewed(without(st, ARGV[i], write)", "renewed(st"}}},
		{"release marks what it has not told", releasedInPart, []edit{{"sweep", "string.find(told, ',' .. ARGV[j] .. ',', 1, true)", "#told > 2"}}},
		{"release leaves no mark", releasedIsNotToldAgain, []edit{{"release", "ARGV[3] == '1'", "false"}}},
		{"read ignores holds", heldServesNothing, []edit{{"read", "if by ~= '' then", "if false then"}}},
		{"read and fill ignore holds", heldFillsNothing, []edit{
			{"read", "if by ~= '' then", "if false then"},
			{"fill", "if st and holds(st, scope) ~= ''", "if false"},
		}},
		{"the clock is ignored", nil, []edit{{"fill", "(shared(shard(scope))[1] or '') ~= clock", "false"}}},
		{"the version is ignored", nil, []edit{{"fill", "if not st or version(st, scope) ~= before", "if false"}}},
		{"fill ignores the epoch", fillOfAnotherEpoch, []edit{{"fill", "epoch ~= ARGV[2]", "false"}}},
		{"connect does nothing", nil, []edit{{"connect", "== ARGV[1]", "~= ''"}}},
		{"the epoch does not judge tokens, users and ids", everythingIsUnknown, []edit{
			{"read", "= epoch .. states[1]", "= states[1]"},
			{"fill", "mine = epoch .. version(st, scope)", "mine = version(st, scope)"},
		}},
		{"the epoch does not judge copies", oldCopyComesBack, []edit{{"head", "'\\n' .. epoch .. '\\n'", "'\\n'"}}},
		{"a token is believed whatever its version", nil, []edit{{"read", "if at == mine", "if true"}, {"read", "at == mine and", "true and"}}},
		{"ids are believed whatever their version", idsOfAnotherVersion, []edit{{"read", "of[2] == mine", "true"}}},
		{"a copy is believed whatever its digest", nil, []edit{{"head", "string.sub(copy, 1, 40) ~= digest", "false"}}},
		{"a copy does not age", nil, []edit{{"head", "ends > now", "true"}}},
		{"a list is made of a copy that has aged, whatever its digest", agedIsOfToday, []edit{{"read", "if fitting then", "if copy then"}}},
		{"304 whatever the versions", nil, []edit{
			{"read", "string.find(theirs, current, 1, true)", "theirs ~= ''"},
			{"read", "'same', user, mine, current}", "'same', user, mine, string.sub(theirs, 1, 40)}"}, // the pod compares, too
		}},
		{"the lease does not end", leaseEnded, []edit{{"head", "> milliseconds()", ">= 0"}}},
		{"a list is filled anew whatever has moved", refreshAfterAnotherWrite, []edit{{"release", "version(st, scope) ~= ARGV[j + 1]", "false"}}},
		{"a list is filled anew in another epoch", refreshOfAnotherEpoch, []edit{{"release", "epoch == ARGV[10]", "true"}}},
		{"a list is filled anew under the versions of before", refreshedIsServed, []edit{{"release", "version(get(state(scope)), scope) end", "ARGV[6] end"}}},
		{"the sweep renews nothing", nil, []edit{{"sweep", "if held or not known", "if false"}}},
		{"the sweep renews only what is held", sweptOutsideSQL, []edit{{"sweep", "if held or not known", "if held"}}},
		{"the sweep keeps the clock", sweptBlindFill, []edit{{"sweep", "redis.call('HSET', SHARED, shard", "pcall('HSET', SHARED, shard"}}},
		{"the sweep drops no hold", sweptHoldIsGone, []edit{{"sweep", "st, held = without(st, ARGV[j], write)", "held = false"}}},
		{"the sweep keeps the epoch", everythingIsUnknown, []edit{{"sweep", "redis.call('HSET', SHARED, 'epoch', fresh)", ""}}},
	}
	worlds := newLaboratory(t)
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			s := edited(t, tc.edits...)
			if tc.kept == nil {
				broken, tries := worlds.found(Config{}, s, enough)
				t.Logf("world %d: %s", tries, broken)
				if broken == "" {
					t.Error("nothing was found")
				}
				return
			}
			if !tc.kept(newTrial(t, newScripts())) {
				t.Fatal("the promise is not kept with every guard in its place")
			}
			x := newTrial(t, s)
			if tc.kept(x) {
				t.Error("the promise was kept without the guard")
			}
			if n := failures(x.c); n != 0 {
				t.Errorf("the edited scripts failed %d times", n)
			}
		})
	}
}
