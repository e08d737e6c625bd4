// Export writes all jobs of a group's projects to a file. The flag -h explains how to use it.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"path/filepath"

	"github.com/jedib0t/go-pretty/v6/progress"
	"golang.org/x/time/rate"

	"example.com/gitlabci"
	"example.com/gitlabci/examples/internal/console"
)

const usage = `Export writes all jobs of the projects of a group, and of the groups below it,
to a file of JSON lines or to a folder of Parquet files.

  export -o FILE GROUP   such as -o jobs.jsonl group/team, or -o jobs.parquet
  export -demo           on a fake GitLab, without any settings

It can be interrupted or killed at any time: the same command continues. No job
is missing then, and none is there twice. FILE.state says how far it is, until
all is exported. Do not run two exports to one file at a time. Jobs that begin
once their project is being exported are not in the file. Servers without
cursors (before GitLab 15.9) can leave out jobs if others are deleted meanwhile.

The server is GITLAB_URL, https://gitlab.com by default, and the token
GITLAB_TOKEN. It needs the scope read_api. Projects with CI switched off are
skipped.

Exit codes:
  0    all jobs are in the file
  1    GitLab refused or could not be reached, or the file could not be written:
       continue later
  2    a flag or an argument is wrong
  130  interrupted: continue later

Flags:
`

func main() { console.Main(command) }

var command = console.Command("export", run)

func run(ctx context.Context, args []string, out, notes io.Writer) error {
	n, file := console.NewNotes(notes), ""
	var perSecond float64
	var showsDemo bool
	flags := flag.NewFlagSet("export", flag.ContinueOnError)
	flags.StringVar(&file, "o", "", "the `file` that is written; a folder if it ends in .parquet")
	flags.Float64Var(&perSecond, "rate", 5, "how many `requests` a second are sent, at most")
	flags.BoolVar(&showsDemo, "demo", false, "show it on a fake GitLab")
	err := console.Parse(flags, usage, args, out)
	switch {
	case err != nil:
		return err
	case !(perSecond > 0):
		return console.Usage("-rate %v is not positive", perSecond)
	case showsDemo && flags.NArg() == 0 && file == "":
		return demo(ctx, n, out)
	case showsDemo || flags.NArg() != 1 || file == "":
		return console.Usage("name a file and a group, such as -o jobs.jsonl group/team")
	}
	limiter := rate.NewLimiter(rate.Limit(perSecond), 1)
	client, err := gitlabci.NewClientFromEnv(gitlabci.WithRateLimiter(limiter), gitlabci.WithHooks(gitlabci.Hooks{OnWait: n.Wait}))
	if err != nil {
		return console.Usage("%w", err)
	}
	return newExport(client, gitlabci.GroupID(flags.Arg(0)), file, n).show(ctx, out)
}

// show exports, and says how much that was.
func (e *export) show(ctx context.Context, out io.Writer) error {
	bar := e.notes.NewBar("jobs", progress.UnitsDefault)
	err := e.run(ctx, bar)
	bar.End()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s: %d jobs of %d projects, %d skipped, in %v\n", console.Printable(filepath.Base(e.file)), e.state.Jobs, e.state.Projects, e.state.Skipped, bar.Took())
	return err
}
