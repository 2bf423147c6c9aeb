package api

import (
	"fmt"
	"strings"
)

// BudgetTable is the route table's turn budgets in Markdown, as
// docs/turn-budgets.md shows them.
func BudgetTable() string {
	var b strings.Builder
	b.WriteString(`# Turn budgets

A DB turn is one round trip between the app and the database endpoint, counted at the socket. Each route takes exactly
this many, for its own statements: **warm** when the caches know what they can know of the request, **cold** when they
know nothing. Dialling and background work (the sweep of the change log: one turn each half second for all pods
together, none after five idle minutes) are counted apart.

This file is written from the route table: go test ./internal/api -run TestBudgetTable -update
The numbers are held by TestTurnBudgets (internal/api), which drives every route on real servers and compares what the
reply, the metric and a proxy outside of the process say, and by TestNoHiddenTurnAfterIdling and
TestTurnsAddUpUnderConcurrency.

| route | needs | warm | cold | statements | hot |
| --- | --- | ---: | ---: | --- | --- |
`)
	for _, r := range Routes() {
		needs, statements, hot := string(r.Needs), strings.Join(r.Statements, ", "), ""
		if r.Needs == NeedNothing {
			needs = "-"
		}
		if statements == "" {
			statements = "-"
		}
		for _, v := range r.Variants {
			statements += fmt.Sprintf("; with ?%s %s (%d warm, %d cold)", v.Query, strings.Join(v.Statements, ", "), v.Budget.Warm, v.Budget.Cold)
		}
		if r.Hot {
			hot = "yes"
		}
		fmt.Fprintf(&b, "| `%s %s` | %s | %d | %d | %s | %s |\n", r.Method, r.Path, needs, r.Budget.Warm, r.Budget.Cold, statements, hot)
	}
	b.WriteString(`
Where a token is asked for, auth_lookup comes on top when cold. A hot list is one pipelined turn with auth_lookup
whenever its copy does not stand, and in every other form than the default one (another page, other days). A write on
a task, contractor or document takes one turn more if neither Redis nor the look-up tells in which residence it lies
(more than 16 residences, or one that the user joined a moment ago). ` + "`/readyz`" + ` pings the database at most each five
seconds, and not at all once nobody has used the API for five minutes.
`)
	return b.String()
}
