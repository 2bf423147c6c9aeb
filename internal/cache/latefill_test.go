package cache

import (
	"testing"

	"github.com/honeydue/honeydue/internal/lab/labtest"
)

// TestLateFills: a request has read the database, the change is committed and
// released, and only then the request stores what it read. Each entry is asked
// afterwards whether it has kept the old.
func TestLateFills(t *testing.T) {
	user, home := UserScope(7), Tasks.Scope(1)
	profile := func(x *late) { written(t, x.writer, x.d, Effects{}, user) }
	access := func(x *late) { written(t, x.writer, x.d, Effects{Access: []int64{7}}, user, home) }
	content := func(x *late) { written(t, x.writer, x.d, Effects{}, home) }
	logout := func(x *late) { written(t, x.writer, x.d, Effects{Revoked: TokenHash("t")}, user) }
	outsideSQL := func(scope Scope) func(*late) {
		return func(x *late) {
			x.d.commit(newWriteID(), scope)
			swept(t, x.writer, x.d)
		}
	}
	heldStill := func(x *late) { x.d.commit(x.writer.Hold(t.Context(), user, home).ID, user, home) }

	noToken := func(r, _ *Reading) bool { return r.UserID == 0 }
	noList := func(_, l *Reading) bool { return l.ListVerdict != Hit && !l.NotModified && l.token.flight == "" }
	noCopy := func(_, l *Reading) bool { return l.ListVerdict != Hit && !l.NotModified }
	revoked := func(r, l *Reading) bool { return r.Revoked && l.Revoked }

	cases := []struct {
		name   string
		change func(*late)
		gone   func(listless, list *Reading) bool
		// others: what does not depend on the change is kept all the same.
		others bool
	}{
		{"the token is logged out", logout, revoked, false},
		{"the profile changes", profile, noToken, false},
		{"the user sees other residences", access, noList, false},
		{"a task changes", content, noCopy, true},
		{"SQL from outside changes the user", outsideSQL(user), noToken, false},
		{"SQL from outside changes a task", outsideSQL(home), noCopy, true},
		{"a write has committed and is not released", heldStill, noToken, false},
	}
	for _, tc := range cases {
		for _, warm := range []bool{true, false} {
			name := tc.name + ", token unknown"
			if warm {
				name = tc.name + ", token known"
			}
			t.Run(name, func(t *testing.T) {
				url := labtest.Redis(t)
				x := &late{reader: opened(t, Config{URL: url}), writer: opened(t, Config{URL: url}), d: &database{}}
				swept(t, x.writer, x.d)
				if warm {
					warmed(t, x.writer, Question{Token: TokenHash("t")}, answer("not asked for"))
				}
				r := x.reader.Read(t.Context(), tasks("t"))
				if _, ok := x.reader.User(r); ok || warm != (r.UserID == 7) || r.ListVerdict != Miss {
					t.Fatalf("the case says nothing: %+v", r)
				}
				tc.change(x)
				x.reader.Fill(t.Context(), r, answer("old"))
				if r.Stored || r.ETag != "" || r.Why == "" {
					t.Errorf("the old list was stored, or nobody says why not: %+v", r)
				}
				listless := x.reader.Read(t.Context(), Question{Token: TokenHash("t")})
				list := x.reader.Read(t.Context(), tasks("t"))
				if !tc.gone(listless, list) {
					t.Errorf("what was read late is believed: %+v, %+v", listless, list)
				}
				if _, ok := x.reader.User(listless); ok != tc.others {
					t.Errorf("the user in memory is found: %v, want %v", ok, tc.others)
				}
			})
		}
	}
}

type late struct {
	reader, writer *Cache
	d              *database
}

// TestAPodLearnsTheUser: Redis knows the token, this pod's memory lacks the
// user. What the database then says is kept under the version read before it.
func TestAPodLearnsTheUser(t *testing.T) {
	url := labtest.Redis(t)
	one, two, d := opened(t, Config{URL: url}), opened(t, Config{URL: url}), &database{}
	swept(t, one, d)
	warmed(t, one, tasks("t"), answer("list"))
	for _, q := range []Question{{Token: TokenHash("t")}, tasks("t")} {
		r := two.Read(t.Context(), q)
		if _, ok := two.User(r); ok || r.UserID != 7 {
			t.Fatalf("the case says nothing: %+v", r)
		}
		late := two.Read(t.Context(), q)
		two.Fill(t.Context(), r, Answer{User: person()})
		if u, ok := two.User(two.Read(t.Context(), q)); !ok || u != person() {
			t.Errorf("the user was not kept: %v", u)
		}
		written(t, one, d, Effects{}, UserScope(7))
		two.Fill(t.Context(), late, Answer{User: person()})
		warmed(t, one, tasks("t"), answer("list"))
		if _, ok := two.User(two.Read(t.Context(), q)); ok {
			t.Error("a user from before the change is believed")
		}
	}
}
