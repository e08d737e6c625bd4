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
	"example.com/gitlabci/webhook"
)

const usage = `Exporter exports the pipelines of projects as metrics of Prometheus: how many finished and
how, how long they ran and waited, how many are under way, why jobs failed, and what the
exporter itself requests of GitLab.

	exporter [flags] PROJECT...   such as group/app; GET /metrics on -listen
	exporter -demo                on a fake GitLab, without any settings, for 5 seconds

A ref has a label of its own if it is one of -refs, by default the default and the protected
branches; all others are "other". What finished while the exporter was stopped is counted
when it starts again, by the state file. With -hook-addr, webhooks for pipeline and job
events to POST /gitlab wake it.

Environment:
  GITLAB_URL, GITLAB_TOKEN  the server, https://gitlab.com by default, and a token with the
                            scope read_api
  EXPORTER_SIGNING_TOKEN    that of the webhooks, or
  EXPORTER_SECRET_TOKEN     before GitLab 19.0

Exit codes:
  0  an interrupt or SIGTERM ended it, or the demo is over
  1  it failed: start it again, and it continues
  2  a flag, an argument or a variable is wrong

Flags:
`

func main() { console.Main(command) }

// command runs the program and returns its exit code.
func command(ctx context.Context, args []string, out, notes io.Writer) int {
	err := run(ctx, args, out, notes)
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return 0
	}
	return console.Code(context.Background(), "exporter", err, notes)
}

// settings are what the command line says.
type settings struct {
	listen, hookAddr, state string
	refs                    []string
	demo                    bool
	projects                []gitlabci.ProjectID
}

func parse(args []string, out io.Writer) (*settings, error) {
	s := &settings{}
	flags := flag.NewFlagSet("exporter", flag.ContinueOnError)
	flags.StringVar(&s.listen, "listen", "127.0.0.1:9253", "`address` of the metrics")
	flags.StringVar(&s.hookAddr, "hook-addr", "", "`address` to receive webhooks on")
	flags.StringVar(&s.state, "state", "exporter.json", "`file` that says what was counted; the folder must be writable")
	flags.Func("refs", "`branches` with a label of their own, with commas", func(list string) error {
		s.refs = strings.Split(list, ",")
		return nil
	})
	flags.BoolVar(&s.demo, "demo", false, "export a fake GitLab, and print the metrics")
	if err := console.Parse(flags, usage, args, out); err != nil {
		return nil, err
	}
	for _, project := range flags.Args() {
		s.projects = append(s.projects, gitlabci.ProjectID(project))
	}
	if s.demo != (len(s.projects) == 0) {
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
		return demo(ctx, m, registry, out)
	}
	client, err := gitlabci.NewClientFromEnv(gitlabci.WithHooks(m.hooks()))
	if err != nil {
		return console.Usage("%w", err)
	}
	store, err := openStore(s.state)
	if err != nil {
		return console.Usage("%w", err)
	}
	group, ctx := errgroup.WithContext(ctx)
	w := &watcher{client: client, metrics: m, store: store, refs: s.refs}
	if s.hookAddr != "" {
		if w.wake, err = receive(ctx, group, s.hookAddr, notes); err != nil {
			return err
		}
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	address, err := serve(ctx, group, s.listen, mux)
	if err != nil {
		return err
	}
	fmt.Fprintf(notes, "metrics at http://%s/metrics\n", address)
	for _, project := range s.projects {
		group.Go(func() error { return w.watch(ctx, project) })
	}
	return group.Wait()
}

// receive receives webhooks until the context ends.
func receive(ctx context.Context, group *errgroup.Group, addr string, notes io.Writer) (gitlabci.Waker, error) {
	var options []webhook.Option
	if token := os.Getenv("EXPORTER_SIGNING_TOKEN"); token != "" {
		options = append(options, webhook.SigningToken(token))
	}
	if token := os.Getenv("EXPORTER_SECRET_TOKEN"); token != "" {
		options = append(options, webhook.SecretToken(token))
	}
	verifier, err := webhook.NewVerifier(options...)
	if err != nil {
		return nil, console.Usage("-hook-addr needs EXPORTER_SIGNING_TOKEN or EXPORTER_SECRET_TOKEN: %w", err)
	}
	hub, n := webhook.NewHub(), console.NewNotes(notes)
	handler := webhook.NewHandler(verifier, hub.Handle, &webhook.HandlerOptions{
		Error: func(_ *webhook.Event, err error) { n.Print(fmt.Sprintf("a webhook is not handled: %v", err)) },
	})
	group.Go(func() error {
		<-ctx.Done()
		return handler.Shutdown(context.WithoutCancel(ctx))
	})
	mux := http.NewServeMux()
	mux.Handle("POST /gitlab", handler)
	_, err = serve(ctx, group, addr, mux)
	return hub, err
}

// serve serves until the context ends.
func serve(ctx context.Context, group *errgroup.Group, addr string, handler http.Handler) (net.Addr, error) {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, err
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second, IdleTimeout: 2 * time.Minute}
	context.AfterFunc(ctx, func() { server.Close() })
	group.Go(func() error {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	return listener.Addr(), nil
}
