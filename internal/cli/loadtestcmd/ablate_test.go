package loadtestcmd

import (
	"strings"
	"testing"
)

// TestAblateCountsItsSteps: a round of each variant is a step, the tuned one included where rounds compare with it.
func TestAblateCountsItsSteps(t *testing.T) {
	for _, c := range []struct {
		only string
		want int
	}{{"S3,S8", 3 * 5}, {"S5", 5}, {"S3,S5", 3 * 5}} {
		o := &ablateOptions{only: strings.Split(c.only, ","), rounds: 5, flood: 1}
		if err := o.Validate(); err != nil {
			t.Fatal(err)
		}
		if got := o.steps(); got != c.want {
			t.Errorf("--only %s: %d steps, want %d", c.only, got, c.want)
		}
	}
}
