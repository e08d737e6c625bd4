// Hookbot explains failed pipelines: it receives GitLab's webhooks, reads why a pipeline
// failed, and sets a commit status that says so in one line. It misses no pipeline, and
// explains none twice, however often it is restarted. The flag -h explains how to use it.
package main

import (
	"context"
	"io"
	"net"
	"os"

	"example.com/gitlabci"
	"example.com/gitlabci/examples/internal/console"
	"example.com/gitlabci/examples/internal/state"
)

const usage = `Hookbot explains failed pipelines: it receives GitLab's webhooks, reads why a
pipeline failed, and sets a commit status that says so in one line.

	hookbot [flags] PROJECT...   such as group/app
	hookbot -demo                on a fake GitLab, without any settings

Each project needs a webhook for pipeline events to POST /gitlab. Pipelines that
fail while no event arrives are found by reading: when the bot starts, and every
5 minutes. A pipeline that fails again after a retry keeps its first
explanation, since GitLab does not change a status that has ended. If the token
may not read a project or set a status, the bot ends, and no pipeline counts as
handled.

Environment:
  GITLAB_URL             the server; the default is https://gitlab.com
  GITLAB_TOKEN           a token with the scope api and the role Developer
  HOOKBOT_SIGNING_TOKEN  the signing token of the webhooks; two, with a space
                         between them, while it is replaced
  HOOKBOT_SECRET_TOKEN   the same for secret tokens, before GitLab 19.0

Exit codes:
  0  an interrupt or SIGTERM ended it, and all that had begun was completed
  1  it failed: start it again, and it continues
  2  a flag, a variable or the state file is wrong, or the token has too few
     rights

Flags:
`

func main() { console.Main(command) }

// command runs the program and returns its exit code: an interrupt is no failure.
func command(ctx context.Context, args []string, out, notes io.Writer) int {
	return console.Code(context.Background(), "hookbot", run(ctx, args, out), notes)
}

func run(ctx context.Context, args []string, out io.Writer) error {
	s, err := parse(args, os.Getenv, out)
	if err != nil {
		return err
	}
	if s.demo {
		if err := demo(ctx, out); ctx.Err() == nil {
			return err
		}
		return nil
	}
	client, err := gitlabci.NewClientFromEnv()
	if err != nil {
		return console.Usage("%w", err)
	}
	store, err := state.Open[gitlabci.PipelineID](s.state)
	if err != nil {
		return console.WithCode(2, err)
	}
	listener, err := net.Listen("tcp", s.listen)
	if err != nil {
		return err
	}
	return serve(ctx, newBot(s, client, store, out), listener)
}
