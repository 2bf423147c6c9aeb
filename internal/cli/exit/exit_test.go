package exit

import "testing"

func TestWorst(t *testing.T) {
	tests := []struct {
		codes []int
		want  int
	}{
		{nil, OK},
		{[]int{0, 0}, OK},
		{[]int{0, 4}, Inconclusive},
		{[]int{4, 3}, Finding},
		{[]int{3, 1, 4}, Failed},
		{[]int{3, 5, 1, 4}, Invalid},
		{[]int{5, 2}, BadUsage},
		{[]int{4, 77}, Failed},
	}
	for _, tt := range tests {
		if got := Worst(tt.codes...); got != tt.want {
			t.Errorf("Worst(%v) = %d, want %d", tt.codes, got, tt.want)
		}
	}
}
