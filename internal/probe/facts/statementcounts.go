package facts

import (
	"fmt"
	"time"
)

// StatementCounts are sums of pg_stat_statements. Hidden are those whose texts this role may not see.
type StatementCounts struct {
	Ours   []CountedStatement `json:"ours"`
	Others CountedStatement   `json:"others"`
	Hidden CountedStatement   `json:"hidden"`
}

// CountedStatement is one statement's sum, or that of a group; MS is execution.
type CountedStatement struct {
	Name  string  `json:"name"`
	Calls float64 `json:"calls"`
	MS    float64 `json:"ms"`
}

// Since is what was counted between two looks. A statement that was evicted from the view in between has
// smaller figures than before and is left out.
func (c StatementCounts) Since(before StatementCounts) StatementCounts {
	was := map[string]CountedStatement{}
	for _, s := range before.Ours {
		was[s.Name] = s
	}
	var out StatementCounts
	for _, s := range c.Ours {
		s.Calls, s.MS = s.Calls-was[s.Name].Calls, s.MS-was[s.Name].MS
		if s.Calls > 0 && s.MS >= 0 {
			out.Ours = append(out.Ours, s)
		}
	}
	grown := func(now, before CountedStatement) CountedStatement {
		return CountedStatement{Calls: max(0, now.Calls-before.Calls), MS: max(0, now.MS-before.MS)}
	}
	out.Others, out.Hidden = grown(c.Others, before.Others), grown(c.Hidden, before.Hidden)
	return out
}

// Within is how much of the counted time can lie in the window: a statement is counted when it ends, with all that it
// took since it began.
func (c CountedStatement) Within(window time.Duration) float64 { return min(c.MS, c.Calls*MS(window)) }

// Why says why nothing follows from the counts: most of the time was spent on statements that can't be told apart.
func (c StatementCounts) Why() string {
	seen := c.Others.MS
	for _, s := range c.Ours {
		seen += s.MS
	}
	if c.Hidden.MS <= seen {
		return ""
	}
	return fmt.Sprintf("%.0f%% of the executed statements have texts that this role cannot see: run GRANT pg_monitor TO it.",
		100*c.Hidden.MS/(c.Hidden.MS+seen))
}
