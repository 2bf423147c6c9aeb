package bench

import (
	"errors"
	"net/url"
	"strings"
)

// traceIDField is what a template has in the place of the trace id.
const traceIDField = "{trace_id}"

// TraceLink is a template for the address of a trace, such as
// https://jaeger.example/trace/{trace_id}. The zero value links nothing.
type TraceLink struct{ template string }

// ParseTraceLink reads a template: an http or https URL with {trace_id} once,
// outside of the host, and without a user or password, since it goes into every
// report. "" is the zero TraceLink.
func ParseTraceLink(template string) (TraceLink, error) {
	if template == "" {
		return TraceLink{}, nil
	}
	u, err := url.Parse(strings.ReplaceAll(template, traceIDField, "0"))
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return TraceLink{}, errors.New("it is not an http or https URL with a host")
	case u.User != nil:
		return TraceLink{}, errors.New("it must not hold a user or a password: it goes into the report")
	case strings.Count(template, traceIDField) != 1:
		return TraceLink{}, errors.New("it needs " + traceIDField + " once, in the place of the trace id")
	case strings.ContainsAny(template, " \t\r\n\"'<>`\\"):
		return TraceLink{}, errors.New("it holds a character that no URL may hold")
	}
	whole, err := url.Parse(strings.Replace(template, traceIDField, "1", 1))
	if err != nil || whole.Host != u.Host {
		return TraceLink{}, errors.New("it must not have " + traceIDField + " in the host")
	}
	return TraceLink{template: template}, nil
}

// To is the address of a trace; "" where nothing is linked.
func (l TraceLink) To(traceID string) string {
	return strings.Replace(l.template, traceIDField, traceID, 1)
}
