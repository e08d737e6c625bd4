package gitlabci

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"example.com/gitlabci/internal/lenient"
	"example.com/gitlabci/internal/pages"
	"example.com/gitlabci/internal/poll"
	"example.com/gitlabci/internal/rest"
)

// read reads a pipeline and its jobs, and with Downstream its trigger jobs. These are read
// last: when the pipeline has finished, they have all been started.
func (w *watch) read(ctx context.Context, p *watched) (*observation, error) {
	o, err := w.readJobs(ctx, p)
	if err != nil || !w.options.Downstream {
		return o, err
	}
	triggers, err := collect(triggerJobsOf(p.id), w.service.client.Jobs.AllTriggerJobs(ctx, p.project, p.id, nil))
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
	whole, err := getState[*Pipeline](ctx, w.service.client, pipelineAt(p.project, p.id))
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
			o.same = false
			if len(o.pages) == 0 {
				o.pipeline = pipelineOf(page.Items, p.id)
			}
			o.jobs = append(o.jobs, page.Items...)
		}
		o.pages = append(o.pages, now)
		if o.isEndless() {
			return nil, fmt.Errorf("gitlabci: the list of %s does not end: %d pages were read", jobsOf(p.id), len(o.pages))
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

// pipelineOf is the pipeline as its jobs have it, nil if none has it with its status.
func pipelineOf(jobs []*Job, id PipelineID) *PipelineInfo {
	for _, job := range jobs {
		if job.Pipeline != nil && job.Pipeline.ID == id && job.Pipeline.Status != "" {
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

// yieldJobs reads the jobs of a pipeline that has changed, and yields what has changed of
// them.
func (w *allWatch) yieldJobs(ctx context.Context, pipeline *PipelineInfo, previous Status) (news bool, err error) {
	p := w.jobs[pipeline.ID]
	if p == nil {
		p = newWatched(w.project, pipeline.ID)
		p.patience = poll.Patience{GiveUpAfter: w.timing.GiveUpAfter / 3, AtLeast: 3, Responded: true}
		w.jobs[pipeline.ID] = p
	}
	o, unread, err := w.listJobs(ctx, p)
	switch {
	case err != nil:
		w.asked = "" // so that the list has the pipeline again
		return false, err
	case isGone(unread) && !p.absence.Missed(true): // a replica may not have it yet
		w.putOff(p, pipeline)
		return false, nil
	}
	p.gone = unread != nil
	if p.gone {
		return w.yield(pipeline, previous, nil, unread)
	}
	p.absence.Found()
	read := cmp.Or(o.pipeline, pipeline) // as it was, if the list is as it was
	if p.lag.Lasts(read.isBehind(pipeline) || p.jobsGoBack(o)) {
		w.putOff(p, pipeline)
		return false, nil
	}
	if read.UpdatedAt.After(pipeline.UpdatedAt) { // the jobs have it without its name
		newer := *read // in the list, it keeps the place that was read
		newer.Name = cmp.Or(read.Name, pipeline.Name)
		pipeline = &newer
	}
	p.info, p.changed = pipeline.clone(), time.Now()
	events := p.updateListed(o)
	p.bare = p.isBare()
	return w.yield(pipeline, previous, events, nil)
}

// putOff leaves a change to the next poll, since the replica that lists the jobs lags.
func (w *allWatch) putOff(p *watched, pipeline *PipelineInfo) {
	w.asked, w.stale, p.current = "", true, true
	w.window.Hold(pipeline.UpdatedAt)
}

// listJobs lists the jobs of a pipeline. The error ends the poll. If instead only these
// jobs cannot be read, unread says why.
func (w *allWatch) listJobs(ctx context.Context, p *watched) (o *observation, unread, err error) {
	begun := time.Now()
	o, err = w.reader.listJobs(ctx, p)
	if err == nil {
		p.patience.Restore()
		if o.pipeline == nil || o.pipeline.UpdatedAt.IsZero() {
			// There are no jobs, or an old server does not say when their pipeline changed.
			// So the list can be as it was, though that has changed.
			o.pipeline, o.pages = nil, nil
		}
		return o, nil, nil
	}
	_, lasts := p.patience.Failed(begun, retryAfter(err), err)
	if ctx.Err() != nil || errors.Is(err, ErrUnauthorized) || isTransient(err, true) && !lasts {
		return nil, nil, err
	}
	return nil, err, nil
}

// updateListed keeps the jobs of an observation, and returns their changes.
func (p *watched) updateListed(o *observation) []*PipelineEvent {
	events := p.updateJobs(o)
	p.read = true
	if len(events) > 0 {
		p.changed = time.Now()
	}
	return events
}

// settle reads unfinished jobs of finished pipelines again, and forgets the jobs of
// forgotten pipelines. Jobs show how old they are, and an empty list does not. So if a
// pipeline finishes without jobs, they are listed again when no replica lags any longer.
func (w *allWatch) settle(ctx context.Context) (changed bool, err error) {
	for _, id := range slices.Sorted(maps.Keys(w.jobs)) {
		p := w.jobs[id]
		again := p.bare && time.Since(p.changed) >= poll.LongestLag || p.patience.Failures() > 0
		if p.read && p.info.Status.Finished() && (!p.isOver() || !p.gone && again) {
			news, err := w.settleOne(ctx, p)
			changed = changed || news
			if err != nil {
				return changed, err
			}
		} else if _, known := w.window.Last(int64(id)); !known && !p.current { // or its jobs lag
			delete(w.jobs, id)
		}
		p.current = false
	}
	return changed, nil
}

func (w *allWatch) settleOne(ctx context.Context, p *watched) (changed bool, err error) {
	w.stale = true
	o, unread, err := w.listJobs(ctx, p)
	switch {
	case err != nil:
		return false, err
	case isGone(unread):
		p.gone = p.absence.Missed(true)
		return false, nil
	case unread != nil:
		p.gone = true
		return w.yield(p.info, p.info.Status, nil, unread)
	}
	p.absence.Found()
	older := o.pipeline != nil && o.pipeline.isBehind(p.info)
	if p.lag.Lasts(older || p.jobsGoBack(o)) {
		return false, nil
	}
	p.bare = false
	return w.yield(p.info, p.info.Status, p.updateListed(o), nil)
}
