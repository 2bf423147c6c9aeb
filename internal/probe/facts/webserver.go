package facts

// WebServer is the connect waterfall of the running server, by HTTP or HTTPS.
type WebServer struct {
	Endpoint Endpoint
	Failed   *Failure
}
