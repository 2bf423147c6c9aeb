package facts

import (
	"fmt"
	"slices"
	"time"
)

// MS is a duration in ms.
func MS(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// Median returns the middle of the values, the lower one of two; 0 of none.
func Median[T int64 | float64 | time.Duration](values []T) T {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[(len(sorted)-1)/2]
}

// Mean is total/n, and 0 of nothing.
func Mean(total float64, n int64) float64 {
	if n == 0 {
		return 0
	}
	return Round(max(0, total/float64(n)))
}

// Round rounds a figure that is not negative to three digits after the point.
func Round(v float64) float64 { return float64(int64(v*1000+0.5)) / 1000 }

// RoundSigned is Round for figures that may be negative.
func RoundSigned(v float64) float64 {
	if v < 0 {
		return -Round(-v)
	}
	return Round(v)
}

// Seconds writes an age for people.
func Seconds(s float64) string {
	d := time.Duration(s * float64(time.Second))
	switch {
	case d < 10*time.Second:
		return fmt.Sprintf("%.1f s", s)
	case d < 2*time.Minute:
		return fmt.Sprintf("%.0f s", s)
	case d < 2*time.Hour:
		return fmt.Sprintf("%.0f min", d.Minutes())
	case d < 48*time.Hour:
		return fmt.Sprintf("%.0f h", d.Hours())
	}
	return fmt.Sprintf("%.0f days", d.Hours()/24)
}

// Megabytes is a size for people, in units of 2^20 bytes.
func Megabytes(bytes float64) string { return fmt.Sprintf("%.1f MB", bytes/(1<<20)) }

// Plural is a count with its noun.
func Plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
