package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"example.com/gitlabci"
	"example.com/gitlabci/examples/internal/console"
	"example.com/gitlabci/examples/internal/state"
	"example.com/gitlabci/webhook"
)

// A bot explains the failed pipelines of its projects. Events only wake it: what happened is
// read, so that events that are lost, late, repeated or out of order do no harm.
type bot struct {
	settings *settings
	client   *gitlabci.Client
	store    *state.File[gitlabci.PipelineID]
	hub      *webhook.Hub
	handler  *webhook.Handler

	mu  sync.Mutex
	out io.Writer
}

func newBot(s *settings, client *gitlabci.Client, store *state.File[gitlabci.PipelineID], out io.Writer) *bot {
	b := &bot{settings: s, client: client, store: store, hub: webhook.NewHub(), out: out}
	b.handler = webhook.NewHandler(s.verifier, b.receive, &webhook.HandlerOptions{Error: b.report})
	return b
}

// say prints a line. Several goroutines do.
func (b *bot) say(format string, values ...any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	fmt.Fprintf(b.out, format+"\n", values...)
}

// report prints what was not handled: a request that is not from GitLab, which has no event,
// or an event that cannot be decoded. The bot finds the pipeline of that one by polling.
func (b *bot) report(event *webhook.Event, err error) {
	if event == nil {
		b.say("a request is refused: %v", err)
		return
	}
	b.say("event: %v, which is not handled: %v", event, err)
}

// receive is called once for each event that is verified and decoded.
func (b *bot) receive(ctx context.Context, event *webhook.Event) error {
	b.say("event: %v", event)
	return b.hub.Handle(ctx, event)
}

// newServer returns a server with time limits for all requests. The handler of webhooks has
// limits of its own for bodies, which replace ReadTimeout.
func newServer(handler http.Handler) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       15 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
	}
}

// serve receives webhooks and works until the context ends.
func serve(ctx context.Context, b *bot, listener net.Listener) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	mux := http.NewServeMux()
	mux.Handle("/gitlab", b.handler)
	server := newServer(mux)
	served := make(chan error, 1)
	go func() {
		served <- server.Serve(listener)
		stop()
	}()
	b.say("listening on http://%s/gitlab", listener.Addr())
	err := b.run(ctx, server.Shutdown)
	server.Close() // if Shutdown was too slow
	if failure := <-served; !errors.Is(failure, http.ErrServerClosed) {
		err = errors.Join(err, failure)
	}
	return err
}

// run watches the projects until the context ends, or one of them fails. Then it closes
// what requests come from, and completes what has begun.
func (b *bot) run(ctx context.Context, closeServer func(context.Context) error) error {
	watching, stop := context.WithCancel(ctx)
	defer stop()
	drain, giveUp := context.WithCancel(context.WithoutCancel(ctx))
	defer giveUp()
	var watchers sync.WaitGroup
	errs := make(chan error, len(b.settings.projects))
	for _, project := range b.settings.projects {
		watchers.Go(func() {
			if err := b.watch(watching, drain, project); err != nil {
				errs <- fmt.Errorf("project %s: %w", project, err)
				stop()
			}
		})
	}
	<-watching.Done()
	defer time.AfterFunc(b.settings.drain, giveUp).Stop()
	err := errors.Join(closeServer(drain), b.handler.Shutdown(drain))
	watchers.Wait()
	close(errs)
	for failure := range errs {
		err = errors.Join(err, failure)
	}
	b.say("stopped")
	return err
}

// watch handles the changes of a project's pipelines, one after the other. Between two of
// them it stops when watching ends. The work on one ends with drain.
func (b *bot) watch(watching, drain context.Context, project gitlabci.ProjectID) error {
	begin, err := b.store.Begin(project, time.Now().Add(-b.settings.lookback))
	if err != nil {
		return err
	}
	opts := &gitlabci.WatchAllOptions{After: begin.Cursor, Since: begin.Since, Wake: b.hub}
	for event, err := range b.client.Pipelines.WatchAll(watching, project, opts) {
		if watching.Err() != nil {
			return nil
		}
		if err == nil {
			err = b.handle(watching, drain, project, event)
		}
		if isDenied(err) {
			return console.WithCode(2, fmt.Errorf("%w (GITLAB_TOKEN needs the scope api and the role Developer, or the role that a protected branch requires)", err))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// handle explains a pipeline if it has failed. It is stored as handled afterwards: if the
// program dies in between, it is explained again, and setting the same status again does
// nothing. So no pipeline is missed and none has two statuses. One that fails again after a
// retry keeps the first one: a status that has ended cannot be changed.
func (b *bot) handle(watching, drain context.Context, project gitlabci.ProjectID, event *gitlabci.PipelineEvent) error {
	id := event.Pipeline.ID
	if event.Status != gitlabci.StatusFailed || b.store.Done(project, id) {
		return b.store.Advance(project, event.Cursor, 0)
	}
	var missing time.Time // since when
	for {
		reason, err := b.explain(drain, project, event.Pipeline)
		wait := 30 * time.Second
		if isMissing(err) {
			missing, wait = cmp.Or(missing, time.Now()), 10*time.Second
		}
		switch {
		case err == nil:
			if err := b.store.Advance(project, event.Cursor, id); err != nil {
				return err
			}
			b.say("pipeline %d of %s: %s", id, project, reason)
			return nil
		case isDenied(err) || drain.Err() != nil:
			return err // it is not stored as handled
		case isFinal(err), isMissing(err) && time.Since(missing) >= time.Minute:
			b.say("pipeline %d of %s cannot be explained: %v", id, project, err)
			return b.store.Advance(project, event.Cursor, id)
		}
		b.say("pipeline %d of %s is tried again: %v", id, project, err)
		select {
		case <-watching.Done():
			return nil // it is not stored as handled
		case <-time.After(wait):
		}
	}
}
