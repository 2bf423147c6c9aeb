package store

import "strings"

// PoolerVersion is the version that the console calls itself, such as 1.18.0; empty if it is not PgBouncer's. It came with
// the connection, and costs no round trip.
func (c *Console) PoolerVersion() string {
	number, ok := strings.CutSuffix(c.conn.PgConn().ParameterStatus("server_version"), "/bouncer")
	if !ok {
		return ""
	}
	return number
}
