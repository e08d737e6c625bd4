// Run starts a pipeline, shows its jobs until it has finished, and says why it failed. The
// flag -h explains how to use it.
package main

import (
	"cmp"
	"context"
	"errors"
	"io"

	"example.com/gitlabci"
	"example.com/gitlabci/examples/internal/console"
)

const usage = `Run starts a pipeline, shows its jobs until it has finished, and says why it failed.

	run [flags] PROJECT   such as group/app
	run -demo             on a fake GitLab, without any settings

In a terminal the jobs are a table that changes with them, elsewhere each change is a line.
Ctrl-C cancels the pipeline; a second one ends the program at once.

The server is GITLAB_URL, https://gitlab.com by default, and the token GITLAB_TOKEN. It needs
the scope api.

Exit codes:
  0    the pipeline succeeded
  1    it failed, was canceled or skipped
  2    a flag or an argument is wrong
  3    it is blocked: someone has to play a job
  4    GitLab refused or could not be reached
  130  interrupted; the pipeline is canceled

Flags:
`

func main() { console.Main(command) }

// command runs the program and returns its exit code.
func command(ctx context.Context, args []string, out, notes io.Writer) int {
	verdict, err := run(ctx, args, out, notes)
	return exitCode(ctx, verdict, err, notes)
}

func exitCode(ctx context.Context, verdict int, err error, notes io.Writer) int {
	switch code := console.Code(ctx, "run", err, notes); code {
	case 0:
		return verdict
	case 1:
		return 4
	default:
		return code
	}
}

func run(ctx context.Context, args []string, out, notes io.Writer) (int, error) {
	s, err := parse(args, out)
	if err != nil {
		return 0, err
	}
	b := newBoard(out, s.log)
	said := console.NewNotes(b.above(notes))
	hooks := gitlabci.WithHooks(gitlabci.Hooks{OnWait: said.Wait})
	var client *gitlabci.Client
	if s.demo {
		client = demoClient(hooks)
	} else if client, err = gitlabci.NewClientFromEnv(hooks); err != nil {
		return 0, console.Usage("%w", err)
	}
	defer context.AfterFunc(ctx, func() { said.Print("canceling the pipeline") })()
	return s.start(ctx, client, b)
}

// start runs the pipeline and shows it.
func (s *settings) start(ctx context.Context, client *gitlabci.Client, b *board) (int, error) {
	s.opts.CancelOnExit, s.opts.Event = true, b.event
	if s.log {
		s.opts.Log = b.out
	}
	stop := func() error { return nil }
	if b.live != nil {
		stop = b.live.Animate(b.lines)
	}
	result, err := client.Pipelines.Run(ctx, s.project, s.ref, &s.opts)
	b.end(result)
	failure := stop()
	if result == nil {
		return 0, err
	}
	if failure = cmp.Or(failure, b.explain(result)); failure != nil {
		return 0, failure // of the terminal
	}
	switch {
	case errors.Is(err, gitlabci.ErrBlocked):
		return 3, nil
	case err == nil && result.Pipeline.Status != gitlabci.StatusSuccess:
		return 1, nil
	default:
		return 0, err
	}
}
