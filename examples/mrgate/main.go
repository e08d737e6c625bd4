// Mrgate waits for the pipeline of a merge request. The flag -h explains how to use it.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"strconv"
	"time"

	"example.com/gitlabci"
	"example.com/gitlabci/examples/internal/console"
)

const usage = `Mrgate waits for the pipeline of a merge request's head, and says how it ended.

	mrgate [flags] PROJECT NUMBER   such as group/app 7
	mrgate -demo                    on a fake GitLab, without any settings

After a push it waits for the pipeline of the new head. If all jobs that failed
did so since a runner was broken or missing, they are retried. What went wrong
is commented on the merge request; a later run rewrites that comment. All who
see the merge request see the comment, and so -lines of each log.

The server is GITLAB_URL, https://gitlab.com by default, and the token
GITLAB_TOKEN. It needs the scope api.

Exit codes:
  0    the pipeline succeeded
  1    it failed, was canceled or skipped
  2    a flag or an argument is wrong
  3    it is blocked: someone has to play a job
  4    GitLab refused or could not be reached, the merge request is not open, or
       time is up
  130  interrupted; the pipeline continues

Flags:
`

// The exit codes of pipelines.
const (
	succeeded = 0
	failed    = 1
	blocked   = 3
	broken    = 4
)

func main() { console.Main(command) }

var command = console.Command("mrgate", run)

func run(ctx context.Context, args []string, out, notes io.Writer) error {
	g := newGate(out, notes)
	timeout, err := g.parse(args, out)
	if err != nil {
		return err
	}
	var stop func() error
	g.out, g.notes, stop = console.Clock("waiting", out, notes)
	judge := g.run
	if g.iid == 0 {
		judge = g.demo
	} else if g.client, err = console.Connect(false, nil, g.notes); err != nil {
		return errors.Join(err, stop())
	}
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, fmt.Errorf("it took longer than -timeout %v", timeout))
	defer cancel()
	verdict, err := judge(ctx)
	err = cmp.Or(err, stop())
	switch {
	case err == nil:
		return console.Verdict(verdict)
	case errors.Is(err, context.DeadlineExceeded) && ctx.Err() != nil:
		return console.WithCode(broken, context.Cause(ctx))
	default:
		return console.WithCode(broken, err)
	}
}

// parse reads the command line. With -demo, there is no merge request.
func (g *gate) parse(args []string, out io.Writer) (timeout time.Duration, err error) {
	flags := flag.NewFlagSet("mrgate", flag.ContinueOnError)
	flags.IntVar(&g.retries, "retries", 2, "how often a job of a broken runner is retried")
	flags.IntVar(&g.lines, "lines", 8, "how many lines of each log the comment shows")
	flags.DurationVar(&timeout, "timeout", time.Hour, "how long it waits in all")
	demo := flags.Bool("demo", false, "show it on a fake GitLab")
	err = console.Parse(flags, usage, args, out)
	switch {
	case err != nil:
		return 0, err
	case g.retries < 0 || g.lines < 0 || timeout <= 0:
		return 0, console.Usage("-retries and -lines are not negative, -timeout is positive")
	case *demo && flags.NArg() == 0:
		return timeout, nil
	case *demo || flags.NArg() != 2:
		return 0, console.Usage("name a project and the number of a merge request, such as group/app 7")
	}
	g.project = gitlabci.ProjectID(flags.Arg(0))
	if g.iid, err = strconv.ParseInt(flags.Arg(1), 10, 64); err != nil || g.iid < 1 {
		return 0, console.Usage("%q is not the number of a merge request", flags.Arg(1))
	}
	return timeout, nil
}
