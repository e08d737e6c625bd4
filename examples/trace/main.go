// Trace shows a job's log while the job runs. The flag -h explains how to use it.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"strconv"

	"example.com/gitlabci"
	"example.com/gitlabci/examples/internal/console"
)

const usage = `Trace shows a job's log while the job runs: sections folded to a line with the
time they took, and progress bars as they ended.

	trace [flags] PROJECT JOB             such as group/app 1234
	trace [flags] PROJECT PIPELINE NAME   such as group/app 567 "test 1/2"
	trace -demo                           on a fake GitLab, without settings

The server is GITLAB_URL, https://gitlab.com by default, and the token
GITLAB_TOKEN. It needs the scope read_api.

Exit codes:
  0    the job succeeded
  1    it failed, was canceled or skipped
  2    a flag or an argument is wrong
  4    GitLab refused or could not be reached, or the output is broken
  130  interrupted; a line says with which -from to continue

Flags:
`

func main() { console.Main(command) }

var command = console.Command("trace", run)

const (
	failed  = console.Verdict(1)
	refused = 4
)

// settings are what the command line says.
type settings struct {
	demo    bool
	project gitlabci.ProjectID
	id      int64  // of the job, or of the pipeline if there is a name
	name    string // of the job
	printer printer
	follow  gitlabci.FollowOptions
}

func parse(args []string, out io.Writer) (*settings, error) {
	s := &settings{printer: printer{out: out, colors: console.WantsColors(out)}}
	flags := flag.NewFlagSet("trace", flag.ContinueOnError)
	flags.BoolVar(&s.demo, "demo", false, "follow a job of a fake GitLab")
	flags.BoolVar(&s.printer.unfold, "unfold", false, "show what is in all sections")
	flags.Int64Var(&s.follow.From, "from", 0, "the `byte` of the log to begin at")
	if err := console.Parse(flags, usage, args, out); err != nil {
		return nil, err
	}
	args = flags.Args()
	if s.demo && len(args) == 0 {
		args = []string{"group/app", "101", "test"}
	}
	if len(args) != 2 && len(args) != 3 {
		return nil, console.Usage("name a project and a job, such as group/app 1234")
	}
	if len(args) == 3 {
		s.name = args[2]
	}
	var err error
	if s.id, err = strconv.ParseInt(args[1], 10, 64); err != nil {
		return nil, console.Usage("%q is not the ID of a job or a pipeline", args[1])
	}
	s.project = gitlabci.ProjectID(args[0])
	return s, nil
}

// run shows a log on out, and what is not part of it on notes.
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
	id := gitlabci.JobID(s.id)
	if s.name != "" {
		job, err := client.Jobs.FindByName(ctx, s.project, gitlabci.PipelineID(s.id), s.name)
		if err != nil {
			return console.WithCode(refused, err)
		}
		id = job.ID
	}
	job, err := s.show(ctx, client, id, n)
	switch {
	case err != nil:
		return console.WithCode(refused, err)
	case job.Status != gitlabci.StatusSuccess:
		return failed
	default:
		return nil
	}
}

// show prints the log until the job has finished.
func (s *settings) show(ctx context.Context, client *gitlabci.Client, id gitlabci.JobID, notes *console.Notes) (*gitlabci.Job, error) {
	status, offset := gitlabci.Status(""), s.follow.From
	s.follow.Poll = func(poll gitlabci.FollowPoll) {
		offset = poll.Offset
		if poll.Err != nil && ctx.Err() == nil {
			notes.Print(poll.Err.Error())
		}
		if poll.Job != nil && poll.Job.Status != status && !poll.Job.Status.Finished() {
			status = poll.Job.Status
			notes.Print(fmt.Sprintf("job %d is %s", id, status))
		}
	}
	shown := newScreen(&s.printer)
	s.follow.Rewritten = shown.restart
	job, err := client.Jobs.FollowLog(ctx, s.project, id, shown, &s.follow)
	switch printErr := shown.end(); {
	case printErr != nil:
		return nil, printErr
	case err != nil && ctx.Err() != nil:
		return nil, fmt.Errorf("%w; to continue: -from %d", err, offset)
	case err != nil:
		return nil, err
	}
	line := fmt.Sprintf("job %d, %s: %s after %v", id, console.Printable(job.Name), job.Status, job.Duration.Duration())
	if job.Status != gitlabci.StatusSuccess {
		line += fmt.Sprintf(": %s %s", job.FailureReason, job.WebURL)
	}
	notes.Print(line)
	return job, nil
}
