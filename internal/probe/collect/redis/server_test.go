package redis

import (
	"slices"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/honeydue/honeydue/internal/cache"
	"github.com/honeydue/honeydue/internal/lab/labtest"
	"github.com/honeydue/honeydue/internal/probe/facts"
)

// TestWhatIsShown: names are let through, values are not.
func TestWhatIsShown(t *testing.T) {
	for name, want := range map[string]bool{
		"honeydue": true, "psql": true, "PostgreSQL JDBC Driver": true, "DBeaver 24.1": true, "pg_dump": true, "pgbouncer/1.18": true, "honeydue-warmup": true,
		"": false, "anna@example.com": false, "user 948271635": false, "job for Anna O'Name": false, strings.Repeat("x", 60): false,
	} {
		if facts.HarmlessApp(name) != want {
			t.Errorf("application_name %q is shown: %v", name, !want)
		}
	}
	for key, want := range map[string]string{
		"list:1.tasks:7": "list:tasks:<id>", cache.StateKey(cache.UserScope(7)): "state:<id>", "token:deadbeef": "token:<id>", cache.SharedKey: cache.SharedKey,
		"list:anna:7": "list:<id>", "list:1.anna:7": "list:<id>", "queue": "<another kind>", "annaoname": "<another kind>", "Anna O'Name": "<another kind>",
		"session:anna@example.com": "<another kind>", "residence_ids_user:7": "residence_ids_user:<id>", "at:task7": "at:<id>", ":x": "<another kind>",
	} {
		if got := keyPattern(key); got != want {
			t.Errorf("the key %q is shown as %q, want %q", key, got, want)
		}
	}
	for word, want := range map[string]string{"eval": "EVAL", "get anna": "a command", "": "a command", "4711": "a command"} {
		if got := commandName(word); got != want {
			t.Errorf("the command %q is shown as %q, want %q", word, got, want)
		}
	}
	doctor := "Sam, I detected a few issues in this Redis instance memory implants:\n\n * Peak memory: In the past this instance used more than 150% the memory.\n\n * High allocator fragmentation: see token deadbeef\n\nI'm here to keep you safe, Sam."
	if got := complaints(doctor); strings.Join(got, ";") != "Peak memory;High allocator fragmentation" {
		t.Errorf("the doctor's complaints are %q", got)
	}
	if got := complaints("Hi Sam, I can't find any memory issue in your instance.\n"); len(got) != 0 {
		t.Errorf("a healthy instance has %q", got)
	}
}

// TestCopiesThatNobodyUsesAreNotJudged: what was not asked for within an hour is evicted in any order, versions or copies first.
func TestCopiesThatNobodyUsesAreNotJudged(t *testing.T) {
	opts, err := redis.ParseURL(labtest.Redis(t))
	if err != nil {
		t.Fatal(err)
	}
	c := redis.NewClient(opts)
	t.Cleanup(func() { c.Close() })
	if err := c.Set(t.Context(), "list:1.tasks:1", "copy", 0).Err(); err != nil {
		t.Fatal(err)
	}
	dump := c.Dump(t.Context(), "list:1.tasks:1").Val()
	if err := c.Do(t.Context(), "RESTORE", "list:1.tasks:2", 0, dump, "IDLETIME", int(usedLately.Seconds())).Err(); err != nil {
		t.Fatal(err)
	}
	var s facts.KeySample
	weigh(t.Context(), &s, c, []string{"list:1.tasks:1", "list:1.tasks:2", cache.StateKey(cache.UserScope(1))})
	if !slices.Equal(s.Lists, []string{"list:1.tasks:1"}) || s.Looked != 3 {
		t.Errorf("of %d keys these copies are judged: %v", s.Looked, s.Lists)
	}
}
