package api

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/honeydue/honeydue/internal/cache"
	"github.com/honeydue/honeydue/internal/store"
)

// Problem is every error that this API replies (RFC 9457).
type Problem struct {
	Type    string       `json:"type" doc:"urn:honeydue:problem: and the code"`
	Title   string       `json:"title" doc:"the status as text"`
	Status  int          `json:"status"`
	Detail  string       `json:"detail" doc:"what failed and what to do, for a person"`
	Code    string       `json:"code" doc:"what failed, for a program; it never changes"`
	Errors  []FieldError `json:"errors" nullable:"false" doc:"what is wrong with which field; empty unless the input was refused"`
	TraceID string       `json:"trace_id" doc:"names this request in the traces and logs"`

	// cause is what went wrong inside; it is logged and never sent.
	cause  error
	header http.Header
}

// FieldError is what is wrong with one field of the input. The value that was
// sent is not repeated: it may be a password.
type FieldError struct {
	Field   string `json:"field" doc:"such as body.title, path.id or query.days"`
	Message string `json:"message"`
}

// Codes of problems. They are a contract with the app.
const (
	codeMalformed        = "malformed_request"
	codeNotAuthenticated = "not_authenticated"
	codeInvalidToken     = "invalid_token"
	codeWrongLogin       = "invalid_credentials"
	codeForbidden        = "forbidden"
	codeNotFound         = "not_found"
	codeNoSuchRoute      = "no_such_route"
	codeMethod           = "method_not_allowed"
	codeConflict         = "conflict"
	codeOccurrencePassed = "occurrence_passed"
	codeEmailTaken       = "email_taken"
	codeTooLarge         = "body_too_large"
	codeMediaType        = "unsupported_media_type"
	codeCondition        = "unsupported_condition"
	codeInvalid          = "validation_failed"
	codeBusy             = "too_many_requests"
	codeRateLimited      = "rate_limited"
	codeInternal         = "internal"
	codeUnavailable      = "database_unavailable"
	codeStarting         = "starting"
	codeSlowBody         = "request_timeout"
	codeClientGone       = "client_gone"
)

const statusClientGone = 499

// retryAfterSeconds is how long a client waits after a 429 or a 503: the
// pod's pool and the password queue recover within that or not soon.
const retryAfterSeconds = "2"

func newProblem(status int, code, detail string) *Problem {
	return &Problem{
		Type: "urn:honeydue:problem:" + code, Title: http.StatusText(status), Status: status,
		Detail: detail, Code: code, Errors: []FieldError{},
	}
}

func refusedInput() *Problem {
	return newProblem(http.StatusUnprocessableEntity, codeInvalid, "The input was refused. Correct the fields that are listed.")
}

func malformed() *Problem {
	return newProblem(http.StatusBadRequest, codeMalformed, "The body is not a JSON value of the expected kind. Send one JSON object in UTF-8.")
}

func bodyTooLarge() *Problem {
	return newProblem(http.StatusRequestEntityTooLarge, codeTooLarge, "The body is over 1 MiB. Send less.").withHeader("Connection", "close")
}

func notJSON() *Problem {
	return newProblem(http.StatusUnsupportedMediaType, codeMediaType, "The body must be JSON. Send Content-Type: application/json.")
}

func slowBody() *Problem {
	return newProblem(http.StatusRequestTimeout, codeSlowBody, "The body did not arrive in time. Send it again.")
}

// invalid is a 422 for one field.
func invalid(field, message string) *Problem {
	p := refusedInput()
	p.Errors = append(p.Errors, FieldError{Field: field, Message: message})
	return p
}

func (p *Problem) withHeader(name, value string) *Problem {
	if p.header == nil {
		p.header = http.Header{}
	}
	p.header.Set(name, value)
	return p
}

// Error implements error.
func (p *Problem) Error() string { return p.Code + ": " + p.Detail }

// Unwrap gives the cause inside.
func (p *Problem) Unwrap() error { return p.cause }

// GetStatus implements huma.StatusError.
func (p *Problem) GetStatus() int { return p.Status }

// GetHeaders implements huma.HeadersError.
func (p *Problem) GetHeaders() http.Header { return p.header }

// ContentType implements huma.ContentTypeFilter.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

// problem is the one funnel: it turns what a handler returned into what the
// client sees. What is no error of the application is internal: it is logged
// with the trace id, once and here, and the client learns nothing of it.
func (s *Server) problem(ctx context.Context, err error) *Problem {
	p := s.classify(ctx, err)
	x := exchangeFrom(ctx)
	x.code = p.Code
	p.TraceID = x.trace().TraceID().String()
	s.metrics.problem(p.Code)
	if p.Status >= http.StatusInternalServerError {
		route := "unmatched"
		if x.route != nil {
			route = x.route.ID
		}
		attrs := []slog.Attr{slog.String("code", p.Code), slog.String("route", route), slog.Any("error", p.cause)}
		if isDatabaseError(p.cause) {
			state := cmp.Or(store.SQLState(p.cause), "none")
			s.metrics.databaseError(state, outcomeOf(p.cause))
			attrs = append(attrs, slog.String("sqlstate", state), slog.String("outcome", outcomeOf(p.cause)))
		}
		var panicked *panicError
		if errors.As(p.cause, &panicked) {
			attrs = append(attrs, slog.String("stack", string(panicked.stack)))
		}
		s.log.LogAttrs(ctx, slog.LevelError, "request failed", attrs...)
	}
	return p
}

func (s *Server) classify(ctx context.Context, err error) *Problem {
	var p *Problem
	var field *store.FieldError
	switch {
	case errors.As(err, &p):
		return p
	case errors.As(err, &field) && errors.Is(err, store.ErrConflict):
		return conflict(field.Field)
	case errors.As(err, &field):
		return invalid("body."+field.Field, "the database refuses this value")
	case errors.Is(err, store.ErrNotFound):
		return newProblem(http.StatusNotFound, codeNotFound, "It does not exist, or you cannot see it. Check the id.")
	case errors.Is(err, store.ErrForbidden):
		return newProblem(http.StatusForbidden, codeForbidden, "Your role in this residence does not allow that. Ask its owner.")
	case errors.Is(err, store.ErrConflict):
		return conflict("")
	case errors.Is(err, store.ErrOccurrencePassed):
		return newProblem(http.StatusConflict, codeOccurrencePassed, "The task is no longer at this due date: it was completed or moved before. Read the task again.")
	case errors.Is(ctx.Err(), context.Canceled):
		// Nobody reads this. The status is nginx's for a client that hung up, so
		// that such requests do not count as failures of ours.
		return newProblem(statusClientGone, codeClientGone, "The client closed the connection.")
	case errors.Is(err, store.ErrUnavailable), errors.Is(err, context.DeadlineExceeded):
		p = unavailable(exchangeFrom(ctx).route, err)
	default:
		p = newProblem(http.StatusInternalServerError, codeInternal, "Something failed on our side. Quote the trace_id when you report it.")
	}
	p.cause = err
	return p
}

// unavailable says what the client has to know before it repeats a request.
func unavailable(route *Route, err error) *Problem {
	detail := "The database cannot do this at the moment. Try again in a moment."
	switch {
	case errors.Is(err, store.ErrReadOnly):
		detail = "The database accepts no changes at the moment, and nothing was changed. Try again in a moment."
	case store.ChangedNothing(err):
		detail = "The database cannot do this at the moment, and nothing was changed. Try again in a moment."
	case route != nil && route.Method != http.MethodGet:
		detail = "The database did not confirm the change, so it is unknown whether it was made. Read it again before you repeat it."
	}
	return newProblem(http.StatusServiceUnavailable, codeUnavailable, detail).withHeader("Retry-After", retryAfterSeconds)
}

// isDatabaseError reports whether an error is the database's, or of the way to it.
func isDatabaseError(err error) bool {
	return errors.Is(err, store.ErrUnavailable) || store.SQLState(err) != ""
}

// outcomeOf says in logs and metrics whether the failed statement may have changed something.
func outcomeOf(err error) string {
	switch {
	case errors.Is(err, store.ErrNotSent):
		return "not_sent"
	case store.ChangedNothing(err):
		return "rolled_back"
	default:
		return "unknown"
	}
}

func conflict(field string) *Problem {
	if field == "email" {
		return newProblem(http.StatusConflict, codeEmailTaken, "This e-mail address already has an account. Log in instead.")
	}
	return newProblem(http.StatusConflict, codeConflict, "This already exists. Read it again before you change it.")
}

// fromHuma is the funnel for what huma refuses before a handler runs: path and
// query parameters. Bodies are read and refused in body.go. The values that
// huma would repeat are dropped.
func (s *Server) fromHuma(ctx huma.Context, _ string, v any) (any, error) {
	m, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	p := s.problem(ctx.Context(), refused(m))
	for name := range p.header {
		ctx.SetHeader(name, p.header.Get(name))
	}
	return p, nil
}

func refused(m *huma.ErrorModel) *Problem {
	if m.Status != http.StatusUnprocessableEntity {
		p := newProblem(http.StatusInternalServerError, codeInternal, "Something failed on our side. Quote the trace_id when you report it.")
		p.cause = fmt.Errorf("huma replied %d: %s", m.Status, m.Detail)
		return p
	}
	p := refusedInput()
	for _, e := range m.Errors {
		switch {
		case e == nil:
		case e.Location == "body": // it fits the schema and not the type, which Go's decoder describes
			p.Errors = append(p.Errors, FieldError{Field: e.Location, Message: "a value is not of the documented form"})
		default:
			p.Errors = append(p.Errors, FieldError{Field: e.Location, Message: e.Message})
		}
	}
	return p
}

// write sends a problem where no huma operation does.
func (p *Problem) write(w http.ResponseWriter) {
	for name, values := range p.header {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Type", p.ContentType(""))
	b, err := marshal(p)
	if err != nil {
		panic(err) // a struct of texts and numbers
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(b)))
	w.WriteHeader(p.Status)
	_, _ = w.Write(b) // the status is sent; a client that has gone cannot be told anything
}

// panicError is what a handler panicked with.
type panicError struct {
	value any
	stack []byte
}

// asPanicError is called where a panic was recovered.
func asPanicError(cause any) *panicError {
	if elsewhere, ok := cause.(*cache.Panicked); ok {
		return &panicError{value: elsewhere.Value, stack: elsewhere.Stack}
	}
	return &panicError{value: cause, stack: debug.Stack()}
}

func (e *panicError) Error() string {
	line, _, _ := strings.Cut(fmt.Sprint(e.value), "\n")
	return "panic: " + line[:min(len(line), 300)]
}
