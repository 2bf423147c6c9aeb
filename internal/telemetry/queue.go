package telemetry

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// spareQueue is by how much the SDK's own queue is longer than ours, so that it is never full, not even while Flush has put
// its markers into it: what it drops it counts where nobody can read it.
const spareQueue = 64

// queue is the SDK's batch processor with a limit of its own, before it, where a span that finds no place is counted. It is
// the exporter of that processor as well, so that it knows when places become free.
type queue struct {
	sdktrace.SpanProcessor
	exporter sdktrace.SpanExporter

	limit int64        // of held: a queue, and a batch that is being sent
	held  atomic.Int64 // spans that wait or are being sent

	lost, dropped            prometheus.Counter
	lostSpans, droppedSpans  atomic.Int64
	log                      *slog.Logger
	now                      func() time.Time
	warnedFull, warnedRefuse atomic.Int64 // unix nanoseconds
}

func newQueue(exporter sdktrace.SpanExporter, size int, registry prometheus.Registerer, log *slog.Logger) (*queue, error) {
	if size <= 0 {
		size = sdktrace.DefaultMaxQueueSize
	}
	q := &queue{
		exporter: exporter, log: log, now: time.Now,
		lost: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "honeydue_spans_lost_total", Help: "Spans that never arrived: the queue was full, or the collector did not take them.",
		}),
		dropped: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "honeydue_spans_dropped_total", Help: "Spans that were lost because the queue was full (OTEL_BSP_MAX_QUEUE_SIZE).",
		}),
	}
	if err := errors.Join(registry.Register(q.lost), registry.Register(q.dropped)); err != nil {
		return nil, err
	}
	q.SpanProcessor = sdktrace.NewBatchSpanProcessor(sending{q}, func(o *sdktrace.BatchSpanProcessorOptions) {
		o.MaxExportBatchSize = min(o.MaxExportBatchSize, size)
		q.limit = int64(size + o.MaxExportBatchSize)
		o.MaxQueueSize = int(q.limit) + spareQueue
	})
	return q, nil
}

// OnEnd takes a span if there is a place for it.
func (q *queue) OnEnd(s sdktrace.ReadOnlySpan) {
	switch {
	case !s.SpanContext().IsSampled():
	case q.held.Add(1) > q.limit:
		q.held.Add(-1)
		q.lose(1)
		q.droppedSpans.Add(1)
		q.dropped.Inc()
		q.warn(&q.warnedFull, "spans were lost: their queue is full; raise OTEL_BSP_MAX_QUEUE_SIZE, or sample fewer", slog.Int64("limit", q.limit))
	default:
		q.SpanProcessor.OnEnd(s)
	}
}

// Shutdown sends what waits; what is not sent when it returns is lost.
func (q *queue) Shutdown(ctx context.Context) error {
	err := q.SpanProcessor.Shutdown(ctx)
	q.lose(max(0, q.held.Swap(0)))
	return err
}

func (q *queue) lose(n int64) {
	q.lost.Add(float64(n))
	q.lostSpans.Add(n)
}

// logLost says at the end what was lost in all: a process that nobody scrapes has no other way.
func (q *queue) logLost(ctx context.Context) {
	if q == nil || q.lostSpans.Load() == 0 {
		return
	}
	q.log.WarnContext(ctx, "spans were lost in total", slog.Int64("spans", q.lostSpans.Load()), slog.Int64("of_a_full_queue", q.droppedSpans.Load()))
}

// warnEvery is how often the log says that spans are being lost; the counters know each one.
const warnEvery = time.Minute

func (q *queue) warn(warned *atomic.Int64, message string, attributes ...any) {
	now, last := q.now().UnixNano(), warned.Load()
	if (last == 0 || now-last >= int64(warnEvery)) && warned.CompareAndSwap(last, now) {
		q.log.Warn(message, attributes...)
	}
}

// sending is the queue as the exporter of its own processor. It ends the errors of exports here: otherwise the SDK would
// hand them to its global error handler.
type sending struct{ q *queue }

func (s sending) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	n := int64(len(spans)) // the SDK empties the slice afterwards
	err := s.q.exporter.ExportSpans(ctx, validText(spans))
	inTime := s.q.held.Add(-n) >= 0 // Shutdown has counted those that it did not wait for
	if err != nil && inTime {
		s.q.lose(n)
		s.q.warn(&s.q.warnedRefuse, "spans were lost: the collector did not take them", slog.Int64("spans", n), slog.Any("error", err))
	}
	return nil
}

func (s sending) Shutdown(ctx context.Context) error { return s.q.exporter.Shutdown(ctx) }
