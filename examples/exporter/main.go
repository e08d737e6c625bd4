// Exporter exports the pipelines of projects as metrics of Prometheus. The flag -h explains
// how to use it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"golang.org/x/sync/errgroup"

	"example.com/gitlabci"
	"example.com/gitlabci/examples/internal/console"
	"example.com/gitlabci/examples/internal/state"
	"example.com/gitlabci/webhook"
)

const usage = `Exporter exports the pipelines of projects as metrics of Prometheus: how many
finished and how, how long they ran and waited, how many run, why jobs failed,
and what the exporter itself requests of GitLab.

	exporter [flags] PROJECT...   such as group/app
	exporter -demo                on a fake GitLab, without any settings

The metrics are at GET /metrics on -listen. A ref has a label of its own if it
is one of -refs, by default the default and the protected branches; all others
are "other". What finished while the exporter was stopped is counted when it
starts again, by the state file. With a token for webhooks, those for pipeline
and job events to POST /gitlab wake it.

Environment:
  GITLAB_URL              the server, https://gitlab.com by default
  GITLAB_TOKEN            a token with the scope read_api
  EXPORTER_SIGNING_TOKEN  that of the webhooks, or
  EXPORTER_SECRET_TOKEN   before GitLab 19.0

Exit codes:
  0  an interrupt or SIGTERM ended it, or the demo is over
  1  it failed: start it again, and it continues
  2  a flag, an argument or a variable is wrong

Flags:
`

func main() { console.Main(command) }

// command runs the program and returns its exit code: an interrupt is no failure.
func command(ctx context.Context, args []string, out, notes io.Writer) int {
	err := run(ctx, args, out, notes)
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return 0
	}
	return console.Code(context.Background(), "exporter", err, notes)
}

// settings are what the command line says.
type settings struct {
	listen, state string
	refs          []string
	demo          bool
	projects      []string
}

func parse(args []string, out io.Writer) (*settings, error) {
	s := &settings{}
	flags := flag.NewFlagSet("exporter", flag.ContinueOnError)
	flags.StringVar(&s.listen, "listen", "127.0.0.1:9253", "`address` of the metrics and of webhooks")
	flags.StringVar(&s.state, "state", "exporter.json", "`file` that says what was counted")
	flags.Func("refs", "`branches` with a label of their own, with commas", func(list string) error {
		s.refs = strings.Split(list, ",")
		return nil
	})
	flags.BoolVar(&s.demo, "demo", false, "export a fake GitLab, and print the metrics")
	if err := console.Parse(flags, usage, args, out); err != nil {
		return nil, err
	}
	if s.projects = flags.Args(); s.demo != (len(s.projects) == 0) {
		return nil, console.Usage("name the projects, such as group/app, or -demo")
	}
	return s, nil
}

func run(ctx context.Context, args []string, out, notes io.Writer) error {
	s, err := parse(args, out)
	if err != nil {
		return err
	}
	registry := prometheus.NewRegistry()
	m := newMetrics(registry)
	if s.demo {
		return demo(ctx, m, registry, out, notes)
	}
	client, err := gitlabci.NewClientFromEnv(gitlabci.WithHooks(m.hooks()))
	if err != nil {
		return console.Usage("%w", err)
	}
	file, err := state.Open[gitlabci.JobID](s.state)
	if err != nil {
		return console.Usage("%w: move it away to count from now on", err)
	}
	w := &watcher{client: client, metrics: m, state: file, refs: s.refs}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	if err := w.receive(mux, os.Getenv("EXPORTER_SIGNING_TOKEN"), os.Getenv("EXPORTER_SECRET_TOKEN"), notes); err != nil {
		return console.Usage("%w", err)
	}
	listener, err := net.Listen("tcp", s.listen)
	if err != nil {
		return err
	}
	fmt.Fprintf(notes, "metrics at http://%s/metrics\n", listener.Addr())
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return serve(ctx, listener, mux) })
	for _, project := range s.projects {
		group.Go(func() error { return w.watch(ctx, gitlabci.ProjectID(project)) })
	}
	return group.Wait()
}

// receive has webhooks wake the watcher, if there is a token that verifies them.
func (w *watcher) receive(mux *http.ServeMux, signing, secret string, notes io.Writer) error {
	var options []webhook.Option
	if signing != "" {
		options = append(options, webhook.SigningToken(signing))
	}
	if secret != "" {
		options = append(options, webhook.SecretToken(secret))
	}
	if options == nil {
		return nil
	}
	verifier, err := webhook.NewVerifier(options...)
	if err != nil {
		return err
	}
	hub, n := webhook.NewHub(), console.NewNotes(notes)
	mux.Handle("POST /gitlab", webhook.NewHandler(verifier, hub.Handle, &webhook.HandlerOptions{
		Error: func(_ *webhook.Event, err error) { n.Print(fmt.Sprintf("a webhook is not handled: %v", err)) },
	}))
	w.wake = hub
	return nil
}

// serve serves until the context ends.
func serve(ctx context.Context, listener net.Listener, handler http.Handler) error {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second, IdleTimeout: 2 * time.Minute}
	defer context.AfterFunc(ctx, func() { server.Close() })()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
