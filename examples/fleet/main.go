// Fleet exports the jobs of many projects by many processes that share one rate limit, on a
// real GitLab, or with -demo on a fake one. The flag -h explains how to use it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"

	"example.com/gitlabci"
	"example.com/gitlabci/examples/internal/console"
)

const usage = `Fleet exports the jobs of many projects by many processes, which share one rate
limit.

	fleet enqueue group/app ...   add projects to the work
	fleet enqueue -group group    add those of a group and its subgroups
	fleet work [-o folder]        export jobs until no work is left
	fleet status                  show how far each project is
	fleet -demo                   on a fake GitLab; needs redis-server

The jobs of each project become a file of JSON lines. Any number of workers, on
many machines, share the work in a Redis of version 7 or later, and send no more
requests than -rate allows together. If GitLab asks one of them for a pause, all
of them wait. If a worker dies, another one continues from its last page: in the
file, no job is missing and none is there twice. All workers need the same
folder -o. It has parts of files too while projects are being exported.

The server is GITLAB_URL, https://gitlab.com by default, and the token
GITLAB_TOKEN; all workers should have the same. Redis is REDIS_URL, by default
redis://127.0.0.1:6379. A project that is gone or hidden is failed; enqueue
retries it.

Exit codes:
  0    done; status: all projects are exported
  1    an error; status: some projects failed
  2    a flag, an argument or a setting is wrong
  3    status: some projects are not exported yet
  130  interrupted; another worker continues immediately

Flags, which follow the command:
`

func main() {
	logging.Disable() // what go-redis logs, calls return as errors
	console.Main(command)
}

// errUndone says that some projects are left, and errFailed that only failed ones are.
var (
	errUndone = console.WithCode(3, errors.New("not all projects are exported yet"))
	errFailed = errors.New("some projects failed; enqueue them to try again")
)

var command = console.Command("fleet", run)

// settings are what the command line says.
type settings struct {
	command            string
	args               []string
	worker, out, group string
	rate, page         int
	idle               time.Duration
	demo               bool
}

func parse(args []string, out io.Writer) (*settings, error) {
	s := &settings{}
	if len(args) > 0 && args[0] != "" && args[0][0] != '-' {
		s.command, args = args[0], args[1:]
	}
	host, err := os.Hostname()
	if err != nil {
		host = "worker"
	}
	flags := flag.NewFlagSet("fleet", flag.ContinueOnError)
	flags.BoolVar(&s.demo, "demo", false, "show it on a fake GitLab")
	flags.StringVar(&s.worker, "worker", fmt.Sprintf("%s-%d", host, os.Getpid()), "`name` of the worker")
	flags.StringVar(&s.out, "o", "jobs", "`folder` for the files")
	flags.StringVar(&s.group, "group", "", "enqueue: the `path` of a group")
	flags.IntVar(&s.rate, "rate", 540, "requests a minute of all workers together")
	flags.IntVar(&s.page, "page", 100, "jobs a request, at most 100")
	flags.DurationVar(&s.idle, "idle", 30*time.Second, "how long a worker may be silent")
	if err := console.Parse(flags, usage, args, out); err != nil {
		return nil, err
	}
	if s.rate < 1 || s.page < 1 || s.page > 100 || s.idle < 10*time.Millisecond {
		return nil, console.Usage("-rate, -page or -idle is out of range")
	}
	s.args = flags.Args()
	for _, arg := range s.args {
		if strings.HasPrefix(arg, "-") {
			return nil, console.Usage("%s must come before the projects", arg)
		}
	}
	return s, nil
}

func run(ctx context.Context, args []string, out, _ io.Writer) error {
	s, err := parse(args, out)
	if err != nil {
		return err
	}
	if s.demo {
		return demo(ctx, out)
	}
	command := map[string]func(context.Context, *settings, *queue, io.Writer) error{"enqueue": enqueue, "work": work, "status": status}[s.command]
	if command == nil || s.command != "enqueue" && len(s.args) > 0 {
		return console.Usage("no such command: %q %q", s.command, s.args)
	}
	q, err := connect(ctx, s, os.Getenv("REDIS_URL"))
	if err != nil {
		return err
	}
	return errors.Join(command(ctx, s, q, out), q.redis.Close())
}

// connect opens the queue. Its errors do not quote the URL, which can have a password.
func connect(ctx context.Context, s *settings, url string) (*queue, error) {
	if url == "" {
		url = "redis://127.0.0.1:6379"
	}
	opts, err := redis.ParseURL(url)
	if err != nil {
		return nil, console.Usage("REDIS_URL is not a URL of Redis, such as redis://:password@host:6379/0")
	}
	opts.ContextTimeoutEnabled = true
	q := &queue{redis: redis.NewClient(opts), worker: s.worker, idle: s.idle}
	if err := q.open(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("redis, which REDIS_URL names: %w", err), q.redis.Close())
	}
	return q, nil
}

// enqueue adds projects, by their paths or those of a group.
func enqueue(ctx context.Context, s *settings, q *queue, out io.Writer) error {
	if (s.group == "") == (len(s.args) == 0) {
		return console.Usage("name projects, or a -group")
	}
	added, all := 0, 0
	add := func(project gitlabci.ProjectID) error {
		isNew, err := q.add(ctx, project)
		all++
		if isNew {
			added++
		}
		return err
	}
	for _, project := range s.args {
		if err := add(gitlabci.ProjectID(project)); err != nil {
			return err
		}
	}
	if s.group != "" {
		client, err := newClient(s, q, out)
		if err != nil {
			return err
		}
		opts := &gitlabci.ListGroupProjectsOptions{Simple: true, IncludeSubgroups: true}
		for project, err := range client.Projects.AllInGroup(ctx, gitlabci.GroupID(s.group), opts) {
			if err == nil {
				err = add(gitlabci.ProjectID(project.PathWithNamespace))
			}
			if err != nil {
				return err
			}
		}
	}
	fmt.Fprintf(out, "%d of %d projects added; the others are waiting or being exported\n", added, all)
	return nil
}
