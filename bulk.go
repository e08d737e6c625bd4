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
	defaultEachConcurrency = 4
	maxEachConcurrency     = 64
	maxEachTries           = 3           // of a call that the rate limit refuses
	minEachWait            = time.Minute // GitLab's limits are per minute
)

// EachOptions are options of [PipelinesService.CancelEach],
// [PipelinesService.DeleteEach] and [PipelinesService.RetryEach]. Nil means the zero
// values.
//
// These methods read the given pipelines to their end before they make the first call.
// So they miss no pipeline of a list that changes through their calls, and they change
// nothing if the list ends in an error. That takes some 500 bytes for each pipeline. A
// pipeline that is given twice counts once. The results arrive as the calls finish: in
// the given order if Concurrency is 1.
//
// The loop ends with an error beside the results if the given list has an error, if the
// context ends, or if an argument is invalid, which matches [ErrInvalid]. If the context
// ends, the error says how many pipelines were not begun, and the calls that are running
// yield their results first. If the loop is left by a break, running calls are canceled,
// and GitLab may still execute them. Each loop over the same iterator makes all calls
// again. With [iter.Pull], stop must be called; otherwise the running calls and their
// goroutines leak.
//
// GitLab 19.5 and later limit how many pipelines of a project a user may cancel (120),
// retry (200) and delete (400) a minute. A call that such a limit refuses is retried after
// a minute, unless [WithMaxWait] is less.
type EachOptions struct {
	Concurrency int  // how many calls, up to 64, run at the same time; 0 is 4
	DryRun      bool // only yield the pipelines that calls would be made for
}

// An EachResult is the result for one pipeline.
type EachResult struct {
	Pipeline *PipelineInfo // as it was given, from before the call
	DryRun   bool          // no call was made; see [EachOptions.DryRun]
	Err      error         // of the call; nil in a dry run
}

// CancelEach cancels pipelines, such as those that [PipelinesService.All] lists, and
// yields one result for each. See [EachOptions] for the order of calls, what ends the
// loop, and rate limits.
//
//	POST /projects/:id/pipelines/:pipeline_id/cancel
//
// See https://docs.gitlab.com/api/pipelines/#cancel-all-jobs-for-a-pipeline.
// The errors of the results are those of [PipelinesService.Cancel]. After one, the
// other pipelines are still canceled, unless the loop is left.
func (s *PipelinesService) CancelEach(ctx context.Context, project ProjectID, pipelines iter.Seq2[*PipelineInfo, error], opts *EachOptions) iter.Seq2[*EachResult, error] {
	return s.each(ctx, pipelines, opts, action{onEach(http.MethodPost, project, "cancel"), func(ctx context.Context, id PipelineID) error {
		_, err := s.Cancel(ctx, project, id)
		return err
	}})
}

// DeleteEach deletes pipelines with their jobs, logs and artifacts, and yields one
// result for each, as [PipelinesService.CancelEach] does. This cannot be undone.
//
//	DELETE /projects/:id/pipelines/:pipeline_id
//
// See https://docs.gitlab.com/api/pipelines/#delete-a-pipeline.
// The errors of the results are those of [PipelinesService.Delete]; only an owner of
// the project may delete pipelines.
func (s *PipelinesService) DeleteEach(ctx context.Context, project ProjectID, pipelines iter.Seq2[*PipelineInfo, error], opts *EachOptions) iter.Seq2[*EachResult, error] {
	return s.each(ctx, pipelines, opts, action{onEach(http.MethodDelete, project), func(ctx context.Context, id PipelineID) error {
		return s.Delete(ctx, project, id)
	}})
}

// RetryEach retries the failed and canceled jobs of pipelines, and yields one result for
// each pipeline, as [PipelinesService.CancelEach] does.
//
//	POST /projects/:id/pipelines/:pipeline_id/retry
//
// See https://docs.gitlab.com/api/pipelines/#retry-jobs-in-a-pipeline.
// The errors of the results are those of [PipelinesService.Retry]. No request is sent
// twice: if GitLab may have executed one, its error matches [ErrOutcomeUnknown].
func (s *PipelinesService) RetryEach(ctx context.Context, project ProjectID, pipelines iter.Seq2[*PipelineInfo, error], opts *EachOptions) iter.Seq2[*EachResult, error] {
	return s.each(ctx, pipelines, opts, action{onEach(http.MethodPost, project, "retry"), func(ctx context.Context, id PipelineID) error {
		_, err := s.Retry(ctx, project, id)
		return err
	}})
}

// An action is the call to make for each pipeline.
type action struct {
	call *rest.Call // for checks and errors, without an ID; it is never sent
	do   func(context.Context, PipelineID) error
}

func onEach(method string, project ProjectID, words ...any) *rest.Call {
	return rest.Repeatable(method, at(append([]any{"projects", project, "pipelines", ":pipeline_id"}, words...)...), nil)
}

// A bulk is one loop: an action for many pipelines.
type bulk struct {
	action
	options EachOptions // with defaults in place of zeros
	client  *Client
}

func (s *PipelinesService) each(ctx context.Context, given iter.Seq2[*PipelineInfo, error], opts *EachOptions, a action) iter.Seq2[*EachResult, error] {
	var options EachOptions
	if opts != nil {
		options = *opts
	}
	return func(yield func(*EachResult, error) bool) {
		b := bulk{action: a, options: options, client: s.client} // each loop has its own
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
			b.dryRun(pipelines, yield)
			return
		}
		b.run(ctx, pipelines, yield)
	}
}

// check returns an error if an argument is invalid, and sets defaults.
func (b *bulk) check(given iter.Seq2[*PipelineInfo, error]) error {
	switch n := b.options.Concurrency; {
	case n < 0 || n > maxEachConcurrency:
		return rest.Invalid("EachOptions.Concurrency", fmt.Errorf("%d is not within 0 to %d", n, maxEachConcurrency))
	case n == 0:
		b.options.Concurrency = defaultEachConcurrency
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

// read reads the given pipelines to their end.
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

func (b *bulk) dryRun(pipelines []*PipelineInfo, yield func(*EachResult, error) bool) {
	for _, pipeline := range pipelines {
		if !yield(&EachResult{Pipeline: pipeline, DryRun: true}, nil) {
			return
		}
	}
}

// run yields the results as the calls finish. It returns only when no call is running.
func (b *bulk) run(ctx context.Context, pipelines []*PipelineInfo, yield func(*EachResult, error) bool) {
	done, left := 0, false
	pool.EachReporting(ctx, len(pipelines), b.options.Concurrency, func(ctx context.Context, i int, report func(*EachResult)) error {
		report(&EachResult{Pipeline: pipelines[i], Err: b.retryRateLimited(ctx, pipelines[i].ID)})
		return nil // an error is the result of its pipeline
	}, func(result *EachResult) bool {
		done++
		left = !yield(result, nil)
		return !left
	})
	if ended := rest.Ended(ctx); ended != nil && !left && done < len(pipelines) {
		yield(nil, rest.Errorf("%d of %d pipelines were not begun: %w", len(pipelines)-done, len(pipelines), ended))
	}
}

// retryRateLimited retries a call that a rate limit of GitLab's refuses. GitLab does not
// always say how long to wait, and then the client's own retries end too early.
func (b *bulk) retryRateLimited(ctx context.Context, id PipelineID) error {
	for try := 1; ; try++ {
		err := b.do(ctx, id)
		e, responded := errors.AsType[*APIError](err)
		if !responded || !e.Is(ErrRateLimited) || errors.Is(err, ErrOutcomeUnknown) || try == maxEachTries {
			return err
		}
		if ended := rest.Ended(ctx); ended != nil {
			return cutShort(ended, err)
		}
		wait := max(e.RetryAfter, minEachWait)
		if err := b.client.pause(ctx, b.call, try, rest.ReasonRateLimit, wait, err); err != nil {
			return err
		}
	}
}
