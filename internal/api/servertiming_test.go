package api

import (
	"maps"
	"testing"
)

func TestParseServerTiming(t *testing.T) {
	for header, want := range map[string]map[string]float64{
		`acquire;dur=0.010, db;dur=112.400;desc="1 turn", app;dur=1`: {"acquire_ms": 0.01, "db_ms": 112.4, "app_ms": 1},
		`db;desc="a, b; dur=9";dur="3.5"`:                            {"db_ms": 3.5},
		`miss, cache;desc=hit`:                                       {},
		`db;dur=-1, x;dur=NaN, y;dur=`:                               {},
		``:                                                           {},
	} {
		if got := ParseServerTiming(header); !maps.Equal(got, want) {
			t.Errorf("ParseServerTiming(%q) = %v, want %v", header, got, want)
		}
	}
}
