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

const usage = `Run starts a pipeline, shows its jobs until it has finished, and says why it
failed.

	run [flags] PROJECT   such as group/app
	run -demo             on a fake GitLab, without any settings

In a terminal the jobs are a table that changes with them, elsewhere each change
is a line. Ctrl-C cancels the pipeline; a second one ends the program
immediately.

The server is GITLAB_URL, https://gitlab.com by default, and the token
GITLAB_TOKEN. It needs the scope api.

Exit codes:
  0    the pipeline succeeded
  1    it failed, was canceled or skipped
  2    a flag or an argument is wrong
  3    it is blocked: someone has to play a job
  4    GitLab refused or could not be reached, or the output is broken
  130  interrupted; the pipeline is canceled

Flags:
`

func main() { console.Main(command) }

var command = console.Command("run", run)

const (
	failed  = console.Verdict(1)
	blocked = console.Verdict(3)
	refused = 4
)

func run(ctx context.Context, args []string, out, notes io.Writer) error {
	s, err := parse(args, out)
	if err != nil {
		return err
	}
	b := newBoard(out, s.log)
	n := console.NewNotes(b.above(notes))
	client, err := console.Connect(s.demo, fakeGitLab, n)
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { n.Print("canceling the pipeline") })()
	return s.start(ctx, client, b)
}

// start runs the pipeline and shows it.
func (s *settings) start(ctx context.Context, client *gitlabci.Client, b *board) error {
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
	if result != nil {
		failure = cmp.Or(failure, b.explain(result))
	}
	switch {
	case failure != nil:
		return console.WithCode(refused, failure) // of the terminal
	case errors.Is(err, gitlabci.ErrBlocked):
		return blocked
	case err != nil:
		return console.WithCode(refused, err)
	case result.Pipeline.Status != gitlabci.StatusSuccess:
		return failed
	default:
		return nil
	}
}
