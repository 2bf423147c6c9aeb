package main

import (
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// webserverCommand sets a variable to the URL of a server that answers every request at once, with 503 under /fails and
// after a second under /slow, until the script ends.
func webserverCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: webserver NAME")
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/fails":
			w.WriteHeader(http.StatusServiceUnavailable)
		case "/slow":
			select {
			case <-time.After(time.Second):
			case <-r.Context().Done():
			}
		}
		_, _ = w.Write([]byte("hello\n"))
	}))
	ts.Defer(server.Close)
	ts.Setenv(args[0], server.URL)
}
