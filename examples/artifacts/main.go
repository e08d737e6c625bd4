// Artifacts lists, downloads or unpacks the artifacts of a job, with a bar while it takes
// time. The flag -h explains how to use it.
package main

import (
	"context"
	"flag"
	"io"
	"path"
	"strconv"

	"example.com/gitlabci"
	"example.com/gitlabci/examples/internal/console"
)

const usage = `Artifacts lists, downloads or unpacks the artifacts of a job.

  artifacts -list       PROJECT JOB  lists the files
  artifacts -o FILE.zip PROJECT JOB  downloads the archive, replacing FILE.zip
  artifacts -dir FOLDER PROJECT JOB  unpacks the archive, or what -match selects
  artifacts -demo [flags]            on a fake GitLab, without any settings

JOB is the ID of a job, or a branch or tag and the name of a job in its newest
successful pipeline: group/app main build. The server is GITLAB_URL,
https://gitlab.com by default, and the token GITLAB_TOKEN. It needs the scope
read_api.

In a pattern, * and ? stay within a name, ** is any number of folders, and the
name of a folder is all that is in it: '**/*.xml', coverage, 'bin/*'.

Connections that break are resumed. After an error or an interrupt, -o leaves
no file or the old one, and -dir leaves the files that were complete.

Exit codes:
  0    done
  1    GitLab refused or could not be reached, or there is no such file, or one
       that exists already
  2    a flag or an argument is wrong
  130  interrupted

Flags:
`

func main() { console.Main(command) }

var command = console.Command("artifacts", run)

// settings are what the command line says.
type settings struct {
	project               gitlabci.ProjectID
	source                gitlabci.ArtifactSource
	list, demo, overwrite bool
	file, dir             string
	match, exclude        []string
}

func parse(args []string, out io.Writer) (*settings, error) {
	s := &settings{}
	flags := flag.NewFlagSet("artifacts", flag.ContinueOnError)
	flags.BoolVar(&s.list, "list", false, "list the files")
	flags.StringVar(&s.file, "o", "", "the `file` to download the archive to")
	flags.StringVar(&s.dir, "dir", "", "the `folder` to unpack the archive into")
	flags.Func("match", "with -dir: only files that match this `pattern`; may be repeated", patterns(&s.match))
	flags.Func("exclude", "with -dir: no files that match this `pattern`; may be repeated", patterns(&s.exclude))
	flags.BoolVar(&s.overwrite, "overwrite", false, "with -dir: replace files that exist")
	flags.BoolVar(&s.demo, "demo", false, "show it on a fake GitLab")
	if err := console.Parse(flags, usage, args, out); err != nil {
		return nil, err
	}
	return s, s.complete(flags.Args())
}

// patterns reads a flag of patterns.
func patterns(to *[]string) func(string) error {
	return func(pattern string) error {
		*to = append(*to, pattern)
		_, err := path.Match(pattern, "")
		return err
	}
}

// complete reads the arguments, and checks how flags go together.
func (s *settings) complete(args []string) error {
	modes := 0
	for _, mode := range []bool{s.list, s.file != "", s.dir != ""} {
		if mode {
			modes++
		}
	}
	switch {
	case modes > 1 || modes == 0 && !s.demo:
		return console.Usage("give one of -list, -o and -dir")
	case len(s.match)+len(s.exclude) > 0 && s.dir == "":
		return console.Usage("-match and -exclude need -dir")
	case s.demo && len(args) == 0:
		args = []string{"group/app", "main", "build"}
	case len(args) != 2 && len(args) != 3:
		return console.Usage("name a project and a job, such as group/app 4711 or group/app main build")
	}
	s.project = gitlabci.ProjectID(args[0])
	if len(args) == 3 {
		s.source = gitlabci.LatestArtifacts{Ref: args[1], Job: args[2]}
		return nil
	}
	id, err := strconv.ParseInt(args[1], 10, 64)
	if err != nil {
		return console.Usage("%q is not the ID of a job", args[1])
	}
	s.source = gitlabci.JobID(id)
	return nil
}

func run(ctx context.Context, args []string, out, notes io.Writer) error {
	s, err := parse(args, out)
	if err != nil {
		return err
	}
	n := console.NewNotes(notes)
	if s.demo && !s.list && s.file == "" && s.dir == "" {
		return demo(ctx, s, out, n)
	}
	client, err := console.Connect(s.demo, fakeGitLab, n)
	if err != nil {
		return err
	}
	return s.do(ctx, client, out, n)
}
