package api

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"net/http"

	"github.com/exaring/otelpgx"
	"github.com/jackc/pgx/v5"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/honeydue/honeydue/internal/store"
)

// NewQueryTracer makes the SQL spans of a store.Config: named as the catalogue
// names its statements, without their text or arguments. store adds db.turns.
// Nil makes none.
func NewQueryTracer(tp trace.TracerProvider) pgx.QueryTracer {
	if tp == nil {
		return nil
	}
	return otelpgx.NewTracer(
		otelpgx.WithTracerProvider(tp),
		otelpgx.WithSpanNameFunc(store.StatementName),
		otelpgx.WithDisableSQLStatementInAttributes(),
		otelpgx.WithDisableConnectionDetailsInAttributes(),
	)
}

// name gives a request its trace id where nothing records spans: the caller's
// trace goes on, in the log as well, and no span is made for it.
func name(ctx context.Context, h http.Header, p propagation.TextMapPropagator) (context.Context, trace.SpanContext) {
	own := trace.SpanContextConfig{SpanID: newSpanID()}
	if len(h["Traceparent"]) > 0 {
		ctx = p.Extract(ctx, propagation.HeaderCarrier(h))
		if callers := trace.SpanContextFromContext(ctx); callers.IsValid() {
			own.TraceID, own.TraceFlags, own.TraceState = callers.TraceID(), callers.TraceFlags(), callers.TraceState()
		}
	}
	if !own.TraceID.IsValid() {
		own.TraceID = newTraceID()
	}
	span := trace.NewSpanContext(own)
	return trace.ContextWithSpanContext(ctx, span), span
}

// Ids name requests and guard nothing: they are drawn as the SDK draws them.

func newTraceID() (id trace.TraceID) {
	binary.NativeEndian.PutUint64(id[:8], rand.Uint64()) //nolint:gosec // as above
	binary.NativeEndian.PutUint64(id[8:], rand.Uint64()) //nolint:gosec // as above
	return id
}

func newSpanID() (id trace.SpanID) {
	binary.NativeEndian.PutUint64(id[:], rand.Uint64()) //nolint:gosec // as above
	return id
}
