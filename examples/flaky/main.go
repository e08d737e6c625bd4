// Flaky finds tests that fail now and then. The flag -h explains how to use it.
package main

import (
	"cmp"
	"context"
	"flag"
	"io"

	"github.com/jedib0t/go-pretty/v6/progress"

	"example.com/gitlabci"
	"example.com/gitlabci/examples/internal/console"
)

const usage = `Flaky finds tests that fail now and then, in the test reports of a branch's last
pipelines.

  flaky [flags] PROJECT   such as group/app
  flaky -demo [flags]     on a fake GitLab, without any settings

A test is flaky for certain if it failed and passed at the same commit: in two
pipelines, or in two attempts of a job that was retried. It is suspect if it
passed, failed and passed again from commit to commit. A test that broke, or was
repaired, is neither.

The reports of attempts that were retried are read from GitLab 19.4 on. The
server is GITLAB_URL, https://gitlab.com by default, and the token GITLAB_TOKEN.
It needs the scope read_api.

Exit codes:
  0    all reports were read, whether a test is flaky or not
  1    GitLab refused or could not be reached, or a report could not be read:
       the others count
  2    a flag or an argument is wrong
  130  interrupted; nothing is printed or written

Flags:
`

func main() { console.Main(command) }

var command = console.Command("flaky", run)

// settings are what the command line says.
type settings struct {
	project    gitlabci.ProjectID
	ref, junit string
	pipelines  int
	json, demo bool
}

func parse(args []string, out io.Writer) (*settings, error) {
	s := &settings{}
	flags := flag.NewFlagSet("flaky", flag.ContinueOnError)
	flags.StringVar(&s.ref, "ref", "", "the `branch` or tag (default the project's default branch)")
	flags.IntVar(&s.pipelines, "n", 20, "how many pipelines are read, 64 at most")
	flags.BoolVar(&s.json, "json", false, "one object of JSON a line")
	flags.StringVar(&s.junit, "junit", "", "also write a JUnit report to this `file`: flaky tests failed in it,\nand suspects are skipped")
	flags.BoolVar(&s.demo, "demo", false, "show it on a fake GitLab")
	var err error
	if s.project, err = console.ParseProject(flags, usage, args, out); err != nil {
		return nil, err
	}
	if s.pipelines < 1 || s.pipelines > maxCommits {
		return nil, console.Usage("-n %d is not between 1 and %d", s.pipelines, maxCommits)
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

// show prints the tests that are flaky, also if some of the reports could not be read.
func show(ctx context.Context, client *gitlabci.Client, s *settings, out io.Writer, notes *console.Notes) error {
	r := &reader{client: client, settings: s, notes: notes, tests: map[test]*history{}}
	bar := notes.NewBar("test reports", progress.UnitsDefault)
	unread := r.read(ctx, bar)
	bar.End()
	if unread != nil && (r.reports == 0 || ctx.Err() != nil) {
		return unread
	}
	found := r.flaky()
	if s.junit != "" {
		if err := writeJUnit(s.junit, found); err != nil {
			return err
		}
	}
	err := r.print(out, found, bar.Took())
	return cmp.Or(err, unread)
}
