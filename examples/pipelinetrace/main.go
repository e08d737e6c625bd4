// Pipelinetrace sends a finished pipeline to a collector of OpenTelemetry, as a trace of its
// stages, jobs and sections of logs. The flag -h explains how to use it.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"time"

	"github.com/jedib0t/go-pretty/v6/progress"

	"example.com/gitlabci/examples/internal/console"
	"example.com/gitlabci/examples/internal/otlp"
)

const usage = `Pipelinetrace shows a finished pipeline as a trace of OpenTelemetry, and sends
it to a collector: the pipeline, its stages, their jobs with earlier attempts,
and the sections of their logs. Downstream pipelines are below their trigger
jobs. IDs follow from those of GitLab: a pipeline that is sent twice is the same
trace.

	pipelinetrace [flags] PROJECT PIPELINE   such as group/app 1234
	pipelinetrace -demo                      on a fake GitLab

The collector is OTEL_EXPORTER_OTLP_ENDPOINT, such as http://localhost:4318. The
server is GITLAB_URL, https://gitlab.com by default, and the token GITLAB_TOKEN.
It needs the scope read_api. What it may not read is left out, and a line on
stderr says so.

Exit codes:
  0    the trace was shown, and sent if there is a collector
  1    the pipeline has not finished, or GitLab or the collector refused or
       could not be reached; the collector may have a part of the trace
  2    a flag or an argument is wrong
  130  interrupted; the collector may have a part of the trace

Flags:
`

func main() { console.Main(command) }

var command = console.Command("pipelinetrace", run)

func run(ctx context.Context, args []string, out, notes io.Writer) error {
	flags := flag.NewFlagSet("pipelinetrace", flag.ContinueOnError)
	demo := flags.Bool("demo", false, "show a pipeline of a fake GitLab")
	wait := flags.Bool("wait", false, "wait until the pipeline has finished")
	noLogs := flags.Bool("no-logs", false, "without sections: a request less for each job")
	project, pipeline, err := console.ParsePipeline(flags, usage, args, out)
	if err != nil {
		return err
	}
	if *demo {
		project, pipeline = "group/app", demoPipeline
	}
	n := console.NewNotes(notes)
	client, err := console.Connect(*demo, fakeGitLab, n)
	if err != nil {
		return err
	}
	if *wait {
		n.Print(fmt.Sprintf("waiting for pipeline %d", pipeline))
		if _, err := client.Pipelines.Wait(ctx, project, pipeline, nil); err != nil {
			return err
		}
	}
	r := &reader{client: client, notes: n, bar: n.NewBar("logs", progress.UnitsDefault), logs: !*noLogs}
	root, err := r.read(ctx, project, pipeline)
	r.bar.End()
	if err != nil {
		return err
	}
	if err := show(out, root); err != nil {
		return err
	}
	began, spans := time.Now(), makeSpans(root)
	if sent, err := otlp.Send(ctx, spans); err != nil || !sent {
		return err
	}
	_, err = fmt.Fprintf(out, "trace %s: %d spans, read%s, sent%s\n",
		spans[0].SpanContext.TraceID(), len(spans), console.InTime(r.bar.Took()), console.InTime(time.Since(began).Round(time.Second/10)))
	return err
}
