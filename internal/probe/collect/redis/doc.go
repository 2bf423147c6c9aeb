// Package redis asks one Redis: its settings and counters, its slow log, a sample of its keys, and whether the app's user may do
// what the app's cache does.
package redis
