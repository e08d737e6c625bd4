// Otel shows the requests of a client as spans of OpenTelemetry, while it reads a pipeline.
// What a program of your own needs is in telemetry.go. The flag -h explains how to use it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"time"

	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"example.com/gitlabci"
	"example.com/gitlabci/examples/internal/console"
	"example.com/gitlabci/examples/internal/otlp"
)

const usage = `Otel reads the jobs of a pipeline, the logs of those that failed and the
archives of all, and shows each request as a span. A retry is a span of its own,
a wait an event.

	otel PROJECT PIPELINE   such as group/app 1234
	otel -demo              on a fake GitLab, without any settings

The server is GITLAB_URL, https://gitlab.com by default, and the token
GITLAB_TOKEN. It needs the scope read_api. The spans also go to the collector
OTEL_EXPORTER_OTLP_ENDPOINT, such as http://localhost:4318, if it is set.

Exit codes:
  0    all was read
  1    GitLab or the collector refused or could not be reached
  2    a flag or an argument is wrong
  130  interrupted; the spans until then are shown

Flags:
`

func main() { console.Main(command) }

var command = console.Command("otel", run)

func run(ctx context.Context, args []string, out, notes io.Writer) error {
	flags := flag.NewFlagSet("otel", flag.ContinueOnError)
	demo := flags.Bool("demo", false, "read a pipeline of a fake GitLab")
	project, pipeline, err := console.ParsePipeline(flags, usage, args, out)
	if err != nil {
		return err
	}
	kept := tracetest.NewInMemoryExporter()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(kept)) // a server takes WithBatcher and its collector
	_, n, stop := console.Clock("reading", notes, notes)
	options := traced(provider, n.Wait)
	var client *gitlabci.Client
	if *demo {
		srv, failed := fakeGitLab()
		client, project, pipeline = srv.Client(options...), "group/app", failed
	} else if client, err = gitlabci.NewClientFromEnv(options...); err != nil {
		return errors.Join(console.Usage("%w", err), stop())
	}
	err = errors.Join(read(ctx, provider.Tracer("otel"), client, project, pipeline), stop())
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second) // an interrupt loses no spans
	defer cancel()
	_, sendErr := otlp.Send(ctx, kept.GetSpans())
	return errors.Join(err, show(out, kept.GetSpans()), sendErr)
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
