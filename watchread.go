package gitlabci

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/url"
	"time"
)

// read reads a pipeline and its jobs, and with Downstream its trigger jobs.
// Those come last: when the pipeline has finished, they have all been started.
func (w *watch) read(ctx context.Context, p *watched) (*observation, error) {
	o, err := w.readJobs(ctx, p)
	if err != nil || !w.options.Downstream {
		return o, err
	}
	triggers, err := collect(w.service.client.Jobs.AllTriggerJobs(ctx, p.project, p.id, nil))
	if err != nil {
		return nil, err
	}
	o.triggers = inOrder(triggers, triggerJobID)
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
	o.pipeline, o.etag = &whole.PipelineInfo, ""
	return o, nil
}

// listJobs lists the jobs, and those that were retried. What the first page
// says of the pipeline counts: it is not newer than any of the jobs.
func (w *watch) listJobs(ctx context.Context, p *watched) (*observation, error) {
	first := reading(at("projects", p.project, "pipelines", p.id, "jobs"), url.Values{
		"include_retried": {"true"}, "per_page": {"100"},
	})
	first.etag = p.etag
	page, etag, err := fetchPageUnless[*Job](ctx, w.service.client, first)
	switch {
	case err != nil:
		return nil, err
	case page == nil:
		return &observation{same: true}, nil
	}
	o := &observation{pipeline: pipelineOf(page.items, p.id), jobs: page.items, etag: etag}
	if page.next != "" {
		rest, err := collect(w.service.client.Jobs.AllForPipeline(ctx, p.project, p.id, &ListPipelineJobsOptions{
			ListOptions: ListOptions{After: page.next},
		}))
		if err != nil {
			return nil, err
		}
		o.jobs, o.etag = append(o.jobs, rest...), ""
	}
	o.jobs = inOrder(o.jobs, jobID)
	return o, nil
}

// pipelineOf is the pipeline as its jobs have it, nil if none does. It is a
// copy, for the jobs are handed out.
func pipelineOf(jobs []*Job, id PipelineID) *PipelineInfo {
	for _, job := range jobs {
		if job.Pipeline != nil && job.Pipeline.ID == id {
			return new(*job.Pipeline)
		}
	}
	return nil
}

// mostCollected is how many items of a list are held at most.
const mostCollected = 100_000

// collect reads a list to its end, and nothing is left of one that fails.
func collect[T any](items iter.Seq2[*T, error]) (all []*T, err error) {
	for item, err := range items {
		if err != nil {
			return nil, err
		}
		if all = append(all, item); len(all) > mostCollected {
			return nil, fmt.Errorf("gitlabci: the list has more than %d items", mostCollected)
		}
	}
	return all, nil
}

// failed decides what becomes of a poll that failed: an error, if that will
// stay or has lasted, and else nil for another try.
func (w *watch) failed(ctx context.Context, p *watched, begun time.Time, err error) error {
	if cause := ctx.Err(); cause != nil {
		if !errors.Is(err, cause) {
			err = fmt.Errorf("%w (after: %w)", cause, err)
		}
		return fmt.Errorf("gitlabci: watching pipeline %d: %w", w.root.id, err)
	}
	e, answered := errors.AsType[*APIError](err)
	passes := mayPass(err, p.read) || answered && e.gone() && time.Since(p.since) < longestLag
	switch {
	case !passes && (p == w.root || errors.Is(err, ErrUnauthorized)):
		if p.read && answered && e.gone() {
			return fmt.Errorf("gitlabci: pipeline %d was deleted while it was watched: %w", p.id, err)
		}
		return err
	case !passes:
		return w.leave(p, err)
	}
	if p.failing.IsZero() {
		p.failing = begun
	}
	asked := time.Duration(0)
	if answered {
		asked = e.RetryAfter
	}
	w.held = max(w.held, asked)
	if lasted := time.Since(p.failing); lasted >= w.options.GiveUpAfter-asked {
		return fmt.Errorf("gitlabci: pipeline %d could not be read for %v: %w", p.id, lasted.Round(time.Second), err)
	}
	return nil
}

// leave gives up a downstream pipeline.
func (w *watch) leave(p *watched, err error) error {
	p.gone = true
	event := p.event(&PipelineEvent{Status: p.info.Status, Previous: p.info.Status, Err: err})
	if !w.tell(event) {
		return errStopped
	}
	return nil
}
