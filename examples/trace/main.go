// Trace shows a job's log for people while the job runs: sections folded to a
// line with the time they took, progress bars as they ended, colours only on a
// terminal and unless NO_COLOR is set. It fails if the job does.
//
//	go run ./trace group/app 1234            # a job, by its number
//	go run ./trace group/app 567 "test 1/2"  # of pipeline 567, by its name
//	go run ./trace -demo                     # on a fake GitLab
//
// The token is that of GITLAB_TOKEN, the server that of GITLAB_URL.
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
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Stdout, os.Stderr, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run shows a log on out, and what is not part of it on notes.
func run(ctx context.Context, out, notes io.Writer, args []string) error {
	flags := flag.NewFlagSet("trace", flag.ContinueOnError)
	flags.SetOutput(notes)
	demo := flags.Bool("demo", false, "follow a job of a fake GitLab")
	unfold := flags.Bool("unfold", false, "show what is in all sections")
	from := flags.Int64("from", 0, "the `byte` of the log to begin at")
	if err := flags.Parse(args); err != nil {
		return err
	}
	client, args, err := connect(*demo, flags.Args())
	if err != nil {
		return err
	}
	project, job, err := find(ctx, client, args)
	if err != nil {
		return err
	}
	p := &printer{out: out, colors: isTerminal(out) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb", unfold: *unfold}
	opts := &gitlabci.FollowOptions{From: *from}
	return follow(ctx, client, project, job, p, notes, opts)
}

// connect returns a client and the arguments for it.
func connect(demo bool, args []string) (*gitlabci.Client, []string, error) {
	if demo {
		client, args := fakeJob()
		return client, args, nil
	}
	client, err := gitlabci.NewClientFromEnv()
	return client, args, err
}

// find returns the job that the arguments name.
func find(ctx context.Context, client *gitlabci.Client, args []string) (gitlabci.ProjectID, gitlabci.JobID, error) {
	if len(args) != 2 && len(args) != 3 {
		return "", 0, errors.New("usage: trace [flags] PROJECT JOB-ID, or PROJECT PIPELINE-ID JOB-NAME; or trace -demo")
	}
	project := gitlabci.ProjectID(args[0])
	id, err := strconv.ParseInt(args[1], 10, 64)
	if err != nil {
		return "", 0, fmt.Errorf("%q is not the number of a job or a pipeline", args[1])
	}
	if len(args) == 2 {
		return project, gitlabci.JobID(id), nil
	}
	job, err := client.Jobs.FindByName(ctx, project, gitlabci.PipelineID(id), args[2])
	if err != nil {
		return "", 0, err
	}
	return project, job.ID, nil
}

// follow prints the log until the job has finished. Its error is that of a job
// that did not succeed, too.
func follow(ctx context.Context, client *gitlabci.Client, project gitlabci.ProjectID, id gitlabci.JobID, p *printer, notes io.Writer, opts *gitlabci.FollowOptions) error {
	status, offset := gitlabci.Status(""), opts.From
	opts.Poll = func(poll gitlabci.FollowPoll) {
		offset = poll.Offset
		if poll.Err != nil && ctx.Err() == nil {
			fmt.Fprintln(notes, poll.Err)
		}
		if poll.Job != nil && poll.Job.Status != status && !poll.Job.Status.Finished() {
			status = poll.Job.Status
			fmt.Fprintf(notes, "job %d is %s\n", id, status)
		}
	}
	shown := newScreen(p)
	opts.Rewritten = shown.restart
	job, err := client.Jobs.FollowLog(ctx, project, id, shown, opts)
	if printErr := shown.end(); printErr != nil {
		return printErr
	}
	if ctx.Err() != nil {
		return fmt.Errorf("%w; to go on: -from %d", err, offset)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(notes, "job %d, %s: %s after %v\n", id, job.Name, job.Status, job.Duration.Duration())
	if job.Status != gitlabci.StatusSuccess {
		return fmt.Errorf("%s: %s %s", job.WebURL, job.Status, job.FailureReason)
	}
	return nil
}

// isTerminal reports whether w is a device that shows characters.
func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
