package bench

import (
	"errors"
	"net/url"
	"strings"
)

// traceIDHole is where a template of links has the trace id.
const traceIDHole = "{trace_id}"

// TraceLink is a template of the links to a request's trace, such as
// http://jaeger.example/trace/{trace_id}. The zero value makes no links.
type TraceLink string

// ParseTraceLink judges a template. It is printed in reports, so it may hold no
// user and no password.
func ParseTraceLink(template string) (TraceLink, error) {
	u, err := url.Parse(TraceLink(template).To("0"))
	switch {
	case err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https"):
		return "", errors.New("it is no http or https URL")
	case u.User != nil:
		return "", errors.New("it must not hold a user or a password")
	case !strings.Contains(template, traceIDHole):
		return "", errors.New("it has no " + traceIDHole)
	}
	return TraceLink(template), nil
}

// To is the link to one trace, "" without a template.
func (l TraceLink) To(traceID string) string {
	return strings.ReplaceAll(string(l), traceIDHole, traceID)
}
