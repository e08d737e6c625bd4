// Pipelines lists the pipelines of a project as a table or as JSON. The flag -h explains
// how to use it.
package main

import (
	"context"
	"flag"
	"io"
	"time"

	"github.com/jedib0t/go-pretty/v6/progress"

	"example.com/gitlabci"
	"example.com/gitlabci/examples/internal/console"
)

const usage = `Pipelines lists the pipelines of a project, newest first.

  pipelines [flags] PROJECT   such as group/app
  pipelines -demo [flags]     on a fake GitLab, without any settings

Durations and users are not in GitLab's lists: they take a request for each
pipeline, four at a time, which -brief saves. The server is GITLAB_URL,
https://gitlab.com by default, and the token GITLAB_TOKEN. It needs the scope
read_api.

Exit codes:
  0    the pipelines were listed, if there are any
  1    GitLab refused or could not be reached; nothing is listed
  2    a flag or an argument is wrong
  130  interrupted

Flags:
`

func main() { console.Main(command) }

var command = console.Command("pipelines", run)

// settings are what the command line says.
type settings struct {
	project           gitlabci.ProjectID
	opts              gitlabci.ListPipelinesOptions
	since             console.Age
	limit             int
	json, brief, demo bool
}

func parse(args []string, out io.Writer) (*settings, error) {
	s := &settings{}
	flags := flag.NewFlagSet("pipelines", flag.ContinueOnError)
	flags.StringVar(&s.opts.Ref, "ref", "", "only those of this `branch`, tag, or refs/merge-requests/N/head")
	flags.StringVar((*string)(&s.opts.Status), "status", "", "only those with this `status`, such as failed")
	flags.StringVar((*string)(&s.opts.Source), "source", "", "only those with this `source`, such as schedule")
	flags.StringVar(&s.opts.Username, "user", "", "only those that this `user` started")
	flags.StringVar(&s.opts.SHA, "sha", "", "only those of this commit; the whole `SHA`")
	flags.Var(&s.since, "since", "only those that changed within this `age`, such as 36h, 7d or 2w")
	flags.IntVar(&s.limit, "limit", 20, "at most so many; 0 is all")
	flags.BoolVar(&s.json, "json", false, "one object of JSON a line, as GitLab has it")
	flags.BoolVar(&s.brief, "brief", false, "without durations and users: a request for 100 pipelines")
	flags.BoolVar(&s.demo, "demo", false, "list those of a fake GitLab")
	var err error
	if s.project, err = console.ParseProject(flags, usage, args, out); err != nil {
		return nil, err
	}
	if s.limit < 0 {
		return nil, console.Usage("-limit %d is negative", s.limit)
	}
	if s.since > 0 {
		s.opts.UpdatedAfter = time.Now().Add(-time.Duration(s.since))
	}
	if s.limit > 0 {
		s.opts.PerPage = min(s.limit, 100)
	}
	return s, nil
}

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
	return show(ctx, client, s, out, n)
}

// show prints all of the pipelines or, after an error, none.
func show(ctx context.Context, client *gitlabci.Client, s *settings, out io.Writer, notes *console.Notes) error {
	bar := notes.NewBar("pipelines", progress.UnitsDefault)
	pipelines, err := list(ctx, client, s, bar)
	bar.End()
	switch {
	case err != nil:
		return err
	case s.json:
		return console.PrintJSON(out, pipelines)
	default:
		return printTable(out, pipelines, bar.Took())
	}
}
