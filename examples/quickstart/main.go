// Quickstart shows pipelines, tests, jobs, logs and artifacts: on a fake GitLab or,
// with GITLAB_TOKEN and GITLAB_PROJECT, a real one, where only -write changes any.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"text/tabwriter"
	"time"

	"example.com/gitlabci"
)

func main() {
	write := flag.Bool("write", false, "start a pipeline on a real GitLab, too")
	ref := flag.String("ref", "main", "branch or tag of the new pipeline")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Stdout, *ref, *write); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer, ref string, write bool) error {
	project := gitlabci.ProjectID(os.Getenv("GITLAB_PROJECT"))
	client, err := gitlabci.NewClientFromEnv()
	if os.Getenv("GITLAB_TOKEN") == "" || project == "" {
		fmt.Fprintln(out, "On a fake GitLab; set GITLAB_TOKEN and GITLAB_PROJECT for a real one.")
		client, project, write, err = fakeClient(), "group/app", true, nil
	}
	if err != nil {
		return err
	}
	newest, err := list(ctx, out, client, project)
	if err == nil && write {
		newest, err = create(ctx, out, client, project, ref)
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
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "PIPELINE\tREF\tSTATUS\tSOURCE\tUPDATED")
	for _, p := range page.Items {
		fmt.Fprintf(table, "%d\t%s\t%s\t%s\t%s\n", p.ID, p.Ref, p.Status, p.Source, p.UpdatedAt.Format(time.DateTime))
	}
	return page.Items[0].ID, table.Flush()
}

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
	fmt.Fprintf(out, "\nStarted pipeline %d on %s: %s\n", pipeline.ID, pipeline.Ref, pipeline.WebURL)
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

// jobs prints jobs down to one with artifacts, of which it shows everything.
func jobs(ctx context.Context, out io.Writer, client *gitlabci.Client, project gitlabci.ProjectID, pipeline gitlabci.PipelineID) error {
	for job, err := range client.Jobs.AllForPipeline(ctx, project, pipeline, nil) {
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "\n%s: %s, %v\n", job.Name, job.Status, job.Duration.Duration())
		if job.ArtifactsFile != nil {
			return save(ctx, out, client, project, job.ID)
		}
	}
	return nil
}

func save(ctx context.Context, out io.Writer, client *gitlabci.Client, project gitlabci.ProjectID, job gitlabci.JobID) error {
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
