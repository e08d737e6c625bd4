package webhook_test

import (
	"context"
	"maps"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"weak"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/webhook"
)

func TestHub(t *testing.T) {
	project := &webhook.Project{ID: "42", PathWithNamespace: "Group/App"}
	pipeline := func(id gitlabci.PipelineID) *webhook.Event {
		return &webhook.Event{Project: project, Pipeline: &webhook.Pipeline{ID: id}}
	}
	child := pipeline(33)
	upstream := &webhook.Project{ID: "43", PathWithNamespace: "group/other"}
	child.Pipeline.SourcePipeline = &webhook.SourcePipeline{PipelineID: 31, Project: upstream}
	tests := map[string]struct {
		event *webhook.Event
		wakes string
	}{
		"the pipeline":       {pipeline(31), "31 by path, 31 by number, 31 by an old path, path, number, other case"},
		"another pipeline":   {pipeline(32), "path, number, other case"},
		"a child":            {child, "31 by path, 31 by number, 31 by an old path, path, number, other case, other project"},
		"a child's job":      {&webhook.Event{Job: &webhook.Job{PipelineID: 33, SourcePipeline: &webhook.SourcePipeline{PipelineID: 31}}}, "31 by path, 31 by number, 31 by an old path"},
		"its own child":      {&webhook.Event{Project: project, Pipeline: &webhook.Pipeline{ID: 31, SourcePipeline: &webhook.SourcePipeline{PipelineID: 32, Project: project}}}, "31 by path, 31 by number, 31 by an old path, path, number, other case"},
		"a job":              {&webhook.Event{Project: project, Job: &webhook.Job{PipelineID: 31}}, "31 by path, 31 by number, 31 by an old path, path, number, other case"},
		"an older job":       {&webhook.Event{Project: &webhook.Project{ID: "42"}, Job: &webhook.Job{PipelineID: 32}}, "number"},
		"another project":    {&webhook.Event{Project: &webhook.Project{ID: "43", PathWithNamespace: "group/other"}, Pipeline: &webhook.Pipeline{ID: 40}}, "other project"},
		"no project":         {&webhook.Event{Pipeline: &webhook.Pipeline{ID: 31}}, "31 by path, 31 by number, 31 by an old path"},
		"a job of nothing":   {&webhook.Event{Project: project, Job: &webhook.Job{}}, ""},
		"a deployment":       {&webhook.Event{Project: project, Deployment: &webhook.Deployment{ID: 1}}, ""},
		"another kind":       {&webhook.Event{Kind: "push", Project: project}, ""},
		"no project's names": {&webhook.Event{Project: &webhook.Project{}, Pipeline: &webhook.Pipeline{ID: 50}}, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			hub := webhook.NewHub()
			var woken []string
			waiting := []struct {
				name     string
				project  gitlabci.ProjectID
				pipeline gitlabci.PipelineID
			}{
				{"31 by path", "group/app", 31}, {"31 by number", "42", 31}, {"31 by an old path", "group/old", 31}, {"path", "group/app", 0}, {"number", "42", 0},
				{"other case", "GROUP/app", 0}, {"other project", "group/other", 0},
			}
			for _, w := range waiting {
				hub.Wake(t.Context(), w.project, w.pipeline, func() { woken = append(woken, w.name) })
			}
			require.NoError(t, hub.Handle(t.Context(), test.event))
			want := []string{}
			if test.wakes != "" {
				want = strings.Split(test.wakes, ", ")
			}
			require.ElementsMatch(t, want, woken, "each once")
		})
	}
}

var _ gitlabci.Waker = (*webhook.Hub)(nil)

// A watcher that has stopped, or whose context has ended, is forgotten; others stay. A
// function that is called may call the hub.
func TestHubForgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := webhook.NewHub()
		ctx, cancel := context.WithCancel(t.Context())
		woken := map[string]int{}
		hub.Wake(ctx, "group/app", 31, func() { woken["ended"]++ })
		hub.Wake(t.Context(), "group/app", 31, func() { woken["other"]++ })
		var stop func()
		stop = hub.Wake(t.Context(), "group/app", 31, func() {
			woken["stopped"]++
			stop()
		})
		e := &webhook.Event{Pipeline: &webhook.Pipeline{ID: 31}}
		require.NoError(t, hub.Handle(t.Context(), e))
		require.Equal(t, map[string]int{"ended": 1, "other": 1, "stopped": 1}, woken)
		stop()
		cancel()
		synctest.Wait()
		require.NoError(t, hub.Handle(t.Context(), e))
		require.Equal(t, map[string]int{"ended": 1, "other": 2, "stopped": 1}, woken)
		hub.Wake(ctx, "group/app", 31, func() { woken["late"]++ })()
		synctest.Wait()
		require.NoError(t, hub.Handle(t.Context(), e))
		require.Zero(t, woken["late"])
	})
}

// Watchers of one pipeline may stop in any order, and more than once.
func TestHubStops(t *testing.T) {
	hub, random := webhook.NewHub(), rand.New(rand.NewPCG(1, 20))
	woken, stops := map[int]int{}, map[int]func(){}
	var stopped []func()
	for step := range 300 {
		if random.IntN(3) > 0 {
			stops[step] = hub.Wake(t.Context(), "group/app", 31, func() { woken[step]++ })
		} else if len(stops) > 0 {
			one := slices.Sorted(maps.Keys(stops))[random.IntN(len(stops))]
			stops[one]()
			stopped = append(stopped, stops[one])
			delete(stops, one)
			stopped[random.IntN(len(stopped))]()
		}
		clear(woken)
		require.NoError(t, hub.Handle(t.Context(), &webhook.Event{Pipeline: &webhook.Pipeline{ID: 31}}))
		want := map[int]int{}
		for one := range stops {
			want[one] = 1
		}
		require.Equal(t, want, woken)
	}
}

// Watchers whose contexts have ended are forgotten without an event, before they are more
// than twice as many as the others.
func TestHubForgetsWithoutEvents(t *testing.T) {
	hub := webhook.NewHub()
	var kept []weak.Pointer[[64]byte]
	for i := range 1000 {
		ctx, cancel := context.WithCancel(t.Context())
		memory := new([64]byte)
		hub.Wake(ctx, "group/app", gitlabci.PipelineID(1+i%400), func() { memory[0]++ })
		cancel()
		kept = append(kept, weak.Make(memory))
	}
	runtime.GC()
	kept = slices.DeleteFunc(kept, func(p weak.Pointer[[64]byte]) bool { return p.Value() == nil })
	require.LessOrEqual(t, len(kept), 100)
	runtime.KeepAlive(hub)
}

func TestHubOfConcurrentCallers(t *testing.T) {
	hub := webhook.NewHub()
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() {
			for n := range 200 {
				var woken atomic.Bool
				pipeline := gitlabci.PipelineID(n%7 + 1)
				stop := hub.Wake(t.Context(), "group/app", pipeline, func() { woken.Store(true) })
				err := hub.Handle(t.Context(), &webhook.Event{Pipeline: &webhook.Pipeline{ID: pipeline}})
				if err != nil || !woken.Load() {
					t.Error(i, n, err)
				}
				stop()
			}
		})
	}
	all.Wait()
}
