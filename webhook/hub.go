package webhook

import (
	"context"
	"slices"
	"strings"
	"sync"

	"example.com/gitlabci"
)

// A Hub wakes those who watch pipelines when an event says that one may have changed. It
// is a [gitlabci.Waker], for [gitlabci.WatchOptions]. It only wakes: what changed is read
// from the API, so that events that are lost, late, sent twice or out of order do no harm.
// It is safe for concurrent use.
//
// The webhook must send pipeline events, and job events if jobs are watched: GitLab sends
// no pipeline event when only a job has changed.
type Hub struct {
	mu       sync.Mutex
	watchers map[topic]map[*watcher]struct{}
}

// A watcher is called when there is an event about its topic.
type watcher struct{ wake func() }

// A topic is a pipeline, whose ID is unique on its instance, or all those of a project.
type topic struct {
	pipeline gitlabci.PipelineID
	project  string // a number or a path in small letters; "" with a pipeline
}

// NewHub returns a Hub that nobody has called yet.
func NewHub() *Hub { return &Hub{watchers: map[topic]map[*watcher]struct{}{}} }

// topicOf does not compare the project of a pipeline: it may have been renamed, and to be
// woken in vain is harmless. GitLab does not distinguish capital letters in paths.
func topicOf(project gitlabci.ProjectID, pipeline gitlabci.PipelineID) topic {
	if pipeline > 0 {
		return topic{pipeline: pipeline}
	}
	return topic{project: strings.ToLower(string(project))}
}

// Wake calls wake for each event about the pipeline, or about any pipeline of the project
// if pipeline is 0, until stop is called or ctx ends. The project is a path or a number.
// The function wake must return at once. It can still be called for a moment after stop.
func (h *Hub) Wake(ctx context.Context, project gitlabci.ProjectID, pipeline gitlabci.PipelineID, wake func()) (stop func()) {
	of, w := topicOf(project, pipeline), &watcher{wake}
	h.add(of, w)
	forget := context.AfterFunc(ctx, func() { h.remove(of, w) })
	return func() {
		forget()
		h.remove(of, w)
	}
}

func (h *Hub) add(of topic, w *watcher) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.watchers[of] == nil {
		h.watchers[of] = map[*watcher]struct{}{}
	}
	h.watchers[of][w] = struct{}{}
}

func (h *Hub) remove(of topic, w *watcher) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.watchers[of], w)
	if len(h.watchers[of]) == 0 {
		delete(h.watchers, of)
	}
}

// Handle wakes those who watch the pipeline of a pipeline event or a job event, the
// pipeline that started it, or all pipelines of one of their projects. It is a function
// for [NewHandler], or called by one. It does not wait, and its error is always nil.
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

// watching returns those who watch any of the topics. They are called without the lock,
// and may call the Hub.
func (h *Hub) watching(topics []topic) (all []*watcher) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i, of := range topics {
		if of == (topic{}) || slices.Contains(topics[:i], of) {
			continue
		}
		for w := range h.watchers[of] {
			all = append(all, w)
		}
	}
	return all
}
