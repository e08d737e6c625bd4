package main

import (
	"context"
	"crypto/sha256"
	"slices"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"example.com/gitlabci"
)

type keyOf struct{} // of the span that begins, in its context

// ids are hashes of keys.
type ids struct{}

func (ids) NewIDs(ctx context.Context) (trace.TraceID, trace.SpanID) {
	sum := sha256.Sum256([]byte("trace of " + ctx.Value(keyOf{}).(string)))
	id := trace.TraceID(sum[:16])
	return id, ids{}.NewSpanID(ctx, id)
}

func (ids) NewSpanID(ctx context.Context, _ trace.TraceID) trace.SpanID {
	sum := sha256.Sum256([]byte(ctx.Value(keyOf{}).(string)))
	return trace.SpanID(sum[:8])
}

// makeSpans makes a span of each node, the root's first.
func makeSpans(root *node) tracetest.SpanStubs {
	kept := tracetest.NewInMemoryExporter()
	provider := sdktrace.NewTracerProvider(
		sdktrace.WithSyncer(kept), sdktrace.WithSampler(sdktrace.AlwaysSample()), sdktrace.WithIDGenerator(ids{}),
		sdktrace.WithResource(resource.NewSchemaless(attribute.String("service.name", "gitlab-ci"))),
	)
	begin(context.Background(), provider.Tracer("pipelinetrace"), root)
	spans := kept.GetSpans()
	slices.Reverse(spans)
	return spans
}

func begin(ctx context.Context, tracer trace.Tracer, n *node) {
	ctx = context.WithValue(ctx, keyOf{}, n.key)
	ctx, span := tracer.Start(ctx, n.name, trace.WithTimestamp(n.start), trace.WithAttributes(n.attributes...))
	if n.status != "" {
		span.SetAttributes(attribute.String(resultKey(n), result(n.status)))
	}
	if n.status == gitlabci.StatusFailed {
		span.SetStatus(codes.Error, "")
	}
	for _, child := range n.children {
		begin(ctx, tracer, child)
	}
	if n.end.Before(n.start) { // clocks differ
		n.end = n.start
	}
	span.End(trace.WithTimestamp(n.end))
}

// resultKey is where OpenTelemetry's conventions have the result of a pipeline or a job.
func resultKey(n *node) string {
	if n.attributes[0].Key == "cicd.pipeline.run.id" {
		return "cicd.pipeline.result"
	}
	return "cicd.pipeline.task.run.result"
}

func result(status gitlabci.Status) string {
	switch status {
	case gitlabci.StatusFailed:
		return "failure"
	case gitlabci.StatusCanceled:
		return "cancellation"
	case gitlabci.StatusSkipped:
		return "skip"
	default:
		return string(status)
	}
}
