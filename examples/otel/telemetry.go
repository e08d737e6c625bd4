package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"example.com/gitlabci"
)

// traced returns the options of a client whose requests are spans: one for each attempt, until the
// header of its response. A wait is an event of the caller's span, and passed to notice: a
// client has one set of hooks.
func traced(provider trace.TracerProvider, notice func(context.Context, gitlabci.WaitInfo)) []gitlabci.Option {
	tracer := provider.Tracer("example.com/gitlabci")
	return []gitlabci.Option{
		gitlabci.WithMiddleware(func(next http.RoundTripper) http.RoundTripper { return &roundTripper{next, tracer} }),
		gitlabci.WithHooks(gitlabci.Hooks{OnWait: func(ctx context.Context, wait gitlabci.WaitInfo) {
			addWait(ctx, wait)
			notice(ctx, wait)
		}}),
	}
}

func addWait(ctx context.Context, wait gitlabci.WaitInfo) {
	trace.SpanFromContext(ctx).AddEvent("wait", trace.WithAttributes(
		attribute.String("gitlab.wait.reason", string(wait.Reason)),
		attribute.Float64("gitlab.wait.seconds", wait.Duration.Seconds()),
		attribute.String("http.request.method", wait.Request.Method),
		attribute.String("url.template", wait.Request.Endpoint),
	))
}

type roundTripper struct {
	next   http.RoundTripper
	tracer trace.Tracer
}

func (t *roundTripper) RoundTrip(r *http.Request) (*http.Response, error) {
	info, _ := gitlabci.RequestInfoFrom(r.Context())
	name := r.Method + " " + info.Endpoint
	if info.Storage {
		name = r.Method + " storage"
	}
	ctx, span := t.tracer.Start(r.Context(), name, trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(about(r, info)...))
	defer span.End()
	r = r.Clone(ctx)
	if !info.Storage { // it has no use for our trace, and its URL may sign the headers
		propagation.TraceContext{}.Inject(ctx, propagation.HeaderCarrier(r.Header))
	}
	response, err := t.next.RoundTrip(r)
	switch {
	case err != nil:
		failed(span, fmt.Sprintf("%T", err)) // its text can have a URL
	case response.StatusCode >= 400:
		failed(span, strconv.Itoa(response.StatusCode))
	}
	if err == nil {
		span.SetAttributes(attribute.Int("http.response.status_code", response.StatusCode))
		if id := response.Header.Get("X-Request-Id"); id != "" && !info.Storage {
			span.SetAttributes(attribute.String("gitlab.request_id", id)) // administrators find it in their logs
		}
	}
	return response, err
}

func failed(span trace.Span, kind string) {
	span.SetStatus(codes.Error, "")
	span.SetAttributes(attribute.String("error.type", kind))
}

// about returns the attributes that OpenTelemetry's conventions have for a request. Queries are left out: that of
// a storage is a signature.
func about(r *http.Request, info gitlabci.RequestInfo) []attribute.KeyValue {
	full := url.URL{Scheme: r.URL.Scheme, Host: r.URL.Host, Path: r.URL.Path, RawPath: r.URL.RawPath}
	attributes := []attribute.KeyValue{
		attribute.String("http.request.method", r.Method),
		attribute.String("server.address", r.URL.Hostname()),
		attribute.String("url.full", full.String()),
		attribute.String("url.template", info.Endpoint),
	}
	if info.Attempt > 1 {
		attributes = append(attributes, attribute.Int("http.request.resend_count", info.Attempt-1))
	}
	return attributes
}
