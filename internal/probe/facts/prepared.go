package facts

// PreparedSupport is whether a statement that a client has prepared by name is still there when the
// pooler gives the client another server connection.
type PreparedSupport struct {
	Known   bool
	Carried bool
	Taken   bool   // a second client could not prepare the same name
	How     string // by which it is known, or why it is not
}
