package probe_test

import (
	"testing"

	"github.com/honeydue/honeydue/internal/probe"
)

// appFaults are faults of the app's settings and of the running server.
func appFaults() []fault {
	return []fault{
		{
			name: "DB_MIN_IDLE_CONNS drifted", code: "HD-C01", evidence: "DB_MIN_IDLE_CONNS is 10, tuned is 20", short: true,
			inject: func(_ *testing.T, b *bed) {
				b.config.Settings = []probe.Setting{{Name: "DB_MIN_IDLE_CONNS", Value: "10", Tuned: "20", Drifted: true}}
			},
		},
	}
}
