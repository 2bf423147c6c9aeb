package probe_test

import (
	"testing"

	"github.com/honeydue/honeydue/internal/lab"
)

// serverFaults are faults of Postgres itself, of Redis and of the cluster.
func serverFaults() []fault {
	return []fault{
		{
			name: "Redis is down", code: "HD-R01", lab: &lab.Config{}, short: true,
			inject: func(t *testing.T, b *bed) {
				if err := b.lab.StopRedis(t.Context()); err != nil {
					t.Fatal(err)
				}
			},
		},
	}
}
