// Quickstart shows pipelines, tests, jobs, logs and artifacts. The flag -h explains how to
// use it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"

	"example.com/gitlabci"
	"example.com/gitlabci/examples/internal/console"
)

const usage = `Quickstart shows the newest pipelines of a project, and of one of them the
tests and the jobs, up to the first one with artifacts. Of that one, it shows
the log and downloads the artifacts.

	quickstart                   on a fake GitLab, without any settings
	quickstart [flags] PROJECT   such as group/app

The server is GITLAB_URL, https://gitlab.com by default, and the token
GITLAB_TOKEN. It needs the scope read_api, and for -write the scope api.

Exit codes:
  0    all was shown
  1    GitLab refused or could not be reached
  2    a flag or an argument is wrong
  130  interrupted

Flags:
`

func main() { console.Main(command) }

var command = console.Command("quickstart", run)

func run(ctx context.Context, args []string, out, notes io.Writer) error {
	flags := flag.NewFlagSet("quickstart", flag.ContinueOnError)
	write := flags.Bool("write", false, "start a pipeline on a real GitLab, too")
	ref := flags.String("ref", "main", "`branch` or tag of the new pipeline")
	demo := flags.Bool("demo", len(args) == 0, "show a fake GitLab, as without arguments")
	project, err := console.ParseProject(flags, usage, args, out)
	if err != nil {
		return err
	}
	if *demo {
		fmt.Fprintln(out, "On a fake GitLab; -h says how to use a real one.")
	}
	client, err := console.Connect(*demo, fakeGitLab, console.NewNotes(notes))
	if err != nil {
		return err
	}
	newest, err := list(ctx, out, client, project)
	if err == nil && (*write || *demo) {
		newest, err = create(ctx, out, client, project, *ref)
	}
	if err == nil && newest != 0 {
		err = errors.Join(report(ctx, out, client, project, newest), jobs(ctx, out, client, project, newest))
	}
	return err
}

// list prints a table and returns the newest pipeline's ID, or 0 without any.
func list(ctx context.Context, out io.Writer, client *gitlabci.Client, project gitlabci.ProjectID) (gitlabci.PipelineID, error) {
	page, err := client.Pipelines.List(ctx, project, nil)
	if err != nil || len(page.Items) == 0 {
		return 0, err
	}
	t := console.NewTable(map[int]int{2: 30})
	t.AppendHeader(table.Row{"pipeline", "ref", "status", "source", "updated"})
	for _, p := range page.Items {
		t.AppendRow(table.Row{p.ID, console.Printable(p.Ref), console.StatusText(p.Status, console.WantsColors(out)), p.Source, p.UpdatedAt.Format(time.DateTime)})
	}
	_, err = fmt.Fprintln(out, t.Render())
	return page.Items[0].ID, err
}

// create starts a pipeline, and returns its ID.
func create(ctx context.Context, out io.Writer, client *gitlabci.Client, project gitlabci.ProjectID, ref string) (gitlabci.PipelineID, error) {
	created, err := client.Pipelines.Create(ctx, project, ref, &gitlabci.CreatePipelineOptions{
		Variables: []*gitlabci.Variable{{Key: "GREETING", Value: "hello"}},
	})
	if err != nil {
		return 0, err
	}
	pipeline, err := client.Pipelines.Get(ctx, project, created.ID)
	if err != nil {
		return 0, err
	}
	fmt.Fprintf(out, "\nStarted pipeline %d on %s:\n%s\n", pipeline.ID, pipeline.Ref, pipeline.WebURL)
	variables, err := client.Pipelines.Variables(ctx, project, pipeline.ID)
	for _, v := range variables {
		fmt.Fprintf(out, "  with %s=%s\n", v.Key, v.Value)
	}
	return pipeline.ID, err
}

// report prints what the tests of a pipeline say.
func report(ctx context.Context, out io.Writer, client *gitlabci.Client, project gitlabci.ProjectID, pipeline gitlabci.PipelineID) error {
	tests, err := client.Pipelines.TestReport(ctx, project, pipeline)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "\ntests: %d, failed: %d\n", tests.TotalCount, tests.FailedCount)
	for _, suite := range tests.TestSuites {
		for _, test := range suite.TestCases {
			fmt.Fprintf(out, "  %-8s %s: %s (%v)\n", test.Status, suite.Name, test.Name, test.ExecutionTime.Duration())
		}
	}
	return nil
}

// jobs prints the jobs up to the first one with artifacts, and the files of that one.
func jobs(ctx context.Context, out io.Writer, client *gitlabci.Client, project gitlabci.ProjectID, pipeline gitlabci.PipelineID) error {
	for job, err := range client.Jobs.AllForPipeline(ctx, project, pipeline, nil) {
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "\n%s: %s, %v\n", job.Name, job.Status, job.Duration.Duration())
		if job.ArtifactsFile != nil {
			return showFiles(ctx, out, client, project, job.ID)
		}
	}
	return nil
}

// showFiles prints the log of a job, and downloads its artifacts.
func showFiles(ctx context.Context, out io.Writer, client *gitlabci.Client, project gitlabci.ProjectID, job gitlabci.JobID) error {
	log, err := client.Jobs.Log(ctx, project, job)
	if err != nil {
		return err
	}
	defer log.Close()
	if _, err := io.Copy(out, log); err != nil {
		return err
	}
	file, err := os.CreateTemp("", "artifacts-*.zip")
	if err != nil {
		return err
	}
	n, err := client.Artifacts.Download(ctx, project, job, file, nil)
	if err := errors.Join(err, file.Close()); err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	fmt.Fprintf(out, "%d bytes of artifacts are in %s\n", n, file.Name())
	return nil
}
