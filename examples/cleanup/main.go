// Cleanup deletes old pipelines of a project, or lists them in a dry run. The flag -h
// explains how to use it.
package main

import (
	"context"
	"flag"
	"io"
	"time"

	"example.com/gitlabci/examples/internal/console"
)

const usage = `Cleanup deletes old pipelines of a project, with their jobs, logs and artifacts.
Without -delete it only lists them.

  cleanup [flags] PROJECT   such as group/app
  cleanup -demo [flags]     on a fake GitLab, without any settings

It deletes a pipeline if nothing changed in it for the age -older-than, it is
not running, and its branch or tag has -keep newer ones. It stops when GitLab
forbids a deletion, and after 10 failures in a row. Child pipelines outlive
their parents, and are listed only with -source parent_pipeline.

The server is GITLAB_URL, https://gitlab.com by default. The token GITLAB_TOKEN
needs the scope api and, to delete, the role Owner. GitLab may limit deletions
to 400 a minute; then the program waits.

Exit codes:
  0    all of them were deleted or, in a dry run, listed
  1    GitLab refused or could not be reached: nothing else is deleted
  2    a flag or an argument is wrong
  3    all were tried, and some could not be deleted
  130  interrupted: nothing else is deleted

Flags:
`

func main() { console.Main(command) }

var command = console.Command("cleanup", run)

func parse(args []string, out io.Writer) (*cleaning, error) {
	c := &cleaning{concurrency: 2, age: console.Age(90 * 24 * time.Hour)}
	flags := flag.NewFlagSet("cleanup", flag.ContinueOnError)
	flags.Var(&c.age, "older-than", "only pipelines unchanged for this `age`, such as 36h, 12w")
	flags.IntVar(&c.keep, "keep", 1, "how many of each branch or tag are kept, the newest")
	flags.StringVar(&c.opts.Ref, "ref", "", "only pipelines of this `branch`, tag, or refs/merge-requests/N/head")
	flags.StringVar((*string)(&c.opts.Source), "source", "", "only pipelines with this `source`, such as schedule")
	flags.BoolVar(&c.delete, "delete", false, "delete them, which cannot be undone")
	flags.BoolVar(&c.demo, "demo", false, "do it on a fake GitLab")
	var err error
	if c.project, err = console.ParseProject(flags, usage, args, out); err != nil {
		return nil, err
	}
	if c.keep < 0 {
		return nil, console.Usage("-keep %d is negative", c.keep)
	}
	return c, nil
}

func run(ctx context.Context, args []string, out, notes io.Writer) error {
	c, err := parse(args, out)
	if err != nil {
		return err
	}
	n := console.NewNotes(notes)
	client, err := console.Connect(c.demo, fakeGitLab, n)
	if err != nil {
		return err
	}
	return c.run(ctx, client, out, n)
}
