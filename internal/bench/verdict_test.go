package bench

import (
	"runtime"
	"strings"
	"testing"
	"time"
)

func TestJudge(t *testing.T) {
	tests := []struct {
		name string
		e    evidence
		want Verdict
		why  string
	}{
		{"few enough slow ones", evidence{n: 12000, over: 41}, Pass, ""},
		{"at the edge", evidence{n: 12000, over: 101}, Pass, ""},
		{"one more", evidence{n: 12000, over: 102}, Inconclusive, "102 of 12000 were over"},
		{"exactly one in a hundred", evidence{n: 12000, over: 120}, Inconclusive, ""},
		{"clearly more", evidence{n: 12000, over: 139}, Fail, "139 of 12000 were over"},
		{"too few to claim", evidence{n: 298}, Inconclusive, "298 requests cannot claim a p99: 299 at least"},
		{"few are enough to refute", evidence{n: 20, over: 5}, Fail, ""},
		{"nothing at all", evidence{}, Inconclusive, ""},
		{"stopped early", evidence{n: 12000, over: 41, stopped: "stopped after 12000 of 20000 requests"}, Inconclusive, "stopped after"},
		{"stopped early and refuted", evidence{n: 100, over: 60, stopped: "stopped"}, Fail, "stopped"},
		{"a few were not warm", evidence{n: 960, apart: 40, wantsState: Warm}, Pass, ""},
		{"many were not warm", evidence{n: 900, apart: 100, wantsState: Warm}, Inconclusive, "100 of 1000 requests were not warm"},
		{"those that were not warm were slow", evidence{n: 960, apart: 40, slow: 40, wantsState: Warm}, Fail, "40 of 1000 were over the target; a p99 on target shows at least so many in 1 of 20 runs at most; 40 of them were not warm"},
		{"one that was not warm was slow", evidence{n: 960, apart: 40, slow: 1, wantsState: Warm}, Pass, ""},
		{"some were not cold", evidence{n: 500, apart: 150, wantsState: Cold}, Pass, ""},
		{"too few were cold", evidence{n: 200, apart: 450, wantsState: Cold}, Inconclusive, "200 requests cannot claim"},
		{"none was cold", evidence{apart: 300, wantsState: Cold}, Inconclusive, "300 of 300 users were known to the server already: " + otherUsers},
		{"the state is not proven", evidence{n: 900, unproven: 900, wantsState: Warm}, Inconclusive, "no Cache-Status"},
		{"invalid hides a fail", evidence{n: 100, over: 100, invalid: []string{"late"}}, Invalid, "late"},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			got, why := judge(tc.e)
			if got != tc.want || !strings.Contains(strings.Join(why, "\n"), tc.why) {
				t.Errorf("judge = %s because of %q; want %s, %q", got, why, tc.want, tc.why)
			}
			if (got == Pass) != (len(why) == 0) {
				t.Errorf("%s with the reasons %q", got, why)
			}
		})
	}
}

func TestInvalidNamesTheResource(t *testing.T) {
	full := 100 * float64(runtime.GOMAXPROCS(0))
	tests := []struct {
		name string
		e    effort
		want string // "" = valid
	}{
		{"kept up", effort{planned: 50, achieved: 49.9, lagP99: 2 * time.Millisecond, cpuPct: 10}, ""},
		{"own CPU", effort{planned: 50, achieved: 30, late: time.Second, lagP99: time.Second, cpuPct: full}, "the generator's own CPU"},
		{"the collector", effort{planned: 50, achieved: 50, lagP99: 50 * time.Millisecond, gcPause: 45 * time.Millisecond}, "garbage collector"},
		{"the machine", effort{planned: 50, achieved: 50, lagP99: 50 * time.Millisecond}, "this machine's CPU"},
		{"too slow", effort{planned: 50, achieved: 47, late: time.Second, lagP99: 2 * time.Millisecond}, "47.0 requests/s of 50.0 planned"},
		{"a pause at the very end", effort{planned: 50, achieved: 47, late: 200 * time.Millisecond, lagP99: 2 * time.Millisecond}, ""},
		{"a floor near the target", effort{planned: 50, achieved: 50, floorP99: 120 * time.Millisecond}, "the load generator's own latency"},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			why := strings.Join(tc.e.invalid(200*time.Millisecond), "\n")
			if (tc.want == "") != (why == "") || !strings.Contains(why, tc.want) {
				t.Errorf("invalid = %q, want %q", why, tc.want)
			}
		})
	}
}

func TestWorstVerdict(t *testing.T) {
	order := []Verdict{Pass, Inconclusive, Fail, Invalid}
	for i, v := range order {
		for j, o := range order {
			if v.worseThan(o) != (i > j) {
				t.Errorf("%s worse than %s: %v", v, o, v.worseThan(o))
			}
		}
	}
}
