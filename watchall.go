package gitlabci

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"net/http"
	"slices"
	"time"

	"example.com/gitlabci/internal/lenient"
	"example.com/gitlabci/internal/pages"
	"example.com/gitlabci/internal/poll"
	"example.com/gitlabci/internal/rest"
)

// WatchAllOptions say where [PipelinesService.WatchAll] begins, which pipelines it
// watches, and how often it polls. Nil means all of the defaults.
//
// A poll is one list, of the pipelines that have changed since the last poll. It is one
// request for up to a hundred changes, however many pipelines the project has. With Jobs,
// the jobs of each changed pipeline are one more request.
//
// The first event of a pipeline has no Previous. No event is repeated, each one happened,
// and the last status of every pipeline has an event. A status that lasts only from one poll
// to the next is not seen.
//
// A change can appear up to a minute late in GitLab's lists, so each poll reads the last two
// minutes again. A finished pipeline is remembered for at least that long. If it changes
// later, such as by a retry, the event has no Previous, and with Jobs all of its jobs have
// events again.
//
// To resume after a restart, store the [PipelineEvent.Cursor] of each event that is handled,
// and set After to the last one. What changed meanwhile is yielded first. With Jobs, all jobs
// of a pipeline then have events after its next change, and so have those of the pipeline
// whose change was handled only in part.
type WatchAllOptions struct {
	// After continues after an event: it is the [PipelineEvent.Cursor] of the last one
	// that was handled, of the same project, Ref and Source. It replaces Since.
	After WatchCursor

	// Since begins with the pipelines that have changed since then, by the server's
	// clock. Zero begins with those that change from now on.
	Since time.Time

	Ref    string // exact: a branch, a tag, or refs/merge-requests/N/head; "" is any
	Source Source // "" is any but child pipelines, which [SourceParentPipeline] watches

	// Jobs yields the changes of jobs too. Each time that a pipeline has changed, its jobs
	// are read, by one more request. If it has finished and no job was listed, they are read
	// one more time, a minute later or more. GitLab does not list a pipeline as changed when
	// only its jobs have: use [PipelinesService.Watch] to see each of their changes.
	Jobs bool

	// The other options are those of [WatchOptions]. A Waker is called for any pipeline of
	// the project.
	Wake                     Waker
	MinInterval, MaxInterval time.Duration
	GiveUpAfter              time.Duration
}

// A WatchCursor is a place among the changes of a project's pipelines. It is text, which can
// be stored and used later, by other versions too. It has some ten bytes for each pipeline
// that has not finished or has changed within the last two minutes. So it is usually shorter
// than a kilobyte, and at most some 100 kB long, for 10,000 such pipelines.
type WatchCursor string

// WatchAll ranges over the changes of all pipelines of a project, until the loop is left
// or the context ends, which is an error. It sends no request before the loop or after a
// break, and starts over when ranged again.
//
//	GET /projects/:id/pipelines
//	GET /projects/:id/pipelines/:pipeline_id/jobs
//
// See https://docs.gitlab.com/api/pipelines/#list-project-pipelines.
// A poll that fails is repeated, and ends the loop with the errors of
// [PipelinesService.Watch]. If only the jobs of a pipeline cannot be read, an event of the
// pipeline has Err, and the jobs are read again after its next change. A deleted pipeline
// has no event. See [WatchAllOptions] for what is yielded, and how to resume.
func (s *PipelinesService) WatchAll(ctx context.Context, project ProjectID, opts *WatchAllOptions) iter.Seq2[*PipelineEvent, error] {
	o := *cmp.Or(opts, &WatchAllOptions{})
	return func(yield func(*PipelineEvent, error) bool) {
		w, err := s.watchAll(project, o)
		if err == nil {
			w.emit = func(event *PipelineEvent) bool { return yield(event, nil) }
			err = w.run(ctx)
		}
		if err != errStopped {
			yield(nil, err)
		}
	}
}

// An allWatch is one loop over the changes of a project's pipelines.
type allWatch struct {
	pollState
	service *PipelinesService
	project ProjectID
	options WatchAllOptions
	timing  WatchOptions // without zeros
	emit    func(*PipelineEvent) bool

	window *poll.Window // nil until it is known what time it is
	before time.Time    // changes until then were before the loop; zero after the first poll
	stale  bool         // whether the poll has read jobs that are older than their pipeline
	asked  string       // the query of the last list, if it was one page
	etag   string       // of that
	listed time.Time    // when that was last read without the ETag

	jobs   map[PipelineID]*watched // with Jobs
	reader *watch                  // of them
}

func (s *PipelinesService) watchAll(project ProjectID, o WatchAllOptions) (*allWatch, error) {
	w := &allWatch{service: s, project: project, options: o, jobs: map[PipelineID]*watched{}, reader: &watch{service: s}}
	w.timing = WatchOptions{Wake: o.Wake, MinInterval: o.MinInterval, MaxInterval: o.MaxInterval, GiveUpAfter: o.GiveUpAfter}
	err := w.timing.check()
	switch {
	case err != nil:
	case o.After != "":
		w.window, err = poll.ParseWindow(string(o.After), isEnd)
		if err != nil {
			err = fmt.Errorf("field After: %w", err)
		}
	case !o.Since.IsZero():
		w.window = poll.NewWindow(o.Since, isEnd)
	}
	if err != nil {
		return nil, rest.Invalid("WatchAllOptions", err)
	}
	what := pipelinesOf(project)
	w.pollState = pollState{what: what, doing: "watching " + what, pace: w.timing.pace(s.client), patience: poll.Patience{GiveUpAfter: w.timing.GiveUpAfter}}
	return w, nil
}

func isEnd(status string) bool { return Status(status).Finished() }

// run polls until the loop is left.
func (w *allWatch) run(ctx context.Context) error {
	defer w.timing.subscribe(ctx, &w.pace, w.project, 0)()
	for {
		begun := time.Now()
		changed, err := w.poll(ctx)
		switch {
		case err == errStopped:
			return err
		case err != nil:
			if err := w.failed(ctx, begun, w.patience.Responded, err); err != nil {
				return err
			}
		default:
			w.succeeded()
			if changed {
				w.pace.Restart()
			}
		}
		if w.stale {
			w.pace.Expect()
		}
		if w.pace.Wait(ctx) != nil {
			return w.ended(ctx, nil)
		}
	}
}

// poll reads all that has changed since the last poll.
func (w *allWatch) poll(ctx context.Context) (changed bool, err error) {
	if w.window == nil {
		if err := w.begin(ctx); err != nil {
			return false, err
		}
	}
	w.stale = false
	for at := (changesPage{from: w.window.From(), number: 1, first: true}); at.number > 0; {
		news, err := w.read(ctx, &at)
		changed = changed || news
		if err != nil {
			return changed, err
		}
	}
	w.before = time.Time{}
	w.window.End()
	news, err := w.settle(ctx)
	return changed || news, err
}

// A changesPage is a page of the list of pipelines that have changed since a time, those that
// changed first at the top.
type changesPage struct {
	from   time.Time
	number int // 0 is after the last one
	first  bool
	silent int // pages before it, in a row, that had no news
}

// read reads a page and goes to the next one.
func (w *allWatch) read(ctx context.Context, at *changesPage) (changed bool, err error) {
	begun := time.Now()
	page, header, err := w.list(ctx, *at)
	if err != nil {
		return false, err
	}
	if at.first {
		w.window.Begin(begun, sentTime(header, begun))
	}
	if page == nil {
		at.number = 0
		return false, nil
	}
	for _, pipeline := range page.Items {
		news, err := w.yieldChange(ctx, pipeline)
		changed = changed || news
		if err != nil {
			return changed, err
		}
	}
	at.silent++
	if changed {
		at.silent = 0
	}
	at.first = false
	if page.Next == "" || len(page.Items) == 0 {
		at.number = 0
		return changed, nil
	}
	w.asked = ""
	return changed, w.advance(at, page.Items[len(page.Items)-1].UpdatedAt)
}

// advance goes to the next page, given the time of the last change of this one. Numbered
// pages would shift while they are read. So the next page begins at that time, unless all
// changes of this one have the same time.
func (w *allWatch) advance(at *changesPage, last time.Time) error {
	if at.silent > maxPages {
		return rest.Errorf("the list of %s does not end: %d pages in a row have nothing new", w.what, at.silent)
	}
	if last.After(at.from) {
		at.from, at.number = last, 1
		return nil
	}
	at.number++
	if at.number > maxPages {
		return rest.Errorf("the list of %s does not end: it has %d pages of one time", w.what, maxPages)
	}
	return nil
}

// begin finds what changed last, so that only what follows is yielded.
func (w *allWatch) begin(ctx context.Context) error {
	begun := time.Now()
	page, header, err := w.request(ctx, &ListPipelinesOptions{ListOptions: ListOptions{PerPage: 1}, OrderBy: PipelineOrderByUpdatedAt}, "")
	if err != nil {
		return err
	}
	newest := sentTime(header, begun)
	w.window = poll.NewWindow(time.Time{}, isEnd)
	if len(page.Items) > 0 {
		w.before = page.Items[0].UpdatedAt
		if newest.IsZero() || w.before.Before(newest) {
			newest = w.before
		}
	}
	if !newest.IsZero() {
		w.window.BeginBefore(newest)
	}
	return nil
}

// list requests a page. It is nil if it is the first one, and as it was.
func (w *allWatch) list(ctx context.Context, at changesPage) (page *pages.Page[*PipelineInfo], header http.Header, err error) {
	opts := &ListPipelinesOptions{
		ListOptions:  ListOptions{PerPage: 100},
		UpdatedAfter: at.from, OrderBy: PipelineOrderByUpdatedAt, Sort: SortAsc,
	}
	if !at.first {
		opts.Page = at.number
		return w.request(ctx, opts, "")
	}
	etag, query := "", at.from.String()
	if w.asked == query && time.Since(w.listed) < maxUnchanged {
		etag = w.etag
	}
	w.asked = "" // until it is read
	if page, header, err = w.request(ctx, opts, etag); err == nil {
		w.asked = query
	}
	if page != nil {
		w.etag, w.listed = header.Get("ETag"), time.Now()
	}
	return page, header, err
}

func (w *allWatch) request(ctx context.Context, opts *ListPipelinesOptions, etag string) (*pages.Page[*PipelineInfo], http.Header, error) {
	opts.Ref, opts.Source = w.options.Ref, w.options.Source
	query, err := listQuery(opts, 0)
	if err != nil {
		return nil, nil, err
	}
	call := rest.Read(at("projects", w.project, "pipelines"), query)
	call.ETag = etag
	page, header, err := readPage(ctx, w.service.client, call, lenient.List[*PipelineInfo])
	if err == nil {
		err = checkPage(page, query, call.Path)
	}
	return page, header, err
}

// yieldChange yields the change of a pipeline, unless it was yielded before.
func (w *allWatch) yieldChange(ctx context.Context, pipeline *PipelineInfo) (news bool, err error) {
	w.window.Listed(pipeline.UpdatedAt)
	last, known := w.window.Last(int64(pipeline.ID))
	change := changeOf(pipeline)
	if known && (change.At < last.At || change == last || change.At == last.At && goesBack(Status(last.State), pipeline.Status)) {
		return false, nil // a replica lags, if it is older
	}
	if !pipeline.UpdatedAt.After(w.before) {
		w.window.Set(int64(pipeline.ID), change)
		return false, nil
	}
	if w.options.Jobs {
		return w.yieldJobs(ctx, pipeline, Status(last.State))
	}
	return w.yield(pipeline, Status(last.State), nil, nil)
}

func changeOf(pipeline *PipelineInfo) poll.Change {
	return poll.Change{At: pipeline.UpdatedAt.UnixMilli(), State: string(pipeline.Status)}
}

// yield yields the events of a pipeline's jobs, and that of the pipeline if its status has
// changed: first, or last if it has finished. The change is behind the cursor of the last
// event, and before that of the others, so that all of its jobs have events again.
func (w *allWatch) yield(pipeline *PipelineInfo, previous Status, events []*PipelineEvent, failure error) (news bool, err error) {
	if pipeline.Status != previous || failure != nil {
		event := &PipelineEvent{Pipeline: new(*pipeline), Status: pipeline.Status, Previous: previous, Err: failure}
		place := len(events)
		if !pipeline.Status.Finished() {
			place = 0
		}
		events = slices.Insert(events, place, event)
	}
	cursor, change := WatchCursor(""), changeOf(pipeline)
	if len(events) > 1 {
		if events[0].Job == nil { // it is not repeated, although the jobs are
			w.window.Set(int64(pipeline.ID), poll.Change{At: change.At - 1, State: change.State})
		}
		cursor = WatchCursor(w.window.Text())
	}
	w.window.Set(int64(pipeline.ID), change)
	for i, event := range events {
		if i == len(events)-1 {
			cursor = WatchCursor(w.window.Text())
		}
		event.Cursor = cursor
		if !w.emit(event) {
			return true, errStopped
		}
	}
	return len(events) > 0, nil
}
