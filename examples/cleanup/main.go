// Cleanup deletes old pipelines of a project, or lists them in a dry run. The flag -h
// explains how to use it.
package main

import (
	"context"
	"errors"
	"flag"
	"io"
	"time"

	"example.com/gitlabci"
	"example.com/gitlabci/examples/internal/console"
)

const usage = `Cleanup deletes old pipelines of a project, with their jobs, logs and artifacts.
Without -delete it only lists them.

	cleanup [flags] PROJECT   such as group/app
	cleanup -demo [flags]     on a fake GitLab, without any settings

It deletes a pipeline if nothing changed in it for the age -older-than, it is not running,
and its branch or tag has -keep newer ones. It stops when GitLab forbids a deletion, and
after 10 failures in a row. Child pipelines outlive their parents, and are listed only
with -source parent_pipeline.

The server is GITLAB_URL, https://gitlab.com by default. The token GITLAB_TOKEN needs the
scope api and, to delete, the role Owner. GitLab may limit deletions to 400 a minute;
then the program waits.

Exit codes:
  0    all of them were deleted or, in a dry run, listed
  1    GitLab refused or could not be reached: nothing else is deleted
  2    a flag or an argument is wrong
  3    all were tried, and some could not be deleted
  130  interrupted: nothing else is deleted

Flags:
`

func main() { console.Main(command) }

// errSome is the error of a run in which some pipelines could not be deleted.
var errSome = errors.New("some pipelines could not be deleted")

// command runs the program and returns its exit code.
func command(ctx context.Context, args []string, out, notes io.Writer) int {
	return exitCode(ctx, run(ctx, args, out, notes), notes)
}

// exitCode prints an error, if there is one.
func exitCode(ctx context.Context, err error, notes io.Writer) int {
	code := console.Code(ctx, "cleanup", err, notes)
	if code == 1 && errors.Is(err, errSome) {
		return 3
	}
	return code
}

// settings are what the command line says.
type settings struct {
	project           gitlabci.ProjectID
	opts              gitlabci.ListPipelinesOptions
	age               console.Age
	keep, concurrency int
	delete, demo      bool
}

func parse(args []string, out io.Writer) (*settings, error) {
	s := &settings{project: "group/app", age: console.Age(90 * 24 * time.Hour)}
	flags := flag.NewFlagSet("cleanup", flag.ContinueOnError)
	flags.Var(&s.age, "older-than", "only pipelines without a change for this `age`, such as 36h, 90d or 12w")
	flags.IntVar(&s.keep, "keep", 1, "how many pipelines of each branch or tag are kept, the newest ones")
	flags.StringVar(&s.opts.Ref, "ref", "", "only pipelines of this `branch`, tag, or refs/merge-requests/N/head")
	flags.StringVar((*string)(&s.opts.Source), "source", "", "only pipelines with this `source`, such as schedule")
	flags.BoolVar(&s.delete, "delete", false, "delete them, which cannot be undone")
	flags.IntVar(&s.concurrency, "concurrency", 2, "how many pipelines are deleted at the same time, at most 16")
	flags.BoolVar(&s.demo, "demo", false, "do it on a fake GitLab")
	err := console.Parse(flags, usage, args, out)
	switch {
	case err != nil:
		return nil, err
	case s.keep < 0 || s.concurrency < 1 || s.concurrency > 16:
		return nil, console.Usage("-keep or -concurrency is out of range")
	case flags.NArg() > 1 || flags.NArg() == 0 && !s.demo:
		return nil, console.Usage("name one project, such as group/app")
	case flags.NArg() == 1:
		s.project = gitlabci.ProjectID(flags.Arg(0))
	}
	return s, nil
}

func run(ctx context.Context, args []string, out, notes io.Writer) error {
	s, err := parse(args, out)
	if err != nil {
		return err
	}
	n := console.NewNotes(notes)
	connect := gitlabci.NewClientFromEnv
	if s.demo {
		connect = demoClient
	}
	client, err := connect(gitlabci.WithHooks(gitlabci.Hooks{OnWait: n.Wait}))
	if err != nil {
		return console.Usage("%w", err)
	}
	return clean(ctx, client, s, out, n)
}
