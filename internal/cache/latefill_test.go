package cache

import (
	"testing"

	"github.com/honeydue/honeydue/internal/household"
	"github.com/honeydue/honeydue/internal/lab/labtest"
)

// TestLateFills: a request has read the database, the change is committed and
// announced, and only then the request stores what it read. doc.go names the
// guard of each case.
func TestLateFills(t *testing.T) {
	hash, before := TokenHash("t"), household.User{ID: 7, Name: "before"}
	cases := []struct {
		name   string
		warm   bool // the token is known when the request begins
		change func(*Cache) error
		check  func(*testing.T, *Cache, *Reading)
	}{
		{
			"the token is logged out", false,
			func(c *Cache) error { return c.RevokeToken(t.Context(), hash) },
			func(t *testing.T, _ *Cache, r *Reading) {
				if !r.Revoked {
					t.Errorf("the token is a %s, want revoked", r.Token)
				}
			},
		},
		{
			"the user changes, and the token was unknown", false,
			func(c *Cache) error { return c.UserChanged(t.Context(), 7) }, noUser,
		},
		{
			"the user changes, and the token was known", true,
			func(c *Cache) error { return c.UserChanged(t.Context(), 7) }, noUser,
		},
		{
			"the user sees other residences", true,
			func(c *Cache) error { return c.AccessChanged(t.Context(), 7) },
			func(t *testing.T, c *Cache, r *Reading) {
				if v := c.Judge(t.Context(), r, 7, []int64{1, 2}); v != Miss {
					t.Errorf("residence ids are a %s, want a miss", v)
				}
			},
		},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			url := labtest.Redis(t)
			reader, writer := opened(t, Config{URL: url}), opened(t, Config{URL: url})
			if tc.warm {
				login(t, opened(t, Config{URL: url}), hash, before)
			}
			r := reader.Authenticate(t.Context(), hash)
			if r.User != nil {
				t.Fatal("the request found the user in memory, so the case says nothing")
			}
			if err := tc.change(writer); err != nil {
				t.Fatal(err)
			}
			reader.Remember(t.Context(), r, before)
			if tc.warm {
				reader.Judge(t.Context(), r, 7, []int64{1})
			}
			tc.check(t, reader, reader.Authenticate(t.Context(), hash))
		})
	}
}

func noUser(t *testing.T, _ *Cache, r *Reading) {
	if r.User != nil {
		t.Errorf("the old user %q was served", r.User.Name)
	}
}
