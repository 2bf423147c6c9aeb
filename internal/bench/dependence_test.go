package bench

import (
	"strings"
	"testing"
	"time"

	"github.com/honeydue/honeydue/internal/bench/stats"
)

func TestAClaimIsJudgedByTheEffectiveSample(t *testing.T) {
	bursts, spread := stats.NewWindows(), stats.NewWindows()
	for seq := range uint64(12000) {
		at := time.Duration(seq) * time.Second / 50
		bursts.Observe(at, seq%1200 < 10)
		spread.Observe(at, seq%120 == 0)
	}
	verdict, why := judge(evidence{n: 12000, over: 100, dependence: bursts.Dependence()})
	if verdict != Inconclusive || len(why) != 1 {
		t.Errorf("judge = %s because of %q", verdict, why)
	}
	if verdict, _ := judge(evidence{n: 12000, over: 100, dependence: spread.Dependence()}); verdict != Pass {
		t.Errorf("judge = %s", verdict)
	}
	// A miss stays a miss, and is said to be of few events.
	verdict, why = judge(evidence{n: 3000, over: 100, dependence: stats.Dependence{Effect: 50, Clear: true}})
	if verdict != Fail || !strings.Contains(strings.Join(why, "\n"), "came in bursts") {
		t.Errorf("judge = %s because of %q", verdict, why)
	}
}
