// Package collect measures: the connect waterfalls of the pooler, the direct endpoint, Redis and a running server; the plans of
// every hot statement of the store's catalog, and their wall times through the pooler; what the path there does to transfers
// and prepared statements; the pooler's console; what Postgres' own views, Redis and the cluster tell while they are
// watched; the hot reads and the metrics of the running server.
//
// Observe does all of it side by side and fills one facts.Observation. Every question has its own deadline, and no reading
// takes more than it needs: see docs/runbooks for what each of them costs.
package collect
