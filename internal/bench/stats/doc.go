// Package stats is the mathematics of the load test: the exact binomial gate of a p99 claim, histograms and their quantiles,
// the effective sample size of requests that are not independent, the bootstrap and rank tests of a comparison, and the
// exact test of two shares. It knows nothing of requests, phases or servers.
package stats
