// Package telemetry sends traces over OTLP.
package telemetry

import (
	"context"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/trace"
)

// Start makes the tracer provider and the propagators. The exporter reads OTEL_EXPORTER_OTLP_ENDPOINT, and the
// resource OTEL_SERVICE_NAME. What it returns sends the last spans.
//
// propagation.TraceContext drops a whole tracestate if one of its keys is allowed by Level 2 of W3C Trace Context only,
// such as foo@. The README says more.
func Start(ctx context.Context) (func(context.Context) error, error) {
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return nil, err
	}
	provider := trace.NewTracerProvider(trace.WithBatcher(exporter, trace.WithBatchTimeout(500*time.Millisecond)))
	otel.SetTracerProvider(provider)
	otel.SetTextMapPropagator(propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{}))
	return provider.Shutdown, nil
}
