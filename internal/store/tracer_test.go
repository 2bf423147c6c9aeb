package store

import (
	"fmt"
	"slices"
	"testing"

	"github.com/exaring/otelpgx"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/honeydue/honeydue/internal/household"
	"github.com/honeydue/honeydue/internal/lab/labtest"
)

// TestASpanCarriesItsTurns: each statement's span lies under the caller's and
// says how many turns the statement took.
func TestASpanCarriesItsTurns(t *testing.T) {
	spans := tracetest.NewSpanRecorder()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))
	db := open(t, labtest.Database(t, Migrate), func(c *Config) {
		c.Tracer = otelpgx.NewTracer(otelpgx.WithTracerProvider(provider), otelpgx.WithSpanNameFunc(StatementName))
		c.ExecMode = "cache_describe" // two turns cold, one warm: so the figure is not a constant
		c.MaxConns, c.MinIdleConns = 1, 1
	})
	w := newWorld(t, db)
	ctx, request := provider.Tracer("test").Start(t.Context(), "request")
	for range 2 {
		check(t, drop(db.Task(ctx, w.owner.ID, w.task.ID)))
	}
	request.End()
	var turns []int64
	for _, s := range spans.Ended() {
		if s.Parent().SpanID() != request.SpanContext().SpanID() || s.SpanKind() != trace.SpanKindClient {
			continue
		}
		for _, a := range s.Attributes() {
			if a.Key == TurnsAttribute {
				if s.Name() != "task_get" {
					t.Errorf("the span is called %q", s.Name())
				}
				turns = append(turns, a.Value.AsInt64())
			}
		}
	}
	if len(turns) != 2 || turns[0] != 2 || turns[1] != 1 {
		t.Errorf("turns on the spans: %v, want [2 1]", turns)
	}
}

// TestAPipelineHasASpanForEachStatement: both under the caller's, in their order,
// and the one turn stands on the first.
func TestAPipelineHasASpanForEachStatement(t *testing.T) {
	spans := tracetest.NewSpanRecorder()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))
	db := open(t, labtest.Database(t, Migrate), func(c *Config) {
		c.Tracer = otelpgx.NewTracer(otelpgx.WithTracerProvider(provider), otelpgx.WithSpanNameFunc(StatementName))
	})
	w := newWorld(t, db)
	ctx, request := provider.Tracer("test").Start(t.Context(), "request")
	check(t, drop2(db.Board(ctx, w.token, at(), household.DueSoonDays)))
	check(t, drop2(db.Documents(ctx, w.token, Page{})))
	request.End()
	var got []string
	for _, s := range spans.Ended() {
		if s.Parent().SpanID() != request.SpanContext().SpanID() || s.SpanKind() != trace.SpanKindClient {
			continue
		}
		for _, a := range s.Attributes() {
			if a.Key == TurnsAttribute {
				got = append(got, fmt.Sprint(s.Name(), " ", a.Value.AsInt64()))
			}
		}
	}
	if want := []string{"task_board 1", "auth_lookup 0", "document_list 1", "auth_lookup 0"}; !slices.Equal(got, want) {
		t.Errorf("spans %v, want %v", got, want)
	}
}
