// Failures shows why a pipeline failed: its jobs and those of the pipelines it
// started, with their reasons, the lines of their logs that say why and the tests that
// failed. Without arguments it does so on a fake GitLab.
//
//	failures [-ref main] [-lines 10] [group/app [pipeline]]
//
// The server and the token come from the environment, such as GITLAB_TOKEN.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"

	"example.com/gitlabci"
	"example.com/gitlabci/joblog"
)

func main() {
	q := question{}
	flag.StringVar(&q.ref, "ref", "main", "branch or tag, whose newest pipeline is looked at where none is given")
	flag.IntVar(&q.lines, "lines", 10, "how many lines of each log, up to 20")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Stdout, q, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// A question is which pipeline to tell of, and how much.
type question struct {
	project  gitlabci.ProjectID
	pipeline gitlabci.PipelineID // 0 is the newest one of ref
	ref      string
	lines    int
}

func run(ctx context.Context, out io.Writer, q question, args []string) error {
	if len(args) == 0 {
		fmt.Fprintln(out, "On a fake GitLab; give a project for a real one.")
		q.project = "group/app"
		return q.answer(ctx, out, fakeClient())
	}
	q.project = gitlabci.ProjectID(args[0])
	if len(args) > 1 {
		id, err := strconv.ParseInt(args[1], 10, 64)
		if err != nil {
			return fmt.Errorf("the pipeline %q is not a number", args[1])
		}
		q.pipeline = gitlabci.PipelineID(id)
	}
	client, err := gitlabci.NewClientFromEnv()
	if err != nil {
		return err
	}
	return q.answer(ctx, out, client)
}

func (q question) answer(ctx context.Context, out io.Writer, client *gitlabci.Client) error {
	if q.pipeline == 0 {
		newest, err := client.Pipelines.Find(ctx, q.project, &gitlabci.FindPipelineOptions{Ref: q.ref})
		if err != nil {
			return err
		}
		q.pipeline = newest.ID
	}
	tree, err := client.Pipelines.Tree(ctx, q.project, q.pipeline)
	if err != nil {
		return err
	}
	total := tree.TestReportSummary().Total
	fmt.Fprintf(out, "pipeline %d of %s: %s, %d jobs failed, %d of %d tests\n",
		tree.Pipeline.ID, tree.Pipeline.Ref, tree.Pipeline.Status, len(tree.Failed()), total.Failed+total.Error, total.Count)
	var errs []error
	for one := range tree.Pipelines() {
		errs = append(errs, q.explain(ctx, out, client, one))
	}
	return errors.Join(errs...)
}

// explain tells of one pipeline what made it fail.
func (q question) explain(ctx context.Context, out io.Writer, client *gitlabci.Client, one *gitlabci.PipelineTree) error {
	if one.Err != nil {
		fmt.Fprintf(out, "\npipeline %d, %s, cannot be read: %v\n", one.Pipeline.ID, one.Pipeline.Status, one.Err)
		return nil
	}
	if one.Pipeline.YAMLErrors != "" {
		fmt.Fprintf(out, "\npipeline %d has invalid configuration: %s\n", one.Pipeline.ID, one.Pipeline.YAMLErrors)
	}
	for _, trigger := range one.TriggerJobs {
		if trigger.Status == gitlabci.StatusFailed && trigger.DownstreamPipeline == nil {
			fmt.Fprintf(out, "\n%s started no pipeline: %s\n  %s\n", trigger.Name, trigger.FailureReason, trigger.WebURL)
		}
	}
	for _, job := range one.Jobs {
		if job.Status != gitlabci.StatusFailed || job.AllowFailure {
			continue
		}
		fmt.Fprintf(out, "\n%s (%s) failed after %v: %s\n  %s\n", job.Name, job.Stage, job.Duration.Duration(), job.FailureReason, job.WebURL)
		if err := q.causes(ctx, out, client, one.Pipeline.ProjectID, job.ID); err != nil {
			return err
		}
	}
	return tests(ctx, out, client, one)
}

// causes prints why a job failed according to its log, and the lines that say so.
func (q question) causes(ctx context.Context, out io.Writer, client *gitlabci.Client, project gitlabci.ProjectID, job gitlabci.JobID) error {
	log, err := client.Jobs.Log(ctx, project, job)
	if err != nil {
		return err
	}
	defer log.Close()
	summary, err := joblog.Summarize(log)
	if summary.Reason != "" {
		fmt.Fprintf(out, "  %s\n", summary.Reason)
	}
	lines := summary.Lines()
	for _, line := range lines[:min(max(0, q.lines), len(lines))] {
		fmt.Fprintf(out, "  | %s\n", line)
	}
	return err
}

// tests prints the tests that failed, where there are any.
func tests(ctx context.Context, out io.Writer, client *gitlabci.Client, one *gitlabci.PipelineTree) error {
	if one.Tests == nil || one.Tests.Total.Failed+one.Tests.Total.Error == 0 {
		return nil
	}
	fmt.Fprintf(out, "\ntests of pipeline %d:\n", one.Pipeline.ID)
	for test, err := range client.Pipelines.TestCases(ctx, one.Pipeline.ProjectID, one.Pipeline.ID) {
		if err != nil {
			return err
		}
		if test.Status == gitlabci.TestStatusFailed || test.Status == gitlabci.TestStatusError {
			fmt.Fprintf(out, "  %s: %s\n", test.SuiteName, test.Name)
		}
	}
	return nil
}
