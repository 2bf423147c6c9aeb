package probe

import (
	"context"
	"strings"
)

// readFacts reads the statistics by the planner's connection, and the settings of the app's sessions by
// the app's own where there is one.
func (o *observation) readFacts(ctx context.Context, s *session, planner *pgServer) {
	app := planner
	if s.pooler.usable() {
		app = s.pooler
	}
	facts, err := readFacts(ctx, planner.conn, app.conn)
	if err != nil && !app.usable() && app == s.pooler {
		// It answered until now, and has closed the connection or was silent for too long.
		app.fail(ctx, "", err)
	}
	if err != nil {
		o.factsFailed = explain(ctx, "", err)
		return
	}
	o.facts = facts
}

func firstRun(p *Plan) *FirstRun {
	if p == nil {
		return nil
	}
	hit, read := p.Blocks()
	return &FirstRun{ExecutionMS: p.ExecutionMS, HitBlocks: hit, ReadBlocks: read}
}

// statements splits a remedy that is SQL, as the checks write it: one statement a line, ended by a
// semicolon, what follows it being a comment.
func statements(remedy string) []string {
	var out []string
	for line := range strings.SplitSeq(remedy, "\n") {
		statement, comment, _ := strings.Cut(line, ";")
		if comment = strings.TrimSpace(comment); comment != "" && !strings.HasPrefix(comment, "--") {
			return nil
		}
		if statement = strings.TrimSpace(statement); statement != "" {
			out = append(out, statement)
		}
	}
	return out
}
