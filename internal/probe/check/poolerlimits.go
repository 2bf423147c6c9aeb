package check

import (
	"github.com/honeydue/honeydue/internal/probe/facts"
)

func nearly(l facts.PoolerLimit) bool {
	return l.Limit > 0 && float64(l.Used) >= fullShare*float64(l.Limit)
}
