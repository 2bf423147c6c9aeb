// Package lab is the local replica of production: a real Postgres, a real
// PgBouncer in transaction mode and a real Redis as child processes on
// loopback ports, all below one data folder, with the model link in front of
// the pooler and of the direct endpoint.
//
// The servers live no longer than the process that started them, however it
// ends, and the next Start puts a folder in order that a crash left behind.
// Durability is the one thing that the replica does without: fsync is off, so
// that a seed takes seconds. A crash of the lab costs nothing by that; a crash
// of the machine may cost the folder, which the lab can make again.
package lab
