package work

import (
	"context"
	"fmt"
	"iter"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"example.com/gitlabci"
	"example.com/gitlabci/bench/internal/served"
	"example.com/gitlabci/webhook"
)

// watch watches many pipelines at the same time for a while, in which one job of each ends,
// and measures what each takes of memory. The time is a test's: it passes only while every
// watcher waits, so that none of them is amid a request when the memory is measured.
func watch(ctx context.Context, t Task) (found Result, err error) {
	ended := make(chan struct{})
	all := func(string, string) (bool, error) { return true, nil }
	test := func(test *testing.T) {
		synctest.Test(test, func(*testing.T) { found, err = watchFor(ctx, t) })
		close(ended)
		select {} // where Main would end the process
	}
	go testing.Main(all, []testing.InternalTest{{Name: "watch", F: test}}, nil, nil)
	<-ended
	return found, err
}

// ProjectPipelines is how many pipelines run in a project.
const ProjectPipelines = 50

// A watching is the loops of a task.
type watching struct {
	server  *busyServer
	stop    context.CancelCauseFunc
	loops   sync.WaitGroup
	changes atomic.Int64 // that the loops have seen
}

func watchFor(ctx context.Context, t Task) (Result, error) {
	w := &watching{server: newBusyServer(t.Size, t.For)}
	client, err := newOurs(t, gitlabci.WithTransport(w.server))
	if err != nil {
		return Result{}, err
	}
	hub := webhook.NewHub()
	before, goroutines := memoryHeld(), runtime.NumGoroutine()
	ctx, w.stop = context.WithCancelCause(ctx)
	defer w.stop(nil)
	for changes := range events(ctx, t, client, hub) {
		time.Sleep(time.Millisecond) // or each would have a whole response in memory
		w.loops.Go(func() { w.loop(changes) })
	}
	if t.Work == "watch with events" {
		w.server.send(hub)
	}
	time.Sleep(time.Until(w.server.begun.Add(t.For)))
	synctest.Wait()
	after := memoryHeld()
	found := Result{
		Seconds:  t.For.Seconds(),
		Requests: w.server.requests.Load(), Whole: w.server.whole.Load(), Polls: w.server.polls.Load(),
		Goroutines: int64(runtime.NumGoroutine() - goroutines),
		Held:       after.HeapAlloc - before.HeapAlloc, Stacks: after.StackInuse - before.StackInuse,
	}
	err = context.Cause(ctx)
	w.stop(nil)
	w.loops.Wait()
	if n := w.changes.Load(); err == nil && n != int64(t.Size) {
		err = fmt.Errorf("%d changes were seen, instead of %d", n, t.Size)
	}
	return found, err
}

// events are those of each loop of a task: over a pipeline, or over all pipelines of a
// project.
func events(ctx context.Context, t Task, client *gitlabci.Client, hub *webhook.Hub) iter.Seq[iter.Seq2[*gitlabci.PipelineEvent, error]] {
	return func(yield func(iter.Seq2[*gitlabci.PipelineEvent, error]) bool) {
		if t.Work == "watch projects" {
			for i := range t.Size / ProjectPipelines {
				opts := &gitlabci.WatchAllOptions{Since: time.Now().Add(-time.Minute)}
				yield(client.Pipelines.WatchAll(ctx, gitlabci.ProjectNumber(int64(1+i)), opts))
			}
			return
		}
		opts := &gitlabci.WatchOptions{}
		if t.Work == "watch with events" {
			opts.Wake = hub
		}
		for i := range t.Size {
			yield(client.Pipelines.Watch(ctx, project, gitlabci.PipelineID(served.FirstWatched+int64(i)), opts))
		}
	}
}

func (w *watching) loop(events iter.Seq2[*gitlabci.PipelineEvent, error]) {
	for event, err := range events {
		if err != nil {
			w.stop(err) // only the first one counts
			return
		}
		if event.Previous != "" {
			w.changes.Add(1)
		}
	}
}

// memoryHeld is the memory in use, without garbage and without what stacks no longer need:
// a collection halves those at most.
func memoryHeld() (m runtime.MemStats) {
	for range 3 {
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return m
}
