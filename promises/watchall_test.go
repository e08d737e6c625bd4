package promises_test

import (
	"context"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/internal/testkit"
)

// A changingProject is a server of one project whose pipelines change by the clock. A
// change appears in its lists some time after the time that it has, and each request may
// be responded to by a replica that lags.
type changingProject struct {
	rows  []*changingRow
	skew  time.Duration             // how far ahead the server's clock is
	lag   func() time.Duration      // of the replica that responds to a request
	fault func(n int) int           // the status of the nth response, if not 0
	now   func(time.Time) time.Time // unless nil, what the Date says
	mu    sync.Mutex
	seen  []string // queries
}

type changingRow struct {
	id      gitlabci.PipelineID // or that of a job
	changes []rowChange
	jobs    []*changingRow
}

type rowChange struct {
	at     time.Time // by the server's clock
	shows  time.Time // by the test's
	status gitlabci.Status
}

// change adds a change that happens after a time from now and shows later.
func (p *changingProject) change(row *changingRow, after, delay time.Duration, status gitlabci.Status) {
	at := time.Now().Add(after)
	row.changes = append(row.changes, rowChange{at.Add(p.skew).Truncate(time.Microsecond), at.Add(delay), status})
}

func (p *changingProject) add(n int) (rows []*changingRow) {
	for range n {
		rows = append(rows, &changingRow{id: gitlabci.PipelineID(101 + len(p.rows) + len(rows))})
	}
	p.rows = append(p.rows, rows...)
	return rows
}

// client has no retries, so that each fault ends a poll.
func (p *changingProject) client(t testing.TB) *gitlabci.Client {
	client, err := gitlabci.NewClient(gitlabci.WithToken(testkit.Token), gitlabci.WithRetries(0), gitlabci.WithTransport(testkit.RoundTripper(p.respond)))
	require.NoError(t, err)
	return client
}

func (p *changingProject) queries() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.seen)
}

func (p *changingProject) respond(req *http.Request) (*http.Response, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seen = append(p.seen, req.URL.RawQuery)
	if p.fault != nil {
		if status := p.fault(len(p.seen)); status != 0 {
			resp := respondJSON(req, `{"message":"a fault"}`)
			resp.StatusCode = status
			return resp, nil
		}
	}
	query, now := req.URL.Query(), time.Now()
	shown := now
	if p.lag != nil {
		shown = shown.Add(-p.lag())
	}
	body, next := "", 0
	if pipeline, ok := strings.CutSuffix(req.URL.Path, "/jobs"); ok {
		if body = p.jobsOf(path.Base(pipeline), shown); body == "" {
			resp := respondJSON(req, `{"message":"404 Not found"}`)
			resp.StatusCode = http.StatusNotFound
			return resp, nil
		}
	} else {
		body, next = p.page(query, shown)
	}
	resp := respondJSON(req, body)
	p.date(resp, now)
	if next > 0 {
		query.Set("page", strconv.Itoa(next))
		resp.Header.Set("Link", testkit.Link(query, "next"))
	}
	setETag(req, resp, body)
	return resp, nil
}

// date gives a response the time of the server's clock, or none.
func (p *changingProject) date(resp *http.Response, now time.Time) {
	date := now.Add(p.skew)
	if p.now != nil {
		date = p.now(date)
	}
	resp.Header.Set("Date", date.UTC().Format(http.TimeFormat))
	if date.IsZero() {
		resp.Header.Del("Date")
	}
}

// setETag gives a response the ETag of its body. If the client has that body, the response is
// a 304 without it.
func setETag(req *http.Request, resp *http.Response, body string) {
	sum := fnv.New64()
	_, _ = sum.Write([]byte(body))
	etag := fmt.Sprintf(`W/"%x"`, sum.Sum64())
	resp.Header.Set("ETag", etag)
	if req.Header.Get("If-None-Match") == etag {
		resp.StatusCode, resp.Body, resp.ContentLength = http.StatusNotModified, http.NoBody, 0
	}
}

// page is what a query lists of what is shown by a time, and the number of the next page.
func (p *changingProject) page(query url.Values, shown time.Time) (body string, next int) {
	type item struct {
		id int64
		rowChange
	}
	var items []item
	after, _ := time.Parse(time.RFC3339Nano, query.Get("updated_after"))
	for _, row := range p.rows {
		if row.changes[len(row.changes)-1].at.Before(after) {
			continue
		}
		last := row.last(shown)
		if !last.at.IsZero() && !last.at.Before(after) {
			items = append(items, item{int64(row.id), last})
		}
	}
	slices.SortStableFunc(items, func(a, b item) int { return a.at.Compare(b.at) })
	if query.Get("sort") != "asc" {
		slices.Reverse(items)
	}
	size, _ := strconv.Atoi(query.Get("per_page"))
	number := 1
	if given, _ := strconv.Atoi(query.Get("page")); given > 0 {
		number = given
	}
	begin, end := min((number-1)*size, len(items)), min(number*size, len(items))
	if end < len(items) {
		next = number + 1
	}
	var rows []string
	for _, it := range items[begin:end] {
		rows = append(rows, it.json(it.id))
	}
	return "[" + strings.Join(rows, ",") + "]", next
}

// last is the last change that is shown by a time.
func (r *changingRow) last(shown time.Time) (last rowChange) {
	for _, change := range r.changes {
		if !change.shows.After(shown) {
			last = change
		}
	}
	return last
}

func (c rowChange) json(id int64) string {
	return fmt.Sprintf(`{"id":%d,"project_id":7,"ref":"main","status":%q,"source":"push","updated_at":%q}`,
		id, c.status, c.at.UTC().Format("2006-01-02T15:04:05.000Z"))
}

// jobsOf is the list of a pipeline's jobs, with the pipeline, as they are shown by a time. It
// is empty if there is no such pipeline yet.
func (p *changingProject) jobsOf(pipeline string, shown time.Time) string {
	i := slices.IndexFunc(p.rows, func(row *changingRow) bool { return strconv.Itoa(int(row.id)) == pipeline })
	last := p.rows[i].last(shown)
	if last.at.IsZero() {
		return ""
	}
	var jobs []string
	for _, job := range p.rows[i].jobs {
		if status := job.last(shown).status; status != "" {
			jobs = append(jobs, fmt.Sprintf(`{"id":%d,"name":"unit","status":%q,"pipeline":%s}`, job.id, status, last.json(int64(p.rows[i].id))))
		}
	}
	return "[" + strings.Join(jobs, ",") + "]"
}

// A ledger checks the events of a project.
type ledger struct {
	last   map[gitlabci.PipelineID]*gitlabci.PipelineInfo // of the last event
	when   map[gitlabci.PipelineID]time.Time              // of that
	jobs   map[gitlabci.JobID]gitlabci.Status             // of the last event
	seen   map[gitlabci.JobID]bool                        // in this loop
	cursor gitlabci.WatchCursor
	events int
}

func newLedger() *ledger {
	return &ledger{last: map[gitlabci.PipelineID]*gitlabci.PipelineInfo{}, when: map[gitlabci.PipelineID]time.Time{}, jobs: map[gitlabci.JobID]gitlabci.Status{}}
}

// note requires that an event follows those before it, and is of a change that happened. A
// finished pipeline may have been forgotten.
func (l *ledger) note(t *testing.T, p *changingProject, e *gitlabci.PipelineEvent) {
	t.Helper()
	require.NotEmpty(t, e.Cursor)
	require.NoError(t, e.Err)
	l.cursor = e.Cursor
	l.events++
	if e.Job != nil {
		l.noteJob(t, p, e)
		return
	}
	id := e.Pipeline.ID
	require.True(t, slices.ContainsFunc(p.rows[id-101].changes, func(c rowChange) bool {
		return c.status == e.Status && c.at.Truncate(time.Millisecond).Equal(e.Pipeline.UpdatedAt)
	}), "%d was never %s", id, e.Status)
	if last := l.last[id]; last != nil {
		require.True(t, e.Pipeline.UpdatedAt.After(last.UpdatedAt), "%d is %s twice, or after it was %s", id, e.Status, last.Status)
		if e.Previous != "" || !last.Status.Finished() || time.Now().Add(p.skew).Sub(last.UpdatedAt) < 2*time.Minute {
			require.Equal(t, last.Status, e.Previous, "%v %v", id, e.Status)
			require.NotEqual(t, last.Status, e.Status)
		}
	}
	l.last[id], l.when[id] = e.Pipeline, time.Now()
}

// noteJob requires that an event of a job follows those before it in the same loop.
func (l *ledger) noteJob(t *testing.T, p *changingProject, e *gitlabci.PipelineEvent) {
	t.Helper()
	jobs := p.rows[e.Pipeline.ID-101].jobs
	changes := jobs[slices.IndexFunc(jobs, func(job *changingRow) bool { return int64(job.id) == int64(e.Job.ID) })].changes
	place := func(status gitlabci.Status) int {
		return slices.IndexFunc(changes, func(c rowChange) bool { return c.status == status && !c.shows.After(time.Now()) })
	}
	require.GreaterOrEqual(t, place(e.Status), 0, "job %d was never %s", e.Job.ID, e.Status)
	if e.Previous != "" || l.seen[e.Job.ID] {
		require.Equal(t, l.jobs[e.Job.ID], e.Previous)
		require.Greater(t, place(e.Status), place(e.Previous), "job %d is %s again", e.Job.ID, e.Status)
	}
	l.jobs[e.Job.ID], l.seen[e.Job.ID] = e.Status, true
}

// watch ranges until a time, or until so many events have come. The next call resumes after
// them.
func (l *ledger) watch(t *testing.T, p *changingProject, until time.Time, most int, opts gitlabci.WatchAllOptions) {
	t.Helper()
	ctx, cancel := context.WithDeadline(t.Context(), until)
	defer cancel()
	opts.After, l.seen = l.cursor, map[gitlabci.JobID]bool{}
	for event, err := range p.client(t).Pipelines.WatchAll(ctx, "group/app", &opts) {
		if err != nil {
			require.ErrorIs(t, err, context.DeadlineExceeded)
			return
		}
		l.note(t, p, event)
		if most--; most == 0 {
			return
		}
	}
}

func upTo(random *rand.Rand, most time.Duration) time.Duration {
	return time.Duration(random.Int64N(int64(most)))
}

// live gives a pipeline and its jobs a life: they may be retried, and may be through in a
// second.
func (p *changingProject) live(random *rand.Rand, row *changingRow, begin time.Duration) {
	var shown time.Duration
	change := func(status gitlabci.Status, rows ...*changingRow) {
		delay := time.Duration(0)
		if random.IntN(10) == 0 {
			delay = upTo(random, 30*time.Second)
		}
		shown = max(shown+1, begin+delay) // in order
		for _, row := range rows {
			p.change(row, begin, shown-begin, status)
		}
		begin += time.Duration(1+random.IntN(1000)) * time.Millisecond << random.IntN(10)
	}
	ends := []gitlabci.Status{gitlabci.StatusFailed, gitlabci.StatusSuccess, gitlabci.StatusCanceled, gitlabci.StatusManual}
	jobs := row.addJobs(random.IntN(3))
	change(gitlabci.StatusCreated, append(jobs, row)...)
	change(gitlabci.StatusPending, append(jobs, row)...)
	for try := range 1 + random.IntN(2) {
		if try > 0 {
			jobs = row.addJobs(len(jobs)) // which retry the others
			change(gitlabci.StatusPending, jobs...)
		}
		change(gitlabci.StatusRunning, row)
		for _, job := range jobs {
			change(gitlabci.StatusRunning, job)
			change(ends[random.IntN(3)], job)
		}
		change(ends[random.IntN(4)], row)
	}
}

func (r *changingRow) addJobs(n int) (jobs []*changingRow) {
	for range n {
		job := &changingRow{id: r.id*10 + gitlabci.PipelineID(len(r.jobs))}
		jobs, r.jobs = append(jobs, job), append(r.jobs, job)
	}
	return jobs
}

// With any clocks, late changes, restarts of the program and failures of the server: each
// change is yielded once, and the last status of every pipeline, and of every job.
func TestWatchAllProperty(t *testing.T) {
	t.Parallel()
	for _, seeds := range testkit.OneOf([][]uint64{{0, 3, 4}, {1, 2, 5}}) {
		for _, seed := range seeds[:testkit.Fewer(len(seeds))] {
			synctest.Test(t, func(t *testing.T) { watchAllProperty(t, seed, seed%2 == 1) })
		}
	}
}

func watchAllProperty(t *testing.T, seed uint64, jobs bool) {
	random := rand.New(rand.NewPCG(seed, 20))
	p := &changingProject{skew: []time.Duration{0, 5 * time.Hour, -5 * time.Hour}[seed%3]}
	p.lag = func() time.Duration { return upTo(random, 29*time.Second) * time.Duration(random.IntN(2)) }
	p.fault = func(int) int { return http.StatusBadGateway * (random.IntN(10) / 9) }
	if seed%5 >= 3 {
		p.now = func(time.Time) time.Time { return time.Time{} }
	}
	for _, row := range p.add(40) {
		p.live(random, row, upTo(random, 40*time.Minute))
	}
	begin := upTo(random, 40*time.Minute)
	for _, row := range p.add(230) { // at the same time
		p.change(row, begin, 0, gitlabci.StatusSkipped)
	}
	l, end := newLedger(), time.Now().Add(90*time.Minute)
	for time.Now().Before(end) {
		l.watch(t, p, end, 1+random.IntN(60), gitlabci.WatchAllOptions{Since: time.Now().Add(p.skew - time.Hour), Jobs: jobs})
	}
	for _, row := range p.rows {
		require.Contains(t, l.last, row.id, "seed %d", seed)
		require.Equal(t, row.changes[len(row.changes)-1].status, l.last[row.id].Status, "seed %d, pipeline %d: %v", seed, row.id, row.changes)
		for _, job := range row.jobs {
			if jobs {
				require.Equal(t, job.changes[len(job.changes)-1].status, l.jobs[gitlabci.JobID(job.id)], "seed %d, job %d: %v", seed, job.id, job.changes)
			}
		}
	}
}

// What was there before is not yielded, unless Since says so.
func TestWatchAllBegins(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		since time.Duration
		want  []gitlabci.PipelineID
	}{
		"now":              {0, []gitlabci.PipelineID{104, 105}},
		"a minute ago":     {time.Minute, []gitlabci.PipelineID{103, 104, 105}},
		"ten minutes ago":  {10 * time.Minute, []gitlabci.PipelineID{102, 103, 104, 105}},
		"before all of it": {10000 * time.Hour, []gitlabci.PipelineID{101, 102, 103, 104, 105}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := &changingProject{skew: 7 * time.Hour}
				rows := p.add(5)
				for i, ago := range []time.Duration{time.Hour, 5 * time.Minute, 30 * time.Second, -time.Minute, -2 * time.Minute} {
					p.change(rows[i], -ago, 0, gitlabci.StatusRunning)
				}
				opts := gitlabci.WatchAllOptions{}
				if test.since > 0 {
					opts.Since = time.Now().Add(p.skew - test.since)
				}
				l := newLedger()
				l.watch(t, p, time.Now().Add(10*time.Minute), 0, opts)
				require.Equal(t, len(test.want), l.events)
				for _, id := range test.want {
					require.Contains(t, l.last, id)
				}
			})
		})
	}
}

// A poll is one list, which begins two minutes before the last change, and with it once
// nothing can appear before it any more. Then GitLab responds with 304.
func TestWatchAllPolls(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &changingProject{}
		rows := p.add(1000)
		for i, row := range rows {
			p.change(row, -time.Hour-2*time.Duration(i)*time.Second, 0, gitlabci.StatusSuccess)
		}
		begun := time.Now().UTC()
		p.change(rows[0], 10*time.Minute, 0, gitlabci.StatusRunning)
		l := newLedger()
		l.watch(t, p, begun.Add(20*time.Minute), 0, gitlabci.WatchAllOptions{})
		require.Equal(t, 1, l.events)
		queries := p.queries()
		require.InDelta(t, 20*4+10, len(queries), 15)
		require.Equal(t, "order_by=updated_at&per_page=1", queries[0])
		const list = "order_by=updated_at&per_page=100&sort=asc&updated_after="
		at := func(after time.Duration) string { return list + url.QueryEscape(begun.Add(after).Format(time.RFC3339)) }
		require.Equal(t, []string{at(-time.Hour - 2*time.Minute), at(-time.Hour), at(8 * time.Minute), at(10 * time.Minute)}, slices.Compact(queries[1:]))
	})
}

// Many changes are several pages, which begin where the last one ended, for numbered pages
// move.
func TestWatchAllPages(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &changingProject{}
		for i, row := range p.add(950) {
			p.change(row, time.Duration(i)*time.Millisecond, 0, gitlabci.StatusRunning)
		}
		for _, row := range p.add(350) {
			p.change(row, 950*time.Millisecond, 0, gitlabci.StatusRunning)
		}
		l := newLedger()
		l.watch(t, p, time.Now().Add(time.Minute), 1300, gitlabci.WatchAllOptions{Since: time.Now().Add(-time.Second), MinInterval: 20 * time.Second})
		require.Equal(t, 1300, l.events)
		numbered := slices.DeleteFunc(p.queries(), func(q string) bool { return !strings.Contains(q, "&page=") || strings.Contains(q, "&page=1&") })
		require.LessOrEqual(t, len(numbered), 4, "only where a page has but one time")
	})
}

// A first page that is as it was says nothing of those that follow.
func TestWatchAllReadsPagesBehindAnUnchangedOne(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &changingProject{}
		rows := p.add(150)
		for i, row := range rows {
			p.change(row, time.Duration(i)*time.Millisecond, 0, gitlabci.StatusRunning)
		}
		p.change(rows[140], 70*time.Second, 0, gitlabci.StatusFailed)
		l, begun := newLedger(), time.Now()
		l.watch(t, p, begun.Add(10*time.Minute), 151, gitlabci.WatchAllOptions{Since: begun.Add(-time.Second)})
		require.Equal(t, 151, l.events)
		require.Less(t, l.when[rows[140].id].Sub(begun), 90*time.Second)
	})
}

// One of GitLab's servers whose clock is ahead does not hide what the others write.
func TestWatchAllOfDifferentClocks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &changingProject{}
		rows := p.add(40)
		p.change(rows[0], time.Minute, 0, gitlabci.StatusRunning)
		rows[0].changes[0].at = rows[0].changes[0].at.Add(time.Hour)
		for i, row := range rows[1:] {
			p.change(row, time.Duration(i+2)*time.Minute, 0, gitlabci.StatusFailed)
		}
		l := newLedger()
		l.watch(t, p, time.Now().Add(time.Hour), 0, gitlabci.WatchAllOptions{})
		require.Equal(t, 40, l.events)
	})
}

func TestWatchAllErrors(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		opts  gitlabci.WatchAllOptions
		fault int
		want  error
		text  string
		after time.Duration
	}{
		"cursor":     {gitlabci.WatchAllOptions{After: "x"}, 0, gitlabci.ErrInvalid, "gitlabci: WatchAllOptions: field After: it is not the cursor of an event", 0},
		"intervals":  {gitlabci.WatchAllOptions{MaxInterval: -1}, 0, gitlabci.ErrInvalid, "gitlabci: WatchAllOptions: the time -1ns is negative", 0},
		"no project": {gitlabci.WatchAllOptions{}, 404, gitlabci.ErrNotFound, "404 Not Found", 3 * time.Second},
		"no rights":  {gitlabci.WatchAllOptions{}, 403, gitlabci.ErrForbidden, "403 Forbidden", 0},
		"lasting":    {gitlabci.WatchAllOptions{}, 502, nil, "gitlabci: the pipelines of project group/app could not be read for 10m", 9 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := &changingProject{fault: func(int) int { return test.fault }}
				begun := time.Now()
				err := testkit.Drain(p.client(t).Pipelines.WatchAll(t.Context(), "group/app", &test.opts))
				require.ErrorContains(t, err, test.text)
				if test.want != nil {
					require.ErrorIs(t, err, test.want)
				}
				require.GreaterOrEqual(t, time.Since(begun), test.after)
				require.Less(t, time.Since(begun), test.after+90*time.Second)
			})
		})
	}
}

// A server that does not know updated_after would list everything, each time.
func TestWatchAllOfOldServers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client, err := gitlabci.NewClient(gitlabci.WithToken(testkit.Token), gitlabci.WithTransport(testkit.RoundTripper(func(req *http.Request) (*http.Response, error) {
			return respondJSON(req, `[{"id":7,"status":"success","updated_at":"2020-01-01T00:00:00Z"},{"id":8,"status":"success","updated_at":"1999-01-01T00:00:00Z"}]`), nil
		})))
		require.NoError(t, err)
		err = testkit.Drain(client.Pipelines.WatchAll(t.Context(), "group/app", nil))
		require.ErrorContains(t, err, "the server ignores the parameter updated_after")
	})
}

// With a Waker, a change is seen immediately, and without a wake within five minutes.
func TestWatchAllWakes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p, waker := &changingProject{}, &scriptedWaker{}
		rows := p.add(2)
		p.change(rows[0], 7*time.Minute, 0, gitlabci.StatusSuccess)
		p.change(rows[1], 17*time.Minute, 0, gitlabci.StatusSuccess)
		later(t, 7*time.Minute, func() { waker.ring("group/app", rows[0].id) })
		l, begun := newLedger(), time.Now()
		l.watch(t, p, begun.Add(30*time.Minute), 2, gitlabci.WatchAllOptions{Wake: waker})
		require.Less(t, l.when[rows[0].id].Sub(begun), 7*time.Minute+time.Second)
		require.Less(t, l.when[rows[1].id].Sub(begun), 22*time.Minute)
		require.LessOrEqual(t, len(p.queries()), 9)
		require.Empty(t, waker.subs)
		require.Equal(t, gitlabci.PipelineID(0), waker.all[0].pipeline)
	})
}
