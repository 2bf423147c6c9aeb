// Package telemetrytest is an OTLP/HTTP collector inside the test, so that spans are tested as they leave.
package telemetrytest

import (
	"compress/gzip"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	wire "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// Receiver collects the spans that are sent to URL.
type Receiver struct {
	URL string // with its path: a telemetry.Config.TracesURL

	mu      sync.Mutex
	spans   []Span
	headers http.Header
	status  int
}

// Span is one span as it arrived. Ids are in hex; ParentID is "" at the root of a trace.
type Span struct {
	Name                      string
	Kind                      string // SERVER, CLIENT, INTERNAL ...
	TraceID, SpanID, ParentID string
	Attributes                map[string]string
	Resource                  map[string]string
	Error                     bool
}

// Start listens until the test ends; t is the *testing.T or *testing.B.
func Start(t interface{ Cleanup(func()) }) *Receiver {
	r := &Receiver{status: http.StatusOK}
	server := httptest.NewServer(http.HandlerFunc(r.receive))
	t.Cleanup(server.Close)
	r.URL = server.URL + "/v1/traces"
	return r
}

// Answer makes the receiver answer with that status from now on; the spans it refuses are not kept.
func (r *Receiver) Answer(status int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status = status
}

// Spans returns what has arrived. Flush the telemetry first.
func (r *Receiver) Spans() []Span {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.spans)
}

// Trace returns the spans of one trace.
func (r *Receiver) Trace(traceID string) []Span {
	return slices.DeleteFunc(r.Spans(), func(s Span) bool { return s.TraceID != traceID })
}

// Header returns a header of the last export.
func (r *Receiver) Header(name string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.headers.Get(name)
}

func (r *Receiver) receive(w http.ResponseWriter, request *http.Request) {
	message, err := read(request)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.headers = request.Header.Clone()
	if r.status == http.StatusOK {
		for _, resource := range message.GetResourceSpans() {
			for _, scope := range resource.GetScopeSpans() {
				for _, span := range scope.GetSpans() {
					r.spans = append(r.spans, newSpan(span, resource.GetResource().GetAttributes()))
				}
			}
		}
	}
	w.WriteHeader(r.status)
}

func read(request *http.Request) (*collector.ExportTraceServiceRequest, error) {
	var body io.Reader = request.Body
	if request.Header.Get("Content-Encoding") == "gzip" {
		unzipped, err := gzip.NewReader(request.Body)
		if err != nil {
			return nil, err
		}
		body = unzipped
	}
	raw, err := io.ReadAll(body)
	if err != nil {
		return nil, err
	}
	message := new(collector.ExportTraceServiceRequest)
	return message, proto.Unmarshal(raw, message)
}

func newSpan(s *wire.Span, resource []*common.KeyValue) Span {
	return Span{
		Name:    s.GetName(),
		Kind:    s.GetKind().String()[len("SPAN_KIND_"):],
		TraceID: hex.EncodeToString(s.GetTraceId()), SpanID: hex.EncodeToString(s.GetSpanId()), ParentID: hex.EncodeToString(s.GetParentSpanId()),
		Attributes: attributes(s.GetAttributes()), Resource: attributes(resource),
		Error: s.GetStatus().GetCode() == wire.Status_STATUS_CODE_ERROR,
	}
}

func attributes(list []*common.KeyValue) map[string]string {
	out := make(map[string]string, len(list))
	for _, a := range list {
		if s, ok := a.GetValue().GetValue().(*common.AnyValue_StringValue); ok {
			out[a.GetKey()] = s.StringValue
			continue
		}
		out[a.GetKey()] = a.GetValue().String()
	}
	return out
}
