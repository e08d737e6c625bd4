// Mrgate waits for the pipeline of a merge request. The flag -h explains how to use it.
package main

import (
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

After a push it waits for the pipeline of the new head. If all jobs that failed did so since
a runner was broken or missing, they are retried. What went wrong is commented on the merge
request; a later run rewrites that comment. All who see the merge request see it, and with
-lines also that much of each log.

The server is GITLAB_URL, https://gitlab.com by default, and the token GITLAB_TOKEN. It needs
the scope api.

Exit codes:
  0    the pipeline succeeded
  1    it failed, was canceled or skipped
  2    a flag or an argument is wrong
  3    it is blocked: someone has to play a job
  4    GitLab refused or could not be reached, the merge request is not open, or time is up
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

// command runs the program and returns its exit code.
func command(ctx context.Context, args []string, out, notes io.Writer) int {
	verdict, err := run(ctx, args, out, notes)
	switch code := console.Code(ctx, "mrgate", err, notes); code {
	case 0:
		return verdict
	case 1:
		return broken
	default:
		return code
	}
}

func run(ctx context.Context, args []string, out, notes io.Writer) (int, error) {
	g := &gate{out: out, notes: console.NewNotes(notes), began: time.Now(), retried: map[string]int{}}
	var timeout time.Duration
	var showsDemo bool
	flags := flag.NewFlagSet("mrgate", flag.ContinueOnError)
	flags.IntVar(&g.retries, "retries", 2, "how often a job of a broken runner is retried, at most")
	flags.IntVar(&g.lines, "lines", 8, "how many lines of each failed job the comment shows, at most")
	flags.DurationVar(&g.interval, "interval", 15*time.Second, "the longest `time` between two looks at the pipeline and the merge request")
	flags.DurationVar(&timeout, "timeout", time.Hour, "how long it waits in all")
	flags.BoolVar(&showsDemo, "demo", false, "show it on a fake GitLab")
	err := console.Parse(flags, usage, args, out)
	switch {
	case err != nil:
		return 0, err
	case g.retries < 0 || g.lines < 0 || g.interval <= 0 || timeout <= 0:
		return 0, console.Usage("-retries and -lines are not negative, -interval and -timeout are positive")
	case showsDemo && flags.NArg() == 0:
		return demo(ctx, g)
	case showsDemo || flags.NArg() != 2:
		return 0, console.Usage("name a project and the number of a merge request, such as group/app 7")
	}
	g.project = gitlabci.ProjectID(flags.Arg(0))
	if g.iid, err = strconv.ParseInt(flags.Arg(1), 10, 64); err != nil || g.iid < 1 {
		return 0, console.Usage("%q is not the number of a merge request", flags.Arg(1))
	}
	if g.client, err = gitlabci.NewClientFromEnv(gitlabci.WithHooks(gitlabci.Hooks{OnWait: g.notes.Wait})); err != nil {
		return 0, console.Usage("%w", err)
	}
	ctx, stop := context.WithTimeoutCause(ctx, timeout, fmt.Errorf("it took longer than -timeout %v", timeout))
	defer stop()
	verdict, err := g.run(ctx)
	if cause := context.Cause(ctx); err != nil && errors.Is(err, context.DeadlineExceeded) && cause != nil {
		err = cause
	}
	return verdict, err
}
