package store

import (
	"context"
	"net"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/honeydue/honeydue/internal/link"
)

// TurnsAttribute is the span attribute that carries a statement's DB turns.
const TurnsAttribute = attribute.Key("db.turns")

// poolTracer stands around the configured tracer (which may be nil), writes
// each statement's turns on its span before that tracer ends it, and reports
// failed connects: pgxpool itself drops the error of a background connect.
type poolTracer struct {
	query         pgx.QueryTracer
	connect       pgx.ConnectTracer
	acquire       pgxpool.AcquireTracer
	connectFailed func(error)
	opened        atomic.Int64 // connections
}

type turnsBeforeKey struct{}

func newPoolTracer(inner pgx.QueryTracer, connectFailed func(error)) *poolTracer {
	t := &poolTracer{query: inner, connectFailed: connectFailed}
	t.connect, _ = inner.(pgx.ConnectTracer)
	t.acquire, _ = inner.(pgxpool.AcquireTracer)
	return t
}

func (t *poolTracer) TraceQueryStart(ctx context.Context, conn *pgx.Conn, d pgx.TraceQueryStartData) context.Context {
	if t.query == nil {
		return ctx
	}
	ctx = t.query.TraceQueryStart(ctx, conn, d)
	return context.WithValue(ctx, turnsBeforeKey{}, turnsOf(conn.PgConn().Conn()))
}

func (t *poolTracer) TraceQueryEnd(ctx context.Context, conn *pgx.Conn, d pgx.TraceQueryEndData) {
	if t.query == nil {
		return
	}
	if before, ok := ctx.Value(turnsBeforeKey{}).(int64); ok {
		trace.SpanFromContext(ctx).SetAttributes(TurnsAttribute.Int64(turnsOf(conn.PgConn().Conn()) - before))
	}
	t.query.TraceQueryEnd(ctx, conn, d)
}

func (t *poolTracer) TraceConnectStart(ctx context.Context, d pgx.TraceConnectStartData) context.Context {
	if t.connect == nil {
		return ctx
	}
	return t.connect.TraceConnectStart(ctx, d)
}

func (t *poolTracer) TraceConnectEnd(ctx context.Context, d pgx.TraceConnectEndData) {
	if d.Err != nil {
		t.connectFailed(d.Err)
	} else {
		t.opened.Add(1)
	}
	if t.connect != nil {
		t.connect.TraceConnectEnd(ctx, d)
	}
}

func (t *poolTracer) TraceAcquireStart(ctx context.Context, p *pgxpool.Pool, d pgxpool.TraceAcquireStartData) context.Context {
	if t.acquire == nil {
		return ctx
	}
	return t.acquire.TraceAcquireStart(ctx, p, d)
}

func (t *poolTracer) TraceAcquireEnd(ctx context.Context, p *pgxpool.Pool, d pgxpool.TraceAcquireEndData) {
	if t.acquire != nil {
		t.acquire.TraceAcquireEnd(ctx, p, d)
	}
}

// turnsOf is the connection's turn count, 0 when it is not metered.
func turnsOf(c net.Conn) int64 {
	if m, ok := link.Of(c); ok {
		return m.Turns()
	}
	return 0
}
