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

// takeJobs reads the jobs of a pipeline that has changed, and yields what has changed of
// them.
func (w *allWatch) takeJobs(ctx context.Context, pipeline *PipelineInfo, previous Status) (news bool, err error) {
	p := w.jobs[pipeline.ID]
	if p == nil {
		p = newWatched(w.project, pipeline.ID)
		p.patience = poll.Patience{GiveUpAfter: w.timing.GiveUpAfter / 3, AtLeast: 3, Met: true}
		w.jobs[pipeline.ID] = p
	}
	p.info = pipeline
	begun := time.Now()
	o, err := w.reader.listJobs(ctx, p)
	if err != nil {
		_, lasts := p.patience.Failed(begun, askedToWait(err), err)
		if ctx.Err() != nil || errors.Is(err, ErrUnauthorized) || mayPass(err, true) && !lasts {
			w.asked = "" // so that the list has the pipeline again
			return false, err
		}
		return w.yield(pipeline, previous, nil, err)
	}
	p.patience.Restore()
	read := cmp.Or(o.pipeline, pipeline) // nil without jobs
	if p.lag.Lasts(read.UpdatedAt.Before(pipeline.UpdatedAt)) {
		w.asked, w.stale = "", true
		return false, nil
	}
	if read.UpdatedAt.After(pipeline.UpdatedAt) { // the jobs have it without its name
		name := pipeline.Name
		*pipeline = *read
		pipeline.Name = cmp.Or(read.Name, name)
	}
	return w.yield(pipeline, previous, p.takeListed(o), nil)
}

// takeListed makes the jobs of an observation what is known.
func (p *watched) takeListed(o *observation) []*PipelineEvent {
	events := p.takeJobs(o)
	if p.read = true; len(events) > 0 {
		p.changed = time.Now()
	}
	return events
}

// settle reads the jobs again that have not ended though their pipeline has, and forgets
// those of the pipelines that are forgotten.
func (w *allWatch) settle(ctx context.Context) (changed bool, err error) {
	for _, id := range slices.Sorted(maps.Keys(w.jobs)) {
		p := w.jobs[id]
		if _, known := w.window.Last(int64(id)); !known {
			delete(w.jobs, id)
		}
		if !p.read || !p.info.Status.Finished() || p.over() {
			continue
		}
		w.stale = true
		o, err := w.reader.listJobs(ctx, p)
		if isGone(err) {
			continue
		} else if err != nil {
			return changed, err
		}
		news, err := w.yield(p.info, p.info.Status, p.takeListed(o), nil)
		if changed = changed || news; err != nil {
			return changed, err
		}
	}
	return changed, nil
}
