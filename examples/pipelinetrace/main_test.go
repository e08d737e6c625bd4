package main

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jedib0t/go-pretty/v6/progress"
	coltrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"example.com/gitlabci"
	"example.com/gitlabci/examples/internal/console"
	"example.com/gitlabci/examples/internal/console/consoletest"
	"example.com/gitlabci/gitlabcitest"
)

// A collector keeps the spans that it receives by OTLP.
type collector struct {
	mu     sync.Mutex
	status int
	spans  []*tracepb.Span
}

func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var export coltrace.ExportTraceServiceRequest
	body, err := io.ReadAll(r.Body)
	if err != nil || r.URL.Path != "/v1/traces" || proto.Unmarshal(body, &export) != nil {
		c.status = http.StatusUnprocessableEntity
	}
	for _, one := range export.ResourceSpans {
		for _, scope := range one.ScopeSpans {
			c.spans = append(c.spans, scope.Spans...)
		}
	}
	w.WriteHeader(c.status)
}

// collect starts a collector that responds with the status.
func collect(t *testing.T, status int) *collector {
	c := &collector{status: status}
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	t.Setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "")
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", server.URL)
	t.Setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "none")
	return c
}

// outline has a line for each span, below its parent, with when it began and ended in
// seconds after the first one.
func (c *collector) outline() string {
	var out strings.Builder
	slices.SortStableFunc(c.spans, func(a, b *tracepb.Span) int { return int(a.StartTimeUnixNano) - int(b.StartTimeUnixNano) })
	var below func(parent []byte, depth int)
	below = func(parent []byte, depth int) {
		for _, span := range c.spans {
			if bytes.Equal(span.ParentSpanId, parent) {
				after := func(at uint64) float64 { return time.Duration(at - c.spans[0].StartTimeUnixNano).Seconds() }
				fmt.Fprintf(&out, "%s%s %v-%v", strings.Repeat(" ", depth), span.Name, after(span.StartTimeUnixNano), after(span.EndTimeUnixNano))
				if span.Status.GetCode() == tracepb.Status_STATUS_CODE_ERROR {
					out.WriteString(" failed")
				}
				out.WriteString("\n")
				below(span.SpanId, depth+1)
			}
		}
	}
	below(nil, 0)
	return out.String()
}

const outline = `pipeline 2101 0-420
 build 5-90
  image 5-90
   prepare_executor 5-11
   get_sources 11-15
   step_script 15-90
 test 95-420
  unit 95-130 failed
   prepare_executor 95-101
   get_sources 101-105
   step_script 105-130
  unit 140-178
   prepare_executor 140-146
   get_sources 146-150
   step_script 150-178
  end to end 180-420
   pipeline 2102 180-420
    browser 190-415
     checkout 190-415
      prepare_executor 190-196
      get_sources 196-200
      step_script 200-415
`

// A collector receives each job where it belongs, and the same IDs when it is sent twice.
func TestOTLP(t *testing.T) {
	c := collect(t, http.StatusOK)
	ids := map[string]bool{}
	for range 2 {
		c.spans = nil
		var out, notes bytes.Buffer
		if code := command(t.Context(), []string{"-demo"}, &out, &notes); code != 0 || notes.Len() > 0 {
			t.Fatalf("the exit code is %d: %s", code, &notes)
		}
		if got := c.outline(); got != outline {
			t.Errorf("the collector got:\n%s", got)
		}
		for _, span := range c.spans {
			ids[hex.EncodeToString(span.TraceId)+hex.EncodeToString(span.SpanId)] = true
		}
		if want := fmt.Sprintf("trace %x: 22 spans, ", c.spans[0].TraceId); !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in:\n%s", want, &out)
		}
	}
	if len(ids) != 22 {
		t.Errorf("there are %d IDs", len(ids))
	}
	attributes := fmt.Sprint(c.spans)
	for _, want := range []string{"cicd.pipeline.task.run.result", "failure", "script_failure", "gitlab.job.retried", "vcs.ref.head.name", "exit code 1"} {
		if !strings.Contains(attributes, want) {
			t.Errorf("%q is missing", want)
		}
	}
}

func TestExitCodes(t *testing.T) {
	consoletest.SetEnv(t, consoletest.WrongURL, "")
	collect(t, http.StatusBadRequest)
	consoletest.ExitCodes(t, command, map[string]int{"-h": 0, "": 2, "a": 2, "a b": 2, "a 0": 2, "a 1": 2, "-demo a 1": 2, "-nonsense": 2})
	var out, notes bytes.Buffer
	if code := command(t.Context(), []string{"-demo"}, &out, &notes); code != 1 || notes.Len() == 0 {
		t.Errorf("if the collector refuses, the exit code is %d: %s%s", code, &out, &notes)
	}
	consoletest.Interrupted(t, command, "-demo")
}

// Jobs that may not be read or never ran are left out. A running pipeline is refused.
func TestLeftOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := gitlabcitest.NewServer()
		srv.AddUser(gitlabcitest.User{Username: "noor"})
		srv.AddMember("group/app", "noor", gitlabcitest.RoleReporter)
		pipeline := srv.AddPipeline("group/app", gitlabcitest.Pipeline{Status: gitlabci.StatusFailed})
		pipeline.AddJob(gitlabcitest.Job{Name: "debug", Stage: "test", Debug: true, Log: "section_start:1:step_script\r\x1b[0K\n"})
		pipeline.AddJob(gitlabcitest.Job{Name: "deploy", Stage: "deploy", Status: gitlabci.StatusSkipped})
		srv.AddProject("group/hidden")
		hidden := srv.AddPipeline("group/hidden", gitlabcitest.Pipeline{})
		pipeline.AddTriggerJob(gitlabcitest.Job{Name: "downstream", Stage: "test", Downstream: hidden})
		running := srv.AddPipeline("group/app", gitlabcitest.Pipeline{Status: gitlabci.StatusRunning})
		token := srv.AddToken(gitlabcitest.Token{Username: "noor"})
		var notes, out bytes.Buffer
		n := console.NewNotes(&notes)
		r := &reader{client: srv.Client(gitlabci.WithToken(token)), notes: n, bar: n.NewBar("logs", progress.UnitsDefault), logs: true}
		root, err := r.read(t.Context(), "group/app", pipeline.ID)
		if err != nil {
			t.Fatal(err)
		}
		if err := show(&out, root); err != nil {
			t.Fatal(err)
		}
		for _, absent := range []string{"deploy", "step_script"} {
			if strings.Contains(out.String(), absent) {
				t.Errorf("%q is in:\n%s", absent, &out)
			}
		}
		for _, want := range []string{"the log of job 1001 is left out", fmt.Sprintf("pipeline %d is left out", hidden.ID)} {
			if !strings.Contains(notes.String(), want) {
				t.Errorf("%q is missing in:\n%s%s", want, &notes, &out)
			}
		}
		for _, span := range makeSpans(root) {
			if span.EndTime.Before(span.StartTime) || span.StartTime.IsZero() {
				t.Errorf("%s takes from %v to %v", span.Name, span.StartTime, span.EndTime)
			}
		}
		if _, err := r.read(t.Context(), "group/app", running.ID); err == nil || !strings.Contains(err.Error(), "see -wait") {
			t.Errorf("of a pipeline that runs, the error is %v", err)
		}
	})
}
