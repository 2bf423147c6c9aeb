package facts

// How a server takes sslnegotiation=direct.
const (
	DirectTLSInUse     = "in use"
	DirectTLSSupported = "supported"
	DirectTLSRefused   = "refused"
)
