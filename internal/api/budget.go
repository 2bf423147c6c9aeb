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

A round trip to the database ("DB turn") is one request and response between the app and the database endpoint, counted at
the socket. The table lists the exact number of turns of each route's own statements: **warm** if the caches have all they can
have for the request, **cold** if they have nothing. Not included are dialing and background work (the sweep of the change log
takes one turn each half second for all pods together, and none after five idle minutes).

This file is generated from the route table: ` + "`go test ./internal/api -run TestBudgetTable -update`" + `. TestTurnBudgets (internal/api)
enforces the numbers. It runs every route on real servers and compares the reply, the metric and a proxy outside the process.
TestNoHiddenTurnAfterIdling and TestTurnsAddUpUnderConcurrency cover idle connections and concurrent requests.

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
- If a route needs a token, a cold request also runs auth_lookup.
- A hot list and auth_lookup are one pipelined turn. The list is read from the database if its copy is not current, and always in
  a form other than the default (another page, other days).
- A write on a task, contractor or document takes one more turn if neither Redis nor the lookup knows its residence (more than
  16 residences, or one that the user joined a moment ago).
- ` + "`/readyz`" + ` pings the database at most every five seconds, and not at all once nobody has used the API for five minutes.
`)
	return b.String()
}
