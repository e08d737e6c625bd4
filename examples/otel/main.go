// Otel shows the requests of a client as spans of OpenTelemetry, while it reads a pipeline.
// What a program of your own needs is in telemetry.go. The flag -h explains how to use it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"example.com/gitlabci"
	"example.com/gitlabci/examples/internal/console"
)

const usage = `Otel reads the jobs of a pipeline, the logs of those that failed and the archives of
all, and shows each request as a span. A retry is a span of its own, a wait an event.

	otel [flags] PROJECT PIPELINE   such as group/app 1234
	otel -demo                      on a fake GitLab, without any settings

The server is GITLAB_URL, https://gitlab.com by default, and the token GITLAB_TOKEN. It
needs the scope read_api. With OTEL_EXPORTER_OTLP_ENDPOINT, such as http://localhost:4318,
the spans go to a collector as well.

Exit codes:
  0    all was read
  1    GitLab refused or could not be reached, or the collector did
  2    a flag or an argument is wrong
  130  interrupted; the spans until then are shown

Flags:
`

func main() { console.Main(command) }

// command runs the program and returns its exit code.
func command(ctx context.Context, args []string, out, notes io.Writer) int {
	return console.Code(ctx, "otel", run(ctx, args, out, notes), notes)
}

func run(ctx context.Context, args []string, out, notes io.Writer) error {
	flags := flag.NewFlagSet("otel", flag.ContinueOnError)
	demo := flags.Bool("demo", false, "read a pipeline of a fake GitLab")
	if err := console.Parse(flags, usage, args, out); err != nil {
		return err
	}
	kept := tracetest.NewInMemoryExporter()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(kept)) // a server takes WithBatcher and its collector
	client, project, pipeline, err := connect(*demo, flags.Args(), provider, console.NewNotes(notes))
	if err != nil {
		return err
	}
	err = read(ctx, provider.Tracer("otel"), client, project, pipeline)
	spans := kept.GetSpans()
	return errors.Join(err, show(out, spans), send(ctx, spans))
}

// send sends spans to the collector that the environment names, if it does.
func send(ctx context.Context, spans tracetest.SpanStubs) error {
	if os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT")+os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second) // an interrupt loses no spans
	defer cancel()
	collector, err := otlptracehttp.New(ctx)
	if err != nil {
		return err
	}
	return errors.Join(collector.ExportSpans(ctx, spans.Snapshots()), collector.Shutdown(ctx))
}

// connect returns a client whose requests are spans, and what it shall read.
func connect(demo bool, args []string, provider trace.TracerProvider, notes *console.Notes) (*gitlabci.Client, gitlabci.ProjectID, gitlabci.PipelineID, error) {
	options := traced(provider, notes.Wait)
	if demo && len(args) == 0 {
		srv, pipeline := fakeServer()
		return srv.Client(options...), "group/app", pipeline, nil
	}
	if demo || len(args) != 2 {
		return nil, "", 0, console.Usage("name a project and a pipeline, such as group/app 1234")
	}
	pipeline, err := strconv.ParseInt(args[1], 10, 64)
	if err != nil || pipeline < 1 {
		return nil, "", 0, console.Usage("%q is not the ID of a pipeline", args[1])
	}
	client, err := gitlabci.NewClientFromEnv(options...)
	if err != nil {
		return nil, "", 0, console.Usage("%w", err)
	}
	return client, gitlabci.ProjectID(args[0]), gitlabci.PipelineID(pipeline), nil
}

// read reads a pipeline in a span of its own.
func read(ctx context.Context, tracer trace.Tracer, client *gitlabci.Client, project gitlabci.ProjectID, pipeline gitlabci.PipelineID) (err error) {
	ctx, span := tracer.Start(ctx, fmt.Sprintf("read pipeline %d", pipeline))
	defer func() {
		if err != nil {
			span.SetStatus(codes.Error, err.Error()) // which has no secrets
		}
		span.End()
	}()
	for job, err := range client.Jobs.AllForPipeline(ctx, project, pipeline, nil) {
		if err != nil {
			return err
		}
		if job.Status == gitlabci.StatusFailed {
			log, err := client.Jobs.Log(ctx, project, job.ID)
			if err := discard(log, err); err != nil {
				return err
			}
		}
		if job.ArtifactsFile != nil {
			archive, err := client.Artifacts.Open(ctx, project, job.ID, nil)
			if err := discard(archive, err); err != nil {
				return err
			}
		}
	}
	return nil
}

// discard reads what was opened, unless that failed.
func discard(file io.ReadCloser, err error) error {
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = io.Copy(io.Discard, file)
	return err
}
