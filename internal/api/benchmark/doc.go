// Package benchmark measures what a request costs this process, on real
// servers: Postgres and PgBouncer behind a link of 110 ms, Redis beside it.
// `make bench` prints its table with its conditions; docs/benchmarks.md has one
// of them. Its tests hold the sizes, which are the same on every machine.
//
// Every figure is compared with the trivial handler's of the same run: another
// machine, or this one on a busy day, has other figures and much the same
// ratios.
package benchmark
