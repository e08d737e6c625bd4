package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"example.com/gitlabci"
	"example.com/gitlabci/examples/internal/console/consoletest"
	"example.com/gitlabci/gitlabcitest"
)

// recorded reads the demo's pipeline, and returns its spans in the order of their ends.
func recorded(t *testing.T, more ...gitlabci.Option) (tracetest.SpanStubs, *gitlabcitest.Server) {
	kept := tracetest.NewInMemoryExporter()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(kept))
	srv, pipeline := fakeGitLab()
	client := srv.Client(append(more, traced(provider, func(context.Context, gitlabci.WaitInfo) {})...)...)
	if err := read(t.Context(), provider.Tracer("test"), client, "group/app", pipeline); err != nil {
		t.Error(err)
	}
	return kept.GetSpans(), srv
}

// Each attempt is a span below the caller's, with its attributes, and each wait an event.
func TestSpans(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spans, _ := recorded(t)
		var got []string
		root := spans[len(spans)-1]
		for _, span := range spans[:len(spans)-1] {
			if span.Parent.SpanID() != root.SpanContext.SpanID() {
				t.Errorf("%s is not below the span of the caller", span.Name)
			}
			line := span.Name
			for _, key := range []string{"http.response.status_code", "error.type", "http.request.resend_count"} {
				for _, one := range span.Attributes {
					if string(one.Key) == key {
						line += fmt.Sprintf(" %s=%s", key[strings.LastIndexAny(key, "._")+1:], one.Value.String())
					}
				}
			}
			if failed := strings.Contains(line, "type="); failed != (span.Status.Code == codes.Error) {
				t.Errorf("%s: its status is %v", line, span.Status)
			}
			got = append(got, line)
		}
		want := []string{
			"GET /projects/:id/pipelines/:pipeline_id/jobs code=200",
			"GET /projects/:id/jobs/:job_id/artifacts code=429 type=429",
			"GET /projects/:id/jobs/:job_id/artifacts code=302 count=1",
			"GET storage code=200 count=1", // the second attempt leads there
			"GET /projects/:id/jobs/:job_id/trace code=503 type=503",
			"GET /projects/:id/jobs/:job_id/trace code=200 count=1",
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("the spans are:\n%s", strings.Join(got, "\n"))
		}
		if len(root.Events) != 2 || value(root.Events[1].Attributes, "gitlab.wait.seconds") == "" {
			t.Errorf("the events are %+v", root.Events)
		}
	})
}

// No token and no signature is in any span, whatever fails.
func TestSecrets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		signed := atomic.Bool{}
		spans, srv := recorded(t, gitlabci.WithMiddleware(func(next http.RoundTripper) http.RoundTripper {
			return tripper(func(r *http.Request) (*http.Response, error) {
				signed.Store(signed.Load() || r.URL.Hostname() == "storage.example.com" && r.URL.RawQuery != "")
				return next.RoundTrip(r)
			})
		}))
		if !signed.Load() {
			t.Error("no request to the storage was signed")
		}
		printed := fmt.Sprintf("%+v", spans)
		if !strings.Contains(printed, "https://storage.example.com/") {
			t.Errorf("the storage is missing in %s", printed)
		}
		for _, secret := range []string{srv.Token(), "?", "ignature"} {
			if strings.Contains(printed, secret) {
				t.Errorf("%q is in %s", secret, printed)
			}
		}
	})
}

type tripper func(*http.Request) (*http.Response, error)

func (f tripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// Requests to GitLab have the trace in a header, those to the storage do not.
func TestPropagation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sent := map[string]string{}
		spans, _ := recorded(t, gitlabci.WithMiddleware(func(next http.RoundTripper) http.RoundTripper {
			return tripper(func(r *http.Request) (*http.Response, error) {
				sent[r.URL.Hostname()] = r.Header.Get("Traceparent")
				return next.RoundTrip(r)
			})
		}))
		if parent := sent["localhost"]; !strings.HasPrefix(parent, "00-"+spans[0].SpanContext.TraceID().String()+"-") {
			t.Errorf("the server is sent %q", parent)
		}
		if parent, ok := sent["storage.example.com"]; !ok || parent != "" {
			t.Errorf("the storage is sent %q", parent)
		}
	})
}

func TestDemo(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "")
	t.Setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "")
	synctest.Test(t, func(t *testing.T) {
		var out, notes bytes.Buffer
		if code := command(t.Context(), []string{"-demo"}, &out, &notes); code != 0 || notes.Len() > 0 {
			t.Fatalf("the exit code is %d: %s", code, &notes)
		}
		for _, want := range []string{
			"/:job_id/artifacts      302 ", "   0 ms\n  · wait: rate limit ", "\n  GET storage ", " 120 ms\n",
		} {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%q is missing in:\n%s", want, &out)
			}
		}
		for line := range strings.Lines(out.String()) {
			if len([]rune(line)) > 81 {
				t.Errorf("a line is too long: %s", line)
			}
		}
	})
}

func TestExitCodes(t *testing.T) {
	consoletest.SetEnv(t, consoletest.WrongURL, "")
	consoletest.ExitCodes(t, command, map[string]int{"-h": 0, "": 2, "a b": 2, "a 0": 2, "a 1": 2, "-demo a": 2, "-nonsense": 2})
}

// The spans until an interrupt are shown and sent.
func TestInterrupted(t *testing.T) {
	var exports atomic.Int64
	collector := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { exports.Add(1) }))
	defer collector.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "")
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.URL)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	var out, notes bytes.Buffer
	if code := command(ctx, []string{"-demo"}, &out, &notes); code != 130 || exports.Load() != 1 || !strings.Contains(out.String(), "read pipeline") {
		t.Errorf("the exit code is %d, with %d exports: %s%s", code, exports.Load(), &out, &notes)
	}
}
