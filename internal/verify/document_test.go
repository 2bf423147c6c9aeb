package verify

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/honeydue/honeydue/internal/link"
	"github.com/honeydue/honeydue/internal/report"
)

var update = flag.Bool("update", false, "write the golden files")

// example is a result in which everything that a document can show is there.
func example() Result {
	r := newResult(time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC), Config{Rate: 20, AtLeast: 20})
	r.Rounds, r.Sampled, r.CopiesInRedis = 2, 108, 3412
	for range 95 {
		r.fresh("tasks")
	}
	for _, f := range []Finding{
		{List: "tasks", StaleMS: 310, MeasuredBy: byChangeLog, Change: changeOutside, CopyAgeMS: 61_000, Replaced: true},
		{List: "tasks", StaleMS: 93_400, MeasuredBy: byChangeLog, Change: changeOwn, CopyAgeMS: 1_800_000, BeyondPromise: true},
		{List: "documents", StaleMS: 2613, MeasuredBy: byLooks, Change: changeUnknown, BeyondPromise: true},
		{List: "residences", StaleMS: 120, MeasuredBy: byChangeLog, Change: changeOwn, CopyAgeMS: 4000, Replaced: true},
	} {
		r.stale("tasks")
		r.found(f)
	}
	for range 5 {
		r.skip("superseded")
	}
	r.skip("no-token")
	r.Servable, r.ChangedMeanwhile = 102, 3
	r.finish(15*time.Second, &link.Tally{}, nil)
	r.Cost = Cost{DBConnections: 1, DBTurns: 214, DBMS: 23_100, MaxTurnsPerS: 20, RedisRoundTrips: 231, RedisMS: 41, ComparedBytes: 1_234_567}
	return r
}

func TestDocument(t *testing.T) {
	for _, format := range []report.Format{report.FormatTable, report.FormatMarkdown, report.FormatJSON} {
		t.Run(string(format), func(t *testing.T) {
			var got bytes.Buffer
			if err := report.Write(&got, format, example().Document(), report.Options{Version: "1.2.3", Commit: "abc"}); err != nil {
				t.Fatal(err)
			}
			golden := filepath.Join("testdata", "example."+string(format)+".golden")
			if *update {
				if err := os.WriteFile(golden, got.Bytes(), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got.Bytes(), want) {
				t.Errorf("the %s differs from %s (go test -update writes it anew):\n%s", format, golden, got.String())
			}
		})
	}
}

// TestVerdicts: one sentence for each outcome, which says what it rests on.
func TestVerdicts(t *testing.T) {
	c := Config{Rate: 20, AtLeast: 20}
	of := func(do func(*Result)) string {
		r := newResult(time.Now(), c)
		do(&r)
		r.finish(time.Second, &link.Tally{}, nil)
		return r.Verdict
	}
	fresh := func(r *Result, n int) {
		r.Sampled += n
		for range n {
			r.fresh("tasks")
		}
	}
	stale := func(r *Result, f Finding) { r.Sampled++; r.stale("tasks"); r.found(f) }
	for want, do := range map[string]func(*Result){
		"Fresh: 0 of 100 copies stale; at 95% certainty at most 2.95% of all copies that are served are stale.":                                                                                         func(r *Result) { fresh(r, 100) },
		"Within the guarantee: 1 of 100 copies stale after SQL from outside, the stalest for 300 ms, of at most 2.0 s allowed; at 95% certainty at most 4.66% of all copies that are served are stale.": func(r *Result) { fresh(r, 99); stale(r, Finding{Change: changeOutside, StaleMS: 300}) },
		"Stale: 1 of 100 copies, the stalest for 300 ms; that is below 2.0 s, but not explained by SQL from outside; at 95% certainty at most 4.66% of all copies that are served are stale.":           func(r *Result) { fresh(r, 99); stale(r, Finding{Change: changeOwn, StaleMS: 300}) },
		"Stale: 1 of 10 copies, the stalest for 2.6 s, and 1 beyond the guarantee of 2.0 s; at 95% certainty at most 39.42% of all copies that are served are stale.": func(r *Result) {
			fresh(r, 9)
			stale(r, Finding{Change: changeOutside, StaleMS: 2600, BeyondPromise: true})
		},
		"Too few: 3 copies were checked, and a verdict needs 20. 7 of 10 were not served: a write was in progress.":                                   func(r *Result) { fresh(r, 3); r.Sampled = 10; r.Skipped["held"] = 7 },
		"Too few: 3 copies were checked, and a verdict needs 20. It was interrupted.":                                                                 func(r *Result) { fresh(r, 3); r.Interrupted = true },
		"Too few: 3 copies were checked, and a verdict needs 20. Redis holds 3.":                                                                      func(r *Result) { fresh(r, 3); r.CopiesInRedis = 3 },
		"Too few: 0 copies were checked, and a verdict needs 20. Redis holds no copy of a list: nobody has read one lately, or BOARD_CACHE_TTL is 0.": func(*Result) {},
	} {
		if got := of(do); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}
