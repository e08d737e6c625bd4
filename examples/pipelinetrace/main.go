// Pipelinetrace sends a finished pipeline to a collector of OpenTelemetry, as a trace of its
// stages, jobs and sections of logs. The flag -h explains how to use it.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"github.com/jedib0t/go-pretty/v6/progress"

	"example.com/gitlabci"
	"example.com/gitlabci/examples/internal/console"
)

const usage = `Pipelinetrace sends a finished pipeline to a collector of OpenTelemetry as a trace: the
pipeline, its stages, their jobs with earlier attempts, and the sections of their logs.
Pipelines that it started are below their trigger jobs. IDs follow from those of GitLab, so
that a pipeline that is sent twice is the same trace.

	pipelinetrace [flags] PROJECT PIPELINE   such as group/app 1234
	pipelinetrace -demo                      of a fake GitLab, without any settings

The collector is OTEL_EXPORTER_OTLP_ENDPOINT, http://localhost:4318 by default; -demo and
-print show the spans, and send them only if it is set. The server is GITLAB_URL,
https://gitlab.com by default, and the token GITLAB_TOKEN. It needs the scope read_api.
What it may not read is left out, and a line on stderr says so.

Exit codes:
  0    the trace was sent
  1    the pipeline has not finished, or GitLab or the collector refused or could not be
       reached; the collector may have a part of the trace
  2    a flag or an argument is wrong
  130  interrupted, likewise

Flags:
`

func main() { console.Main(command) }

// command runs the program and returns its exit code.
func command(ctx context.Context, args []string, out, notes io.Writer) int {
	return console.Code(ctx, "pipelinetrace", run(ctx, args, out, notes), notes)
}

// settings are what the command line says.
type settings struct {
	project                   gitlabci.ProjectID
	pipeline                  gitlabci.PipelineID
	demo, print, wait, noLogs bool
}

func parse(args []string, out io.Writer) (*settings, error) {
	s := &settings{}
	flags := flag.NewFlagSet("pipelinetrace", flag.ContinueOnError)
	flags.BoolVar(&s.demo, "demo", false, "show a pipeline of a fake GitLab")
	flags.BoolVar(&s.print, "print", false, "show the spans")
	flags.BoolVar(&s.wait, "wait", false, "wait until the pipeline has finished")
	flags.BoolVar(&s.noLogs, "no-logs", false, "without the sections of logs: a request less for each job")
	if err := console.Parse(flags, usage, args, out); err != nil {
		return nil, err
	}
	if s.demo && flags.NArg() == 0 {
		return s, nil
	}
	if s.demo || flags.NArg() != 2 {
		return nil, console.Usage("name a project and a pipeline, such as group/app 1234")
	}
	id, err := strconv.ParseInt(flags.Arg(1), 10, 64)
	if err != nil || id < 1 {
		return nil, console.Usage("%q is not the ID of a pipeline", flags.Arg(1))
	}
	s.project, s.pipeline = gitlabci.ProjectID(flags.Arg(0)), gitlabci.PipelineID(id)
	return s, nil
}

func run(ctx context.Context, args []string, out, notes io.Writer) error {
	s, err := parse(args, out)
	if err != nil {
		return err
	}
	r := &reader{notes: console.NewNotes(notes), logs: !s.noLogs}
	if s.demo {
		r.client, s.project, s.pipeline = fakePipeline()
	} else if r.client, err = gitlabci.NewClientFromEnv(gitlabci.WithHooks(gitlabci.Hooks{OnWait: r.notes.Wait})); err != nil {
		return console.Usage("%w", err)
	}
	if s.wait {
		if _, err := r.client.Pipelines.Wait(ctx, s.project, s.pipeline, nil); err != nil {
			return err
		}
	}
	r.bar = r.notes.NewBar("logs", progress.UnitsDefault)
	root, err := r.read(ctx, s.project, s.pipeline)
	r.bar.End()
	if err != nil {
		return err
	}
	if s.demo || s.print {
		if err := show(out, root); err != nil {
			return err
		}
		if os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT")+os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") == "" {
			return nil
		}
	}
	began := time.Now()
	spans := makeSpans(root)
	if err := send(ctx, spans); err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "trace %s: %d spans, read in %v, sent in %v\n",
		spans[0].SpanContext.TraceID(), len(spans), r.bar.Took(), time.Since(began).Round(10*time.Millisecond))
	return err
}
