package gitlabci

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"time"

	"example.com/gitlabci/internal/pool"
	"example.com/gitlabci/internal/rest"
)

const (
	eachConcurrency = 4
	mostAtOnce      = 64
	eachTries       = 3           // of what is limited
	eachPatience    = time.Minute // by which GitLab counts
)

// EachOptions say how [PipelinesService.CancelEach], [PipelinesService.DeleteEach]
// and [PipelinesService.RetryEach] go about it. Nil is all of the defaults.
type EachOptions struct {
	Concurrency int  // how many calls, up to 64, are under way at once; 0 is 4
	DryRun      bool // whether to yield what it would be done to, and do nothing
}

// An EachResult is what became of one pipeline.
type EachResult struct {
	Pipeline *PipelineInfo // as it was given, so from before
	DryRun   bool          // nothing was done, by [EachOptions.DryRun]
	Err      error         // why it was not done; nil if it was, and in a dry run
}

// CancelEach cancels pipelines, such as those that [PipelinesService.All]
// lists, and yields one result for each. Its errors are those of
// [PipelinesService.Cancel]. One of them does not keep the others from being
// canceled; leave the loop for that.
//
//	POST /projects/:id/pipelines/:pipeline_id/cancel
//
// See https://docs.gitlab.com/api/pipelines/#cancel-all-jobs-for-a-pipeline.
// Nothing is done before the loop, or before the pipelines were read to their
// end: so that a list which changes for what is done leaves none out, whatever
// its order, its filters and its Prefetch, and so that one which breaks off
// changes nothing. That takes some 500 bytes a pipeline. What comes twice
// counts once. The results come as they are done, in the order given if
// Concurrency is 1.
//
// An error beside the results ends the loop: that of the pipelines given, with
// nothing done, that of the context, which says how many were not begun, or
// bad input, which matches [ErrInvalid]. A call that is under way when the
// context ends has its result before; when the loop is left, it is given up,
// and GitLab may carry it out. Ranging again begins afresh. With [iter.Pull], stop
// must be called, or the calls under way and their goroutines stay.
//
// From 19.5 on GitLab limits how often a user does this: 120 pipelines of a
// project can be canceled a minute, 200 retried and 400 deleted. What it
// refuses for that is tried again after a minute, unless [WithMaxWait] is less;
// so give it the pipelines that need it, rather than all.
func (s *PipelinesService) CancelEach(ctx context.Context, project ProjectID, pipelines iter.Seq2[*PipelineInfo, error], opts *EachOptions) iter.Seq2[*EachResult, error] {
	return s.each(ctx, pipelines, opts, deed{onEach(http.MethodPost, project, "cancel"), func(ctx context.Context, id PipelineID) error {
		_, err := s.Cancel(ctx, project, id)
		return err
	}})
}

// DeleteEach deletes pipelines with their jobs, logs and artifacts, for good,
// as [PipelinesService.CancelEach] cancels them: none before the list was read
// to its end, so that none is left out because others are gone. Its errors are
// those of [PipelinesService.Delete]; only an owner of the project may.
//
//	DELETE /projects/:id/pipelines/:pipeline_id
//
// See https://docs.gitlab.com/api/pipelines/#delete-a-pipeline.
func (s *PipelinesService) DeleteEach(ctx context.Context, project ProjectID, pipelines iter.Seq2[*PipelineInfo, error], opts *EachOptions) iter.Seq2[*EachResult, error] {
	return s.each(ctx, pipelines, opts, deed{onEach(http.MethodDelete, project), func(ctx context.Context, id PipelineID) error {
		return s.Delete(ctx, project, id)
	}})
}

// RetryEach runs the failed and canceled jobs of pipelines again, as
// [PipelinesService.CancelEach] cancels them. Its errors are those of
// [PipelinesService.Retry]: none is sent twice, and one that may have been
// carried out matches [ErrOutcomeUnknown].
//
//	POST /projects/:id/pipelines/:pipeline_id/retry
//
// See https://docs.gitlab.com/api/pipelines/#retry-jobs-in-a-pipeline.
func (s *PipelinesService) RetryEach(ctx context.Context, project ProjectID, pipelines iter.Seq2[*PipelineInfo, error], opts *EachOptions) iter.Seq2[*EachResult, error] {
	return s.each(ctx, pipelines, opts, deed{onEach(http.MethodPost, project, "retry"), func(ctx context.Context, id PipelineID) error {
		_, err := s.Retry(ctx, project, id)
		return err
	}})
}

// A deed is what is done to a pipeline.
type deed struct {
	call *rest.Call // what it is, with the name of an ID in its place; never sent
	do   func(context.Context, PipelineID) error
}

func onEach(method string, project ProjectID, words ...any) *rest.Call {
	return rest.Repeatable(method, at(append([]any{"projects", project, "pipelines", ":pipeline_id"}, words...)...), nil)
}

// A bulk is something to do to many pipelines.
type bulk struct {
	deed
	options EachOptions // without zeros
	wire    *rest.Client
}

func (s *PipelinesService) each(ctx context.Context, given iter.Seq2[*PipelineInfo, error], opts *EachOptions, d deed) iter.Seq2[*EachResult, error] {
	var options EachOptions
	if opts != nil {
		options = *opts
	}
	return func(yield func(*EachResult, error) bool) {
		b := bulk{deed: d, options: options, wire: s.client.wire} // each loop has its own
		if err := b.check(given); err != nil {
			yield(nil, err)
			return
		}
		pipelines, err := b.read(given)
		if err != nil {
			yield(nil, err)
			return
		}
		if b.options.DryRun {
			b.pretend(pipelines, yield)
			return
		}
		b.run(ctx, pipelines, yield)
	}
}

// check finds what is wrong before anything is sent, and gives zeros their
// values.
func (b *bulk) check(given iter.Seq2[*PipelineInfo, error]) error {
	switch n := b.options.Concurrency; {
	case n < 0 || n > mostAtOnce:
		return rest.Invalid("EachOptions.Concurrency", fmt.Errorf("%d is not within 0 to %d", n, mostAtOnce))
	case n == 0:
		b.options.Concurrency = eachConcurrency
	}
	where := b.call.Method + " " + b.call.Path.Template
	if b.call.Err != nil {
		return rest.Invalid(where, b.call.Err)
	}
	if given == nil {
		return rest.Invalid(where, errors.New("the iterator is nil"))
	}
	return nil
}

// read reads the pipelines given to their end.
func (b *bulk) read(given iter.Seq2[*PipelineInfo, error]) (pipelines []*PipelineInfo, err error) {
	known := map[PipelineID]bool{}
	for pipeline, err := range given {
		switch {
		case err != nil:
			return nil, err
		case pipeline == nil || pipeline.ID < 1:
			return nil, rest.Invalid(b.call.Method+" "+b.call.Path.Template, errors.New("the iterator has a pipeline without an ID"))
		case !known[pipeline.ID]:
			known[pipeline.ID] = true
			pipelines = append(pipelines, pipeline)
		}
	}
	return pipelines, nil
}

func (b *bulk) pretend(pipelines []*PipelineInfo, yield func(*EachResult, error) bool) {
	for _, pipeline := range pipelines {
		if !yield(&EachResult{Pipeline: pipeline, DryRun: true}, nil) {
			return
		}
	}
}

// run yields the results as they come, and returns when nothing is under way
// any more, however it ends.
func (b *bulk) run(ctx context.Context, pipelines []*PipelineInfo, yield func(*EachResult, error) bool) {
	done, left := 0, false
	pool.EachReporting(ctx, len(pipelines), b.options.Concurrency, func(ctx context.Context, i int, report func(*EachResult)) error {
		report(&EachResult{Pipeline: pipelines[i], Err: b.patiently(ctx, pipelines[i].ID)})
		return nil // an error is the result of its pipeline
	}, func(result *EachResult) bool {
		done++
		left = !yield(result, nil)
		return !left
	})
	if ended := rest.Ended(ctx); ended != nil && !left && done < len(pipelines) {
		yield(nil, fmt.Errorf("gitlabci: %d of %d pipelines were not begun: %w", len(pipelines)-done, len(pipelines), ended))
	}
}

// patiently does it again where GitLab counts how often that is done a minute,
// and refuses. It does not always say for how long, as the client would wait.
func (b *bulk) patiently(ctx context.Context, id PipelineID) error {
	for try := 1; ; try++ {
		err := b.do(ctx, id)
		e, answered := errors.AsType[*APIError](err)
		if !answered || !e.Is(ErrRateLimited) || errors.Is(err, ErrOutcomeUnknown) || try == eachTries {
			return err
		}
		if ended := rest.Ended(ctx); ended != nil {
			return cutShort(ended, err)
		}
		wait := max(e.RetryAfter, eachPatience)
		if !b.wire.Config().MayWait(ctx, wait) {
			return err
		}
		b.wire.Announce(ctx, b.call, try, rest.ReasonRateLimit, wait)
		if ended := rest.Sleep(ctx, wait); ended != nil {
			return cutShort(ended, err)
		}
	}
}
