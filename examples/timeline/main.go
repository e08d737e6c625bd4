// Timeline shows a pipeline, with all that it started, as a page of HTML: a chart of its
// jobs with the critical path, the slowest jobs, and what failed. The flag -h explains
// how to use it.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"time"

	"example.com/gitlabci"
	"example.com/gitlabci/examples/internal/console"
	"example.com/gitlabci/examples/internal/wholefile"
)

const usage = `Timeline writes a page of HTML that shows a pipeline and its downstream
pipelines: when each job waited and ran, the critical path, the slowest jobs,
and what failed.

	timeline [flags] PROJECT [PIPELINE]   such as group/app 1234
	timeline -demo                        on a fake GitLab, without settings

PIPELINE is the ID in the pipeline's URL. Without it, the latest pipeline of
-ref is shown.

Environment:
  GITLAB_URL    the server; the default is https://gitlab.com
  GITLAB_TOKEN  an access token with the scope read_api

Exit codes:
  0    the page is written
  1    GitLab refused or could not be reached, or the page could not be written
  2    a flag, an argument or a variable is wrong
  130  interrupted; no page is written

Flags:
`

func main() { console.Main(command) }

var command = console.Command("timeline", run)

// settings are what flags and arguments say.
type settings struct {
	demo      bool
	file, ref string
	project   gitlabci.ProjectID
	pipeline  gitlabci.PipelineID // 0 is the latest one of ref
}

func parse(args []string, out io.Writer) (*settings, error) {
	s := &settings{}
	flags := flag.NewFlagSet("timeline", flag.ContinueOnError)
	flags.BoolVar(&s.demo, "demo", false, "show a pipeline of a fake GitLab")
	flags.StringVar(&s.file, "o", "timeline.html", "`file` to write, or - for the standard output")
	flags.StringVar(&s.ref, "ref", "", "`branch` or tag; \"\" is the default branch")
	err := console.Parse(flags, usage, args, out)
	switch {
	case err != nil || s.demo && flags.NArg() == 0:
		return s, err
	case s.demo || flags.NArg() < 1 || flags.NArg() > 2:
		return nil, console.Usage("give a project, such as group/app, and a pipeline, or -demo alone")
	}
	s.project = gitlabci.ProjectID(flags.Arg(0))
	if flags.NArg() == 2 {
		s.pipeline, err = console.PipelineID(flags.Arg(1))
	}
	return s, err
}

func run(ctx context.Context, args []string, out, notes io.Writer) error {
	s, err := parse(args, out)
	if err != nil {
		return err
	}
	if s.demo {
		srv, pipeline := fakeGitLab()
		s.project, s.pipeline = "group/app", pipeline
		return s.show(ctx, srv.Client(), out, notes)
	}
	above, n, stop := console.Clock("reading", notes, notes)
	client, err := console.Connect(false, nil, n)
	if err == nil {
		err = s.show(ctx, client, out, above)
	}
	return errors.Join(err, stop())
}

// patience is how long the program is silent.
const patience = 2 * time.Second

// show reads a pipeline and writes the page.
func (s *settings) show(ctx context.Context, client *gitlabci.Client, out, notes io.Writer) error {
	began := time.Now()
	if s.pipeline == 0 {
		latest, err := client.Pipelines.Latest(ctx, s.project, s.ref)
		if err != nil {
			return err
		}
		s.pipeline = latest.ID
	}
	r, err := read(ctx, client, s.project, s.pipeline)
	if err != nil {
		return err
	}
	var page bytes.Buffer
	if err := render(&page, r); err != nil {
		return err
	}
	size := page.Len()
	if s.file == "-" {
		_, err = out.Write(page.Bytes())
	} else {
		err = wholefile.Write(s.file, func(w io.Writer) error {
			_, err := page.WriteTo(w)
			return err
		})
	}
	if err != nil {
		return err
	}
	s.report(notes, r, size, time.Since(began))
	return nil
}

// report says what was written and, if that took long, how long and how much it was.
func (s *settings) report(notes io.Writer, r *reading, size int, took time.Duration) {
	if s.file != "-" {
		fmt.Fprintf(notes, "pipeline %d is %s: see %s\n", r.Tree.Pipeline.ID, words(string(r.Tree.Pipeline.Status)), s.file)
	}
	if took < patience {
		return
	}
	pipelines, jobs := 0, 0
	for one := range r.Tree.Pipelines() {
		pipelines++
		jobs += len(one.Jobs) + len(one.TriggerJobs)
	}
	fmt.Fprintf(notes, "%s with %s took %s; the page has %d kB\n", plural(pipelines, "pipeline"), plural(jobs, "job"), short(took), (size+999)/1000)
}
