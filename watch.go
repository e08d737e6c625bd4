package gitlabci

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"example.com/gitlabci/internal/poll"
	"example.com/gitlabci/internal/rest"
)

// WatchOptions say what [PipelinesService.Watch] and [PipelinesService.Wait]
// poll, and how often. Nil means all of the defaults. Negative times, and a
// MinInterval above the MaxInterval, are errors.
//
// A poll is one list of the jobs, from which the status of the pipeline is read too. A
// pipeline without jobs is requested itself. With Downstream, there is a second list, of the
// trigger jobs. A list that has not changed is not sent again.
//
// A poll that fails is repeated, in addition to the retries of the client itself. It is an
// error when polls have failed for GiveUpAfter, or immediately if polling again cannot
// help.
type WatchOptions struct {
	// Downstream watches trigger jobs too, the pipelines that they start in any
	// project, and all pipelines below those. Each poll then needs a second list. More than
	// 10,000 pipelines are an error: GitLab allows 1,000 by default.
	Downstream bool

	// WaitForManual lets Wait continue if nothing can finish before someone plays
	// a manual job, instead of returning [ErrBlocked]. Watch always continues.
	WaitForManual bool

	// Wake, unless nil, reports when something may have changed. The next poll then usually
	// begins within half a second, but at least MinInterval after the last one. Without a
	// wake, it begins after MaxInterval. Zeros are 1 second and 5 minutes.
	//
	// A wake only starts a poll, and all events come from polls. So lost, late, repeated
	// and forged wakes do no harm. If polls after wakes find no change, they become less
	// frequent, down to one in 15 seconds. After a poll that failed, and after a change
	// that another one must follow, the next poll does not wait for a wake.
	Wake Waker

	// MinInterval is the time from one poll to the next after a change. While
	// nothing changes, it grows to MaxInterval. Each interval is up to a tenth
	// shorter, so that many watchers do not poll at the same moment. Zeros are 2
	// and 15 seconds without Wake. If only one of them is set, and beyond the default of
	// the other, both are the same.
	MinInterval, MaxInterval time.Duration

	// GiveUpAfter is how long polls may fail, for reasons that can pass, before
	// that is an error. It counts from the first of them in a row. Zero is 10
	// minutes.
	GiveUpAfter time.Duration
}

// A Waker reports when pipelines may have changed, as a receiver of GitLab's webhooks can.
type Waker interface {
	// Wake calls wake each time that something may have changed in a pipeline of a
	// project, or in any pipeline of it if pipeline is 0, until stop is called or the
	// context ends. The project is a path or a number, as the caller has it. The function
	// wake does not block. It may be called from any goroutine, at any time, and still for
	// a moment after stop.
	Wake(ctx context.Context, project ProjectID, pipeline PipelineID, wake func()) (stop func())
}

// A PipelineEvent is a change of a pipeline or of a job, or a pipeline or a job
// that was seen for the first time.
//
// Events come from polls, so a status that lasts only from one poll to the next has none. But
// no event is repeated, each one happened, and the last status of every job has an event. A
// retried job is another job.
//
// [PipelinesService.Watch] yields events until the pipeline has finished: its status says so,
// and each of its jobs has ended or is manual. If jobs still run then, it has finished when
// nothing has changed for a minute. Watch does not wait for a later retry. It continues while
// the pipeline is manual or has an unknown status.
type PipelineEvent struct {
	Pipeline   *PipelineInfo // what changed, or the pipeline of the job; Name may be missing
	Job        *Job          // the job that changed; nil if it was none
	TriggerJob *TriggerJob   // the trigger job that changed; nil if it was none

	Status   Status // what it is now
	Previous Status // what it was when last seen; "" the first time

	// Err is nil, or why a downstream Pipeline is not watched any more: the token
	// may not read it, or it was deleted. Nothing changed then. In an event of WatchAll,
	// it is why the jobs of the Pipeline could not be read.
	Err error

	// Cursor continues after this event. Only those of WatchAll have it.
	Cursor WatchCursor
}

const (
	watchMinInterval = 2 * time.Second
	watchMaxInterval = 15 * time.Second
	wakeMinInterval  = time.Second // with a Waker
	wakeMaxInterval  = 5 * time.Minute
	watchGiveUpAfter = 10 * time.Minute
)

// errStopped ends a watch whose loop was left.
var errStopped = errors.New("the loop was left")

// Watch ranges over the changes of a pipeline and of its jobs until it has
// finished. It begins with an event for the pipeline and for each job. It sends no request
// before the loop or after a break, and starts over when ranged again.
//
//	GET /projects/:id/pipelines/:pipeline_id/jobs
//	GET /projects/:id/pipelines/:pipeline_id/bridges
//	GET /projects/:id/pipelines/:pipeline_id
//
// See https://docs.gitlab.com/api/jobs/#list-all-jobs-by-pipeline.
// An error ends the loop. It matches [ErrNotFound] if the pipeline does not exist, was
// deleted or is hidden from the token, [ErrUnauthorized] if the token has expired,
// [ErrForbidden], and [ErrInvalid]. A downstream pipeline that may not be read is an event
// with Err instead. See [PipelineEvent] for what is yielded, and [WatchOptions] for how it
// polls.
func (s *PipelinesService) Watch(ctx context.Context, project ProjectID, pipeline PipelineID, opts *WatchOptions) iter.Seq2[*PipelineEvent, error] {
	o := *cmp.Or(opts, &WatchOptions{})
	return func(yield func(*PipelineEvent, error) bool) {
		w, err := s.watch(project, pipeline, &o)
		if err == nil {
			w.emit = func(event *PipelineEvent) bool { return yield(event, nil) }
			defer w.unsubscribe()
			w.subscribe(ctx, w.root)
			err = w.run(ctx)
		}
		if err != nil && err != errStopped {
			yield(nil, err)
		}
	}
}

// A watch is one loop over a pipeline and, if wanted, those below it.
type watch struct {
	service *PipelinesService
	options WatchOptions // without zeros
	emit    func(*PipelineEvent) bool

	root  *watched
	below map[PipelineID]*watched
	open  []*watched // those that have not finished, upstream first
	pace  poll.Pace

	mayBlock  bool // whether to end if only people can make it continue
	idlePolls int  // polls in a row after which only people could make it continue
}

func (s *PipelinesService) watch(project ProjectID, pipeline PipelineID, opts *WatchOptions) (*watch, error) {
	o := *cmp.Or(opts, &WatchOptions{})
	if err := o.check(); err != nil {
		return nil, rest.Invalid("WatchOptions", err)
	}
	w := &watch{
		service: s,
		options: o,
		pace:    o.pace(s.client),
	}
	w.root = w.add(project, pipeline)
	return w, nil
}

// add begins to watch one more pipeline.
func (w *watch) add(project ProjectID, id PipelineID) *watched {
	p := newWatched(project, id)
	p.since = w.service.client.created.of(id)
	p.patience.GiveUpAfter = w.options.GiveUpAfter
	w.open = append(w.open, p)
	return p
}

// find returns the watched pipeline with the ID, or nil.
func (w *watch) find(id PipelineID) *watched {
	if id == w.root.id {
		return w.root
	}
	return w.below[id]
}

// check returns an error for options that make no sense, and replaces zeros by the
// defaults. A limit that is set alone moves the default of the other one.
func (o *WatchOptions) check() error {
	if least := min(o.MinInterval, o.MaxInterval, o.GiveUpAfter); least < 0 {
		return fmt.Errorf("the time %v is negative", least)
	}
	shortest, longest := watchMinInterval, watchMaxInterval
	if o.Wake != nil {
		shortest, longest = wakeMinInterval, wakeMaxInterval
	}
	switch {
	case o.MinInterval == 0 && o.MaxInterval == 0:
		o.MinInterval, o.MaxInterval = shortest, longest
	case o.MinInterval == 0:
		o.MinInterval = min(shortest, o.MaxInterval)
	case o.MaxInterval == 0:
		o.MaxInterval = max(longest, o.MinInterval)
	case o.MinInterval > o.MaxInterval:
		return fmt.Errorf("the MinInterval %v is above the MaxInterval %v", o.MinInterval, o.MaxInterval)
	}
	if o.GiveUpAfter == 0 {
		o.GiveUpAfter = watchGiveUpAfter
	}
	return nil
}

// pace is how polls follow one another, by options without zeros.
func (o *WatchOptions) pace(c *Client) poll.Pace {
	pace := poll.Pace{Min: o.MinInterval, Max: o.MaxInterval, Jitter: true}
	if o.Wake != nil {
		pace.Bell, pace.Idle = poll.NewBell(c.turns), o.MaxInterval
		pace.Max = max(o.MinInterval, min(o.MaxInterval, watchMaxInterval))
	}
	return pace
}

// subscribe makes the Waker, if there is one, wake the polls of a pace for a pipeline's events.
func (o *WatchOptions) subscribe(ctx context.Context, pace *poll.Pace, project ProjectID, pipeline PipelineID) (stop func()) {
	if o.Wake != nil {
		stop = o.Wake.Wake(ctx, project, pipeline, pace.Bell.Ring)
	}
	if stop == nil {
		stop = func() {}
	}
	return stop
}

// subscribe makes a pipeline's events wake the watch, from before it is read for the first
// time.
func (w *watch) subscribe(ctx context.Context, p *watched) {
	p.stop = w.options.subscribe(ctx, &w.pace, p.project, p.id)
}

// unsubscribe ends that pipelines wake the watch.
func (w *watch) unsubscribe() {
	w.root.unsubscribe()
	for _, p := range w.below {
		p.unsubscribe()
	}
}

// closeIfOver reports whether a pipeline needs no more polls. Unless it is the first one, which
// may start again, it no longer wakes the watch.
func (w *watch) closeIfOver(p *watched) bool {
	if !p.isOver() {
		return false
	}
	if p != w.root {
		p.unsubscribe()
	}
	return true
}

// run polls until all has finished.
func (w *watch) run(ctx context.Context) error {
	for {
		changed, err := w.poll(ctx)
		if err != nil {
			return err
		}
		w.open = slices.DeleteFunc(w.open, w.closeIfOver)
		if len(w.open) == 0 {
			return nil
		}
		if blocked := w.blocked(); blocked != nil && w.mayBlock {
			return &BlockedError{blocked.project, blocked.id, blocked.toPlay()}
		}
		if changed {
			w.pace.Restart()
		}
		if err := w.pause(ctx); err != nil {
			return err
		}
	}
}

// poll reads each open pipeline once, including those that it finds.
func (w *watch) poll(ctx context.Context) (changed bool, err error) {
	for i := 0; i < len(w.open); i++ {
		news, err := w.pollOne(ctx, w.open[i])
		if err != nil {
			return false, err
		}
		changed = changed || news
	}
	return changed, nil
}

// readOnce polls until each pipeline was read, those that the first ones show included.
func (w *watch) readOnce(ctx context.Context) error {
	for {
		if _, err := w.poll(ctx); err != nil {
			return err
		}
		if !slices.ContainsFunc(w.open, func(p *watched) bool { return !p.read && !p.gone }) {
			return nil
		}
		if err := w.pause(ctx); err != nil {
			return err
		}
	}
}

func (w *watch) pollOne(ctx context.Context, p *watched) (changed bool, err error) {
	begun := time.Now()
	p.current = false
	seen, err := w.read(ctx, p)
	if err != nil {
		return false, w.failed(ctx, p, begun, err)
	}
	p.patience.Restore()
	p.absence.Found()
	if p.outdated(seen) {
		return false, nil
	}
	p.current = true
	events := p.update(seen)
	if w.addDownstream(ctx, p, seen.triggers); len(w.below) > maxTreePipelines {
		return false, tooManyBelow(w.root.id)
	}
	for _, event := range events {
		if !w.emit(event) {
			return true, errStopped
		}
	}
	return len(events) > 0, nil
}

// pause waits until the next poll.
func (w *watch) pause(ctx context.Context) error {
	if w.mustPollSoon() {
		w.pace.Expect()
	}
	if w.pace.Wait(ctx) == nil {
		return nil
	}
	failing := slices.IndexFunc(w.open, func(p *watched) bool { return p.patience.Failures() > 0 })
	if failing < 0 { // perhaps the last read of one that has finished
		return w.ended(ctx, w.root, nil)
	}
	return w.ended(ctx, w.open[failing], nil)
}

// mustPollSoon reports whether the next poll must not wait for a wake: the last one failed,
// read an old or an inconsistent state, or found a blocked pipeline, which a second poll must
// confirm.
func (w *watch) mustPollSoon() bool {
	return w.root.patience.Failures() > 0 || w.mayBlock && w.idlePolls > 0 ||
		slices.ContainsFunc(w.open, func(p *watched) bool { return !p.current || p.unsettled() })
}

// ended is the error of a context that ended, with why polls of a pipeline failed
// before, if they did.
func (w *watch) ended(ctx context.Context, p *watched, err error) error {
	return rest.Errorf("watching pipeline %d: %w", w.root.id, p.patience.Ended(ctx, err))
}

// blocked returns a pipeline that waits for a person, if in two polls in a row there
// was nothing else to wait for.
func (w *watch) blocked() *watched {
	if slices.ContainsFunc(w.open, func(p *watched) bool { return !p.current }) {
		return nil
	}
	w.idlePolls++
	if slices.ContainsFunc(w.open, func(p *watched) bool { return !p.needsPerson() }) {
		w.idlePolls = 0
	}
	if w.idlePolls < 2 {
		return nil
	}
	return w.open[slices.IndexFunc(w.open, func(p *watched) bool { return p.info.Status.Blocked() })]
}

// drop stops watching a downstream pipeline that cannot be read.
func (w *watch) drop(p *watched, err error) error {
	p.gone = true
	event := p.event(&PipelineEvent{Status: p.info.Status, Previous: p.info.Status, Err: err})
	if !w.emit(event) {
		return errStopped
	}
	return nil
}
