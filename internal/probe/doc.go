// Package probe is the incident tool: within seconds and without harm it says what is slow between the
// app and its database, what that costs a request in milliseconds, and which command mends it.
//
// Run measures first and judges afterwards. Measuring fills one observation: the connect waterfall of
// the pooler, the direct endpoint, Redis and a running server; the plans of every hot statement of the
// store's catalogue; the wall time of the same statements through the pooler; what the way there does to
// transfers and prepared statements; the pooler's console; what Postgres's own views, Redis and the cluster
// tell while they are watched; the hot reads and the metrics of the running server. Judging runs
// the registry of checks over that observation, puts each symptom under its cause by the table of causes,
// and never touches the network.
//
// Everything that leaves the package is free of secrets: expressions in plans are masked while they are
// parsed (see Expr), and errors are described by their kind, never by their text alone.
package probe
