package loadtestcmd

import (
	"strings"
	"testing"
	"time"

	"github.com/mattn/go-runewidth"

	"github.com/honeydue/honeydue/internal/bench"
	"github.com/honeydue/honeydue/internal/report"
)

func drawn(lines []report.ScreenLine, columns int) string {
	var b strings.Builder
	for _, l := range lines {
		b.WriteString(strings.TrimRight(l.Render(columns, false), " ") + "\n")
	}
	return b.String()
}

// underway is a phase in its middle that has seen everything.
func underway() bench.Progress {
	return bench.Progress{
		Phase: "cold", Elapsed: 12 * time.Second, Length: 22 * time.Second, Planned: 650, Done: 356, Waiting: 4,
		Rate: 29.7, RateNow: 29.1, RateDue: 30, P50: 117 * time.Millisecond, P99: 729 * time.Millisecond, Target: 700 * time.Millisecond,
		Over: 4, OverAllowed: 0, Errors: 7, Apart: 2, LagP99: 400 * time.Microsecond, CPUPct: 12.4, Cores: 2,
		Kinds:       map[bench.Kind]int{"timeout_header": 2, "503:database_unavailable": 1, "dns": 1, "reset": 1, "429": 1, "connect": 1},
		Recent:      []bench.Recent{{P99: 100 * time.Millisecond}, {}, {P99: 200 * time.Millisecond}, {P99: 729 * time.Millisecond, Over: true}},
		Connections: 8, Descriptors: bench.Used{Peak: 31, Limit: 1024},
	}
}

func TestLoadtestView(t *testing.T) {
	v := &loadtestView{title: "loadtest of http://127.0.0.1:8080, profile release", ascii: true}
	v.take("", bench.Progress{Phase: "canary", MeasuringFloor: true})
	const measuring = `loadtest of http://127.0.0.1:8080, profile release
canary: measuring the tool's self overhead
`
	if got := drawn(v.lines(24), 110); got != measuring {
		t.Errorf("the canary:\n%s", got)
	}
	v.take("", bench.Progress{Phase: "canary", Ended: &bench.Ended{Claim: "the load generator's own latency is p99 0.40 ms at 200/s"}})
	v.take("", bench.Progress{Phase: "warm", WarmingUp: true, Done: 100, Planned: 200})
	const warming = `loadtest of http://127.0.0.1:8080, profile release
  canary  the load generator's own latency is p99 0.40 ms at 200/s
warm  warming up, 100 of 200 requests  ###############............... 50%
`
	if got := drawn(v.lines(24), 110); got != warming {
		t.Errorf("warming up:\n%s", got)
	}
	v.take("", bench.Progress{Phase: "warm", Ended: &bench.Ended{Verdict: bench.Pass, Claim: "p99 163 ms, 95% CI [158, 171], n = 12000, 41 over (101 allowed)"}})
	v.take("", underway())
	const whole = `loadtest of http://127.0.0.1:8080, profile release
      canary  the load generator's own latency is p99 0.40 ms at 200/s
PASS  warm    p99 163 ms, 95% CI [158, 171], n = 12000, 41 over (101 allowed)
cold  12 s of 22 s  ################.............. 55%
  answered    29.1/s of 30.0/s due; 356 of 650 requests, 4 under way
  latency     p50 117 ms  p99 729 ms, target 700 ms
  over        4 (0 allowed so far); 2 in another cache state, counted apart
  errors      7: 2 timeout_header, 1 429, 1 503:database_unavailable, 1 connect, 2 kinds more
  last minute . -#  p99 up to 729 ms
  generator   lag p99 0.40 ms, CPU 12% of a core, of 2, 8 connections opened, 31 of 1024 descriptors
`
	if got := drawn(v.lines(24), 110); got != whole {
		t.Errorf("a phase under way:\n%s", got)
	}
	// A low terminal keeps what is under way; a narrow one cuts each line, and wraps none.
	const low = `loadtest of http://127.0.0.1:8080...
              2 more before these
cold  12 s of 22 s  #############...
  answered    29.1/s of 30.0/s du...
  latency     p50 117 ms  p99 729...
  over        4 (0 allowed so far...
  errors      7: 2 timeout_header...
  last minute . -#  p99 up to 729 ms
  generator   lag p99 0.40 ms, CP...
`
	if got := drawn(v.lines(9), 36); got != low {
		t.Errorf("9 rows of 36:\n%s", got)
	}
	for columns := range 60 {
		for _, line := range strings.Split(drawn(v.lines(24), columns), "\n") {
			if runewidth.StringWidth(line) > columns {
				t.Fatalf("%q takes more than %d columns", line, columns)
			}
		}
	}
	for rows := 9; rows < 14; rows++ {
		if n := len(v.lines(rows)); n > rows {
			t.Errorf("%d lines in %d rows", n, rows)
		}
	}
}

func TestLoadtestViewOfOtherPhases(t *testing.T) {
	v := &loadtestView{title: "loadtest", ascii: true}
	for name, tc := range map[string]struct {
		p    bench.Progress
		want string
	}{
		"first requests": {
			bench.Progress{Phase: "first", Planned: 20, Done: 5, Elapsed: 9 * time.Second, Target: 900 * time.Millisecond, Over: 1, P50: 120 * time.Millisecond, P99: 950 * time.Millisecond},
			"first  5 of 20 restarts, 9 s  #######....................... 25%\n" +
				"  first       4 of 5 under 900 ms, p50 120 ms, slowest 950 ms\n  errors      0\n",
		},
		"a comparison": {
			bench.Progress{Phase: "comparison", Part: "pair 3 of 10, target", Elapsed: 50 * time.Second, Length: 200 * time.Second, Planned: 10_000, Done: 2500, RateNow: 50, RateDue: 50, Target: 200 * time.Millisecond, OverAllowed: -1, Cores: 2},
			"comparison, pair 3 of 10, target  50 s of 3m20s  #######....................... 25%\n" +
				"  answered    50.0/s of 50.0/s due; 2500 of 10000 requests\n" +
				"  latency     nothing measured yet, target 200 ms\n" +
				"  over        0 (too few requests so far to claim a p99)\n" +
				"  errors      0\n  last minute -\n  generator   lag p99 0 ms, CPU 0% of a core, of 2\n",
		},
		"after Ctrl-C": {
			bench.Progress{Phase: "warm", Elapsed: time.Second, Length: time.Minute, Planned: 3000, Done: 50, RateNow: 20, Draining: true, P99: time.Millisecond, Target: 200 * time.Millisecond, OverAllowed: -1, Cores: 2},
			"warm  1 s of 60 s  .............................. 2%\n" +
				"  answered    20.0/s of 0.0/s due; 50 of 3000 requests; finishing what is under way\n" +
				"  latency     p50 0 ms  p99 1.00 ms, target 200 ms\n" +
				"  over        0 (too few requests so far to claim a p99)\n" +
				"  errors      0\n  last minute -\n  generator   lag p99 0 ms, CPU 0% of a core, of 2\n",
		},
	} {
		v.take("", tc.p)
		if got := drawn(v.lines(24), 110); got != "loadtest\n"+tc.want {
			t.Errorf("%s:\n%s", name, got)
		}
	}
	// The steps of a climb, or the values of a sweep: the last ones are shown.
	v = &loadtestView{title: "loadtest"}
	for _, name := range []string{"climb at 10/s", "climb at 15/s", "climb at 22.5/s"} {
		v.take("DB_MAX_CONNS=5: ", bench.Progress{Phase: name, Ended: &bench.Ended{Verdict: bench.Fail, Claim: "p99 300 ms"}})
	}
	const last = "loadtest\n              2 more before these\nFAIL  DB_MAX_CONNS=5: climb at 22.5/s  p99 300 ms\n"
	if got := drawn(v.lines(3), 110); got != last {
		t.Errorf("3 rows:\n%s", got)
	}
}
