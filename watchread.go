package gitlabci

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"example.com/gitlabci/internal/lenient"
	"example.com/gitlabci/internal/pages"
	"example.com/gitlabci/internal/rest"
)

// read reads a pipeline and its jobs, and with Downstream its trigger jobs. These are read
// last: when the pipeline has finished, they have all been started.
func (w *watch) read(ctx context.Context, p *watched) (*observation, error) {
	o, err := w.readJobs(ctx, p)
	if err != nil || !w.options.Downstream {
		return o, err
	}
	triggers, err := collect(w.service.client.Jobs.AllTriggerJobs(ctx, p.project, p.id, nil))
	if err != nil {
		return nil, err
	}
	o.triggers = sortedByID(triggers, triggerJobID)
	return o, nil
}

// readJobs reads the jobs, of which each has the pipeline, or where there are
// none the pipeline itself.
func (w *watch) readJobs(ctx context.Context, p *watched) (*observation, error) {
	o, err := w.listJobs(ctx, p)
	if err != nil || o.same || o.pipeline != nil {
		return o, err
	}
	whole, err := w.service.Get(ctx, p.project, p.id)
	if err != nil {
		return nil, err
	}
	if whole.Status.Finished() { // its jobs can have come and gone since they were listed
		if o, err = w.listJobs(ctx, p); err != nil {
			return nil, err
		}
	}
	o.pipeline, o.pages = &whole.PipelineInfo, nil
	return o, nil
}

// listJobs lists the jobs that are on pages that have changed, and those that were
// retried. The pipeline is the one of the first page: it is not newer than any of the jobs.
func (w *watch) listJobs(ctx context.Context, p *watched) (*observation, error) {
	known, o := p.pages, &observation{same: true, pipeline: p.info, listed: p.listed}
	if time.Since(p.listed) >= maxUnchanged {
		known, o.listed = nil, time.Now()
	}
	for cursor := Cursor(firstJobs); cursor != ""; cursor = o.pages[len(o.pages)-1].next {
		was := listedPage{cursor: cursor}
		if i := len(o.pages); i < len(known) && known[i].cursor == cursor {
			was = known[i]
		}
		page, now, err := w.listPage(ctx, p, was)
		if err != nil {
			return nil, err
		}
		if page != nil {
			if o.same = false; len(o.pages) == 0 {
				o.pipeline = pipelineOf(page.Items, p.id)
			}
			o.jobs = append(o.jobs, page.Items...)
		}
		if o.pages = append(o.pages, now); o.isEndless() {
			return nil, fmt.Errorf("gitlabci: the list of the jobs of pipeline %d does not end: %d pages were read", p.id, len(o.pages))
		}
	}
	o.jobs = sortedByID(o.jobs, jobID)
	return o, nil
}

const (
	firstJobs = "include_retried=true&per_page=100" // the query of the first page of jobs
	maxPages  = maxCollected / 100
)

// isEndless reports whether the last page links to one that was read, or there are too many
// pages.
func (o *observation) isEndless() bool {
	next := o.pages[len(o.pages)-1].next
	return len(o.pages) > maxPages || slices.ContainsFunc(o.pages, func(l listedPage) bool { return l.cursor == next })
}

// listPage reads a page of jobs again. The page is nil if it is as it was.
func (w *watch) listPage(ctx context.Context, p *watched, was listedPage) (*pages.Page[*Job], listedPage, error) {
	query, err := cursorQuery(was.cursor)
	if err != nil {
		return nil, was, err
	}
	call := rest.Read(at("projects", p.project, "pipelines", p.id, "jobs"), query)
	call.ETag = was.etag
	page, header, err := readPage(ctx, w.service.client, call, lenient.List[*Job])
	if err != nil || page == nil {
		return nil, was, err
	}
	now := listedPage{cursor: was.cursor, next: Cursor(page.Next), etag: header.Get("ETag")}
	oldestFirst := len(page.Items) > 1 && page.Items[0].ID < page.Items[1].ID
	if now.next == "" && len(page.Items) >= 100 && oldestFirst {
		now.etag = "" // a new job would be on a page of its own
	}
	return page, now, nil
}

// pipelineOf is the pipeline as its jobs have it, nil if none does.
func pipelineOf(jobs []*Job, id PipelineID) *PipelineInfo {
	for _, job := range jobs {
		if job.Pipeline != nil && job.Pipeline.ID == id {
			return job.Pipeline
		}
	}
	return nil
}

// addDownstream begins to watch the pipelines that trigger jobs have started.
func (w *watch) addDownstream(ctx context.Context, p *watched, triggers []*TriggerJob) {
	for _, t := range triggers {
		if t.DownstreamPipeline == nil || w.find(t.DownstreamPipeline.ID) != nil {
			continue
		}
		child := w.add(t.downstreamProject(p.project), t.DownstreamPipeline.ID)
		if w.below == nil {
			w.below = map[PipelineID]*watched{}
		}
		w.below[child.id] = child
		child.info = t.DownstreamPipeline.clone()
		child.since = time.Now()
		p.triggers[t.ID].child = child
		w.subscribe(ctx, child)
	}
}

// failed returns the error of a poll that failed, if it will not pass or has lasted
// too long, or nil to poll again.
func (w *watch) failed(ctx context.Context, p *watched, begun time.Time, err error) error {
	if ctx.Err() != nil {
		return w.ended(ctx, p, err)
	}
	known := p.read || !p.since.IsZero()
	gone := isGone(err)
	passes := isTransient(err, known) || gone && !p.absence.Missed(known)
	switch {
	case !passes && (p == w.root || errors.Is(err, ErrUnauthorized)):
		if p.read && gone {
			return rest.Errorf("pipeline %d was deleted while it was watched: %w", p.id, err)
		}
		return err
	case !passes:
		return w.drop(p, err)
	}
	asked := retryAfter(err)
	w.pace.AtLeast(asked)
	w.pace.Fail()
	p.patience.Responded = p.patience.Responded || known || showsServer(err)
	if lasted, giveUp := p.patience.Failed(begun, asked, err); giveUp {
		return rest.Errorf("pipeline %d could not be read for %v: %w", p.id, lasted, err)
	}
	return nil
}
