package otlp_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"example.com/gitlabci/examples/internal/otlp"
)

// A collector gets the spans. That it refuses them is an error.
func TestSend(t *testing.T) {
	var received atomic.Int64
	status := http.StatusOK
	collector := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if body, err := io.ReadAll(r.Body); err == nil && r.URL.Path == "/v1/traces" && bytes.Contains(body, []byte("GET storage")) {
			received.Add(1)
		}
		w.WriteHeader(status)
	}))
	defer collector.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "")
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.URL)
	t.Setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "none")
	spans := tracetest.SpanStubs{{Name: "GET storage"}}
	if sent, err := otlp.Send(t.Context(), spans); !sent || err != nil || received.Load() != 1 {
		t.Errorf("the error is %v, the collector got %d exports", err, received.Load())
	}
	status = http.StatusBadRequest
	if _, err := otlp.Send(t.Context(), spans); err == nil {
		t.Error("spans that the collector refuses are no error")
	}
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "")
	if sent, err := otlp.Send(t.Context(), spans); sent || err != nil {
		t.Errorf("without a collector, spans are sent: %v", err)
	}
}
