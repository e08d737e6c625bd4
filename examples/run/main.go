// Run starts a pipeline, shows its jobs until it has finished, and tells why it
// failed: on a real GitLab, or with -demo on a fake one.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"

	"example.com/gitlabci"
)

const usage = `usage: run [-ref main] [-var KEY=value]... [-input name=value]... [-downstream] [-log] group/app
       run -demo

Run starts a pipeline, shows its jobs until it has finished, and tells why it
failed. The token and the server are GITLAB_TOKEN and GITLAB_URL. In a terminal
the jobs are a table, elsewhere each change is a line. Ctrl-C cancels the
pipeline; a second one leaves it alone and ends the program at once.

The exit code is the verdict:

	0  success
	1  failed
	2  none: wrong flags, or GitLab refused or could not be reached
	3  blocked: it goes on when someone plays a manual job
	4  canceled, by Ctrl-C too, or skipped

`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	context.AfterFunc(ctx, stop) // so that the next Ctrl-C is not caught
	err := run(ctx, os.Args[1:], os.Stdout)
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(exitCode(err))
}

// A verdict is the status of a pipeline that did not succeed.
type verdict struct {
	pipeline gitlabci.PipelineID
	status   gitlabci.Status
}

func (v *verdict) Error() string {
	return fmt.Sprintf("pipeline %d ended as %s", v.pipeline, v.status)
}

func exitCode(err error) int {
	v, ended := errors.AsType[*verdict](err)
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return 0
	case ended && v.status == gitlabci.StatusFailed:
		return 1
	case ended, errors.Is(err, context.Canceled):
		return 4
	case errors.Is(err, gitlabci.ErrBlocked):
		return 3
	default:
		return 2
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	set, err := parse(args, out)
	if err != nil {
		return err
	}
	connect := func() (*gitlabci.Client, error) { return gitlabci.NewClientFromEnv() }
	if set.demo {
		connect = demoClient
	}
	client, err := connect()
	if err != nil {
		return err
	}
	return start(ctx, client, set, newBoard(out, set.log))
}

// start runs the pipeline and shows it.
func start(ctx context.Context, client *gitlabci.Client, set *settings, b *board) error {
	set.opts.CancelOnExit, set.opts.Event = true, b.event
	if set.log {
		set.opts.Log = b.out
	}
	result, err := client.Pipelines.Run(ctx, set.project, set.ref, &set.opts)
	if result == nil {
		return err
	}
	tell(b.out, result)
	if err == nil && result.Pipeline.Status != gitlabci.StatusSuccess {
		err = &verdict{result.Pipeline.ID, result.Pipeline.Status}
	}
	return err
}

// tell prints why a pipeline failed.
func tell(out io.Writer, result *gitlabci.RunResult) {
	for _, failure := range result.Failed {
		fmt.Fprintf(out, "\n%s failed: %s %s\n", printable(failure.Job.Name), failure.Reason, failure.Job.WebURL)
		if failure.Summary.Reason != "" {
			fmt.Fprintln(out, "  "+printable(failure.Summary.Reason))
		}
		for _, line := range failure.Lines {
			fmt.Fprintln(out, "    "+printable(line))
		}
		if failure.Err != nil {
			fmt.Fprintln(out, "    the log could not be read:", failure.Err)
		}
	}
	fmt.Fprintf(out, "\npipeline %d: %s %s\n", result.Pipeline.ID, result.Pipeline.Status, result.Pipeline.WebURL)
}
