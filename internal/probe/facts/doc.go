// Package facts is what a probe measures, as plain data: an Observation and the types that it is made of, the Config that
// says what to measure, and the Result that comes of it. Methods derive figures from the data. Nothing here has a
// connection, waits or asks a server.
package facts
