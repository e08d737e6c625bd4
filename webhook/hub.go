package webhook

import (
	"context"
	"slices"
	"strings"
	"sync"

	"example.com/gitlabci"
)

// A Hub starts polls of watched pipelines when an event says that one may have changed. It
// is a [gitlabci.Waker], for [gitlabci.WatchOptions]. It only starts polls: what changed is
// read from the API, so that events that are lost, late, sent twice or out of order do no
// harm. It is safe for concurrent use.
//
// The webhook must send pipeline events, and job events if jobs are watched: GitLab sends
// no pipeline event when only a job has changed.
type Hub struct {
	mu       sync.Mutex
	watchers map[topic]*watcher // the first one of each topic
	count    int
	forgetAt int // the count at which watchers whose contexts have ended are forgotten
}

// A watcher is called when there is an event about its topic. There can be thousands, so each
// is small, and has no goroutine that waits for the end of its context.
type watcher struct {
	hub      *Hub
	of       topic
	ctx      context.Context
	wake     func()
	next     *watcher // of the topic
	previous *watcher
	gone     bool
}

// A topic is a pipeline, whose ID is unique on its instance, or all those of a project.
type topic struct {
	pipeline gitlabci.PipelineID
	project  string // a number or a path in small letters; "" with a pipeline
}

// NewHub returns a Hub that nobody has called yet.
func NewHub() *Hub { return &Hub{watchers: map[topic]*watcher{}} }

// topicOf does not compare the project of a pipeline: it may have been renamed, and a
// needless poll is harmless. GitLab does not distinguish capital letters in paths.
func topicOf(project gitlabci.ProjectID, pipeline gitlabci.PipelineID) topic {
	if pipeline > 0 {
		return topic{pipeline: pipeline}
	}
	return topic{project: strings.ToLower(string(project))}
}

// Wake calls wake for each event about the pipeline, or about any pipeline of the project
// if pipeline is 0, until stop is called or ctx ends. The project is a path or a number.
// The function wake must not block. It can still be called for a moment after stop.
func (h *Hub) Wake(ctx context.Context, project gitlabci.ProjectID, pipeline gitlabci.PipelineID, wake func()) (stop func()) {
	w := &watcher{hub: h, of: topicOf(project, pipeline), ctx: ctx, wake: wake}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.forget()
	w.next = h.watchers[w.of]
	if w.next != nil {
		w.next.previous = w
	}
	h.watchers[w.of] = w
	h.count++
	return w.stop
}

const minForgetAt = 100 // fewer watchers are not worth the search

// forget removes the watchers whose contexts have ended, each time that there are twice as
// many as were left the last time. A watcher that stops is removed immediately.
func (h *Hub) forget() {
	if h.count < max(minForgetAt, h.forgetAt) {
		return
	}
	for _, w := range h.watchers {
		for ; w != nil; w = w.next {
			if w.ctx.Err() != nil {
				w.remove()
			}
		}
	}
	h.forgetAt = 2 * h.count
}

func (w *watcher) stop() {
	w.hub.mu.Lock()
	defer w.hub.mu.Unlock()
	w.remove()
}

// remove removes a watcher from its hub. Its next watcher stays set, for loops.
func (w *watcher) remove() {
	if w.gone {
		return
	}
	w.gone = true
	w.hub.count--
	switch {
	case w.previous != nil:
		w.previous.next = w.next
	case w.next != nil:
		w.hub.watchers[w.of] = w.next
	default:
		delete(w.hub.watchers, w.of)
	}
	if w.next != nil {
		w.next.previous = w.previous
	}
}

// Handle starts polls by the watchers of the pipeline of a pipeline event or a job event,
// the pipeline that started it, or all pipelines of one of their projects. Pass it to
// [NewHandler], or call it from the function that you pass. It does not wait, and its error
// is always nil.
func (h *Hub) Handle(_ context.Context, e *Event) error {
	var id gitlabci.PipelineID
	var source *SourcePipeline
	switch {
	case e.Pipeline != nil:
		id, source = e.Pipeline.ID, e.Pipeline.SourcePipeline
	case e.Job != nil:
		id, source = e.Job.PipelineID, e.Job.SourcePipeline
	}
	if id < 1 {
		return nil
	}
	topics := topicsOf(e.Project, id)
	if source != nil { // its trigger job may have changed, which has no event of its own
		topics = append(topics, topicsOf(source.Project, source.PipelineID)...)
	}
	for _, w := range h.watching(topics) {
		w.wake()
	}
	return nil
}

// topicsOf returns the topics of a pipeline: itself, and its project by number and by path.
func topicsOf(project *Project, pipeline gitlabci.PipelineID) []topic {
	topics := []topic{topicOf("", pipeline)}
	if project != nil {
		topics = append(topics, topicOf(project.ID, 0), topicOf(gitlabci.ProjectID(project.PathWithNamespace), 0))
	}
	return topics
}

// watching returns the watchers of any of the topics. They are called without the lock, and
// may call the Hub.
func (h *Hub) watching(topics []topic) (all []*watcher) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i, of := range topics {
		if of == (topic{}) || slices.Contains(topics[:i], of) {
			continue
		}
		for w := h.watchers[of]; w != nil; w = w.next {
			if w.ctx.Err() != nil {
				w.remove()
			} else {
				all = append(all, w)
			}
		}
	}
	return all
}
