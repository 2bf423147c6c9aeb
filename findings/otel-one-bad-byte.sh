#!/usr/bin/env bash
# OpenTelemetry for Go: one attribute with a byte that is not UTF-8, such as a User-Agent in Latin-1 that otelhttp or otelgin
# records, loses every span of its export, up to 512 of other requests. Nothing is sent, and Shutdown returns no error:
# only the global error handler hears of it.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat >main.go <<'GO'
package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/trace"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"
)

// export ends 100 good spans and one with that User-Agent, and counts what arrives.
func export(agent string) (arrived int, shutdown error) {
	ctx := context.Background()
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var message collector.ExportTraceServiceRequest
		if err := proto.Unmarshal(body, &message); err != nil {
			fmt.Println(err)
		}
		for _, resource := range message.ResourceSpans {
			for _, scope := range resource.ScopeSpans {
				arrived += len(scope.Spans)
			}
		}
	}))
	defer server.Close()
	exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(server.URL+"/v1/traces"))
	if err != nil {
		fmt.Println(err)
		os.Exit(2)
	}
	provider := trace.NewTracerProvider(trace.WithBatcher(exporter))
	for range 100 {
		_, span := provider.Tracer("finding").Start(ctx, "request")
		span.SetAttributes(attribute.String("user_agent.original", "curl"))
		span.End()
	}
	_, span := provider.Tracer("finding").Start(ctx, "request")
	span.SetAttributes(attribute.String("user_agent.original", agent))
	span.End()
	shutdown = provider.Shutdown(ctx)
	return arrived, shutdown
}

func main() {
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { fmt.Println("error handler:", err) }))
	good, _ := export("caf\u00e9")
	bad, err := export("caf\xe9")
	fmt.Printf("101 spans, all in UTF-8: %d arrive\n101 spans, one User-Agent in Latin-1: %d arrive, Shutdown returns %v\n", good, bad, err)
	if good != 101 || bad != 0 || err != nil {
		fmt.Println("CHANGED: a text that is not UTF-8 is treated otherwise")
		os.Exit(1)
	}
	fmt.Println("as found: one byte loses all of them")
}
GO
go mod init example.org/finding >/dev/null 2>&1
go get go.opentelemetry.io/otel@v1.47.0 go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp@v1.47.0 go.opentelemetry.io/otel/sdk@v1.47.0 >/dev/null 2>&1
go list -m go.opentelemetry.io/otel go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp go.opentelemetry.io/otel/sdk
go mod tidy >/dev/null 2>&1
go run .
