package gitlabci

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"example.com/gitlabci/internal/poll"
)

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
	if p.gone = unread != nil; p.gone {
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
	return w.yield(pipeline, previous, p.updateListed(o), nil)
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
	if p.read = true; len(events) > 0 {
		p.changed = time.Now()
	}
	return events
}

// settle reads unfinished jobs of finished pipelines again, and forgets the jobs of
// forgotten pipelines.
func (w *allWatch) settle(ctx context.Context) (changed bool, err error) {
	for _, id := range slices.Sorted(maps.Keys(w.jobs)) {
		p := w.jobs[id]
		if p.read && p.info.Status.Finished() && (!p.isOver() || !p.gone && p.patience.Failures() > 0) {
			news, err := w.settleOne(ctx, p)
			if changed = changed || news; err != nil {
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
	return w.yield(p.info, p.info.Status, p.updateListed(o), nil)
}
