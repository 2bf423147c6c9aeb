// Package dial connects and times each phase of it: DNS, TCP, TLS and the log-in of Postgres, of Redis and of HTTP servers. It
// also has what all collectors need of a connection: the least round trip, deadlines, and errors made fit to be shown.
package dial
