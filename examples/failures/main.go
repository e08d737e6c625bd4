// Failures explains why a pipeline failed. The flag -h explains how to use it.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/progress"
	"github.com/jedib0t/go-pretty/v6/text"

	"example.com/gitlabci"
	"example.com/gitlabci/examples/internal/console"
)

const usage = `Failures explains why a pipeline failed: which jobs failed, also in pipelines
that it started, and which tests and lines of their logs say why.

  failures [flags] PROJECT [PIPELINE]   such as group/app 1234
  failures -demo [flags]                on a fake GitLab, without any settings

Without PIPELINE, it is the newest one of -ref. Of a running pipeline, it
explains what has failed so far. Pipelines that the token may not read are left
out. The server is GITLAB_URL, https://gitlab.com by default, and the token
GITLAB_TOKEN. It needs the scope read_api.

Exit codes:
  0    all failures were explained, if there were any
  1    GitLab refused or could not be reached, or a log could not be read: the
       others are explained
  2    a flag or an argument is wrong
  130  interrupted

Flags:
`

func main() { console.Main(command) }

var command = console.Command("failures", run)

// settings are what the command line says.
type settings struct {
	project  gitlabci.ProjectID
	pipeline gitlabci.PipelineID // 0 is the newest one of ref
	ref      string
	lines    int
	demo     bool
}

func parse(args []string, out io.Writer) (*settings, error) {
	s := &settings{project: "group/app"}
	flags := flag.NewFlagSet("failures", flag.ContinueOnError)
	flags.StringVar(&s.ref, "ref", "main", "the `branch` or tag")
	flags.IntVar(&s.lines, "lines", 10, "how many lines of each job are shown, 20 at most")
	flags.BoolVar(&s.demo, "demo", false, "explain a pipeline of a fake GitLab")
	if err := console.Parse(flags, usage, args, out); err != nil {
		return nil, err
	}
	switch {
	case s.lines < 0:
		return nil, console.Usage("-lines %d is negative", s.lines)
	case flags.NArg() > 2 || flags.NArg() == 0 && !s.demo:
		return nil, console.Usage("name a project, and perhaps a pipeline, such as group/app 1234")
	case flags.NArg() > 0:
		s.project = gitlabci.ProjectID(flags.Arg(0))
	}
	if flags.NArg() < 2 {
		return s, nil
	}
	var err error
	s.pipeline, err = console.PipelineID(flags.Arg(1))
	return s, err
}

func run(ctx context.Context, args []string, out, notes io.Writer) error {
	s, err := parse(args, out)
	if err != nil {
		return err
	}
	n := console.NewNotes(notes)
	client, err := console.Connect(s.demo, fakeGitLab, n)
	if err != nil {
		return err
	}
	return s.explain(ctx, client, out, n)
}

// explain prints why the pipeline failed.
func (s *settings) explain(ctx context.Context, client *gitlabci.Client, out io.Writer, notes *console.Notes) error {
	pipeline, err := s.find(ctx, client)
	if err != nil {
		return err
	}
	bar := notes.NewBar("failed jobs", progress.UnitsDefault)
	failed, err := client.Pipelines.Failures(ctx, s.project, pipeline.ID, &gitlabci.FailuresOptions{Downstream: true})
	bar.End()
	if err != nil {
		return err
	}
	colored := console.WantsColors(out)
	fmt.Fprintf(out, "pipeline %d of %s: %s, %d jobs failed\n",
		pipeline.ID, console.Printable(pipeline.Ref), console.StatusText(pipeline.Status, colored), len(failed))
	if pipeline.YAMLErrors != "" {
		fmt.Fprintf(out, "the configuration is invalid: %s\n", console.Printable(pipeline.YAMLErrors))
	}
	unread := 0
	for _, failure := range failed {
		if failure.Err != nil {
			unread++
		}
		if err := s.print(out, failure, colored); err != nil {
			return err
		}
	}
	if in := console.InTime(bar.Took()); in != "" {
		notes.Print("the logs were read" + in)
	}
	if unread > 0 {
		return fmt.Errorf("%d of %d logs could not be read", unread, len(failed))
	}
	return nil
}

func (s *settings) find(ctx context.Context, client *gitlabci.Client) (*gitlabci.Pipeline, error) {
	if s.pipeline == 0 {
		return client.Pipelines.Find(ctx, s.project, &gitlabci.FindPipelineOptions{Ref: s.ref})
	}
	return client.Pipelines.Get(ctx, s.project, s.pipeline)
}

// print prints why a job failed.
func (s *settings) print(out io.Writer, failure *gitlabci.JobFailure, colored bool) error {
	job := failure.Job
	name, reason := console.Printable(job.Name), console.Printable(failure.Summary.Reason)
	if colored && reason != "" {
		reason = text.Bold.Sprint(reason)
	}
	if colored {
		name = text.FgRed.Sprint(name)
	}
	var lines strings.Builder
	fmt.Fprintf(&lines, "\n%s (%s): %s", name, console.Printable(job.Stage), console.Printable(string(failure.Reason)))
	if took := console.Took(job.Duration.Duration()); took != "" {
		fmt.Fprintf(&lines, " after %s", took)
	}
	fmt.Fprintf(&lines, "\n  %s\n", console.Printable(job.WebURL))
	if t := failure.TriggerJob; t != nil && t.DownstreamPipeline != nil {
		fmt.Fprintf(&lines, "  it started %s\n", console.Printable(t.DownstreamPipeline.WebURL))
	}
	if reason != "" {
		fmt.Fprintf(&lines, "  %s\n", reason)
	}
	for _, line := range failure.Lines[:min(s.lines, len(failure.Lines))] {
		fmt.Fprintf(&lines, "  | %s\n", console.Printable(strings.ReplaceAll(line, "\t", "    ")))
	}
	if failure.Err != nil {
		fmt.Fprintf(&lines, "  the log could not be read: %v\n", failure.Err)
	}
	_, err := io.WriteString(out, lines.String())
	return err
}
