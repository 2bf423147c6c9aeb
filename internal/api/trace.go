package api

import (
	"github.com/exaring/otelpgx"
	"github.com/jackc/pgx/v5"
	"go.opentelemetry.io/otel/trace"

	"github.com/honeydue/honeydue/internal/store"
)

// NewQueryTracer makes the SQL spans of a store.Config: named as the catalogue
// names its statements, without their text or arguments. store adds db.turns.
func NewQueryTracer(tp trace.TracerProvider) pgx.QueryTracer {
	return otelpgx.NewTracer(
		otelpgx.WithTracerProvider(tp),
		otelpgx.WithSpanNameFunc(store.StatementName),
		otelpgx.WithDisableSQLStatementInAttributes(),
		otelpgx.WithDisableConnectionDetailsInAttributes(),
	)
}
