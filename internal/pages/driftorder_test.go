package pages_test

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/internal/testkit"
)

// A driftRow is a pipeline and the time when it changed.
type driftRow struct {
	id, changed int  // 0 if it has no time
	hidden      bool // from a list with a filter
}

// A driftQueue serves a list of pipelines whose pages are requested concurrently,
// in an order that choose decides. Between any two pages the list may change.
type driftQueue struct {
	opts   gitlabci.ListPipelinesOptions
	choose func(n int) int // returns 0 to n-1
	moves  int             // kinds of changes to choose from
	most   int             // rows in one change
	silent bool            // sends no totals
	fails  func() bool     // whether the next response is a 429

	rows    []driftRow // in ascending order
	stayed  map[driftRow]bool
	newest  int
	clock   int
	yielded map[driftRow]int
	moved   []string // what happened, for messages

	mu      sync.Mutex
	pending []*driftRequest
	busiest int // most requests pending at the same time
	served  int
}

// A driftRequest waits for its response.
type driftRequest struct {
	query    url.Values
	snapshot *testkit.Canned // nil until it is served
	arrive   chan struct{}
}

func (q *driftQueue) byChange() bool { return q.opts.OrderBy == gitlabci.PipelineOrderByUpdatedAt }

// key returns the fields that distinguish rows in the order of the list.
func (q *driftQueue) key(r driftRow) driftRow {
	if !q.byChange() {
		return driftRow{id: r.id}
	}
	return driftRow{id: r.id, changed: r.changed}
}

func (q *driftQueue) RoundTrip(req *http.Request) (*http.Response, error) {
	r := &driftRequest{query: req.URL.Query(), arrive: make(chan struct{})}
	q.mu.Lock()
	q.pending = append(q.pending, r)
	q.busiest = max(q.busiest, len(q.pending))
	q.mu.Unlock()
	defer func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		q.pending = slices.DeleteFunc(q.pending, func(other *driftRequest) bool { return other == r })
	}()
	select {
	case <-r.arrive:
		return r.snapshot.RoundTrip(req)
	case <-req.Context().Done():
		return nil, req.Context().Err()
	}
}

// waiting returns the requests without a response, in the order of their pages.
func (q *driftQueue) waiting() []*driftRequest {
	q.mu.Lock()
	defer q.mu.Unlock()
	place := func(r *driftRequest) int {
		return (pageNumber(r.query, "page", 1) - 1) * pageNumber(r.query, "per_page", 20)
	}
	return slices.SortedFunc(slices.Values(q.pending), func(a, b *driftRequest) int { return cmp.Compare(place(a), place(b)) })
}

// step changes the list, then serves a waiting request or delivers its response.
func (q *driftQueue) step() {
	waiting := q.waiting()
	if len(waiting) == 0 {
		time.Sleep(100 * time.Millisecond) // the client waits before it retries
		return
	}
	q.move(q.choose(q.moves))
	r := waiting[q.choose(len(waiting))]
	q.moved = append(q.moved, "page "+r.query.Get("page")+" of "+r.query.Get("per_page"))
	switch {
	case q.fails != nil && q.fails():
		r.snapshot = testkit.CannedJSON(`{}`).WithStatus(http.StatusTooManyRequests)
		r.snapshot.Header.Set("Retry-After", "1")
	case r.snapshot == nil:
		r.snapshot = q.page(r.query)
		if q.fails != nil && q.choose(2) == 0 {
			return // the response arrives later
		}
	}
	q.served++
	close(r.arrive)
}

// page returns a page of the list as it is now.
func (q *driftQueue) page(query url.Values) *testkit.Canned {
	return driftPage(query, slices.DeleteFunc(slices.Clone(q.rows), func(r driftRow) bool { return r.hidden }), q.silent)
}

// driftPage returns a numbered page of rows as GitLab serves it. Rows are in
// ascending order; without totals, the page is silent on their number.
func driftPage(query url.Values, rows []driftRow, silent bool) *testkit.Canned {
	number, size := pageNumber(query, "page", 1), pageNumber(query, "per_page", 20)
	if query.Get("sort") != "asc" {
		rows = slices.Clone(rows)
		slices.Reverse(rows)
	}
	first := min((number-1)*size, len(rows))
	last := min(first+size, len(rows))
	header := http.Header{"Content-Type": {"application/json"}, "X-Page": {fmt.Sprint(number)}, "X-Per-Page": {fmt.Sprint(size)}}
	if !silent {
		header.Set("X-Total", fmt.Sprint(len(rows)))
	}
	if last < len(rows) {
		query.Set("page", fmt.Sprint(number+1))
		query.Set("per_page", fmt.Sprint(size))
		header.Set("Link", testkit.Link(query, "next"))
	}
	var items []string
	for _, r := range rows[first:last] {
		items = append(items, r.json())
	}
	s := testkit.CannedJSON("[" + strings.Join(items, ",") + "]")
	s.Header = header
	return s
}

func (r driftRow) json() string {
	if r.changed == 0 {
		return fmt.Sprintf(`{"id":%d,"ref":"main"}`, r.id)
	}
	return fmt.Sprintf(`{"id":%d,"ref":"main","updated_at":%q}`, r.id, time.Unix(int64(r.changed), 0).UTC().Format(time.RFC3339))
}

// move changes the list in one of these ways; 0 leaves it as it is.
func (q *driftQueue) move(kind int) {
	if kind > 0 {
		q.moved = append(q.moved, []string{"", "create", "delete", "both", "change", "hide", "show"}[kind])
	}
	for range q.most {
		if kind == 1 || kind == 3 {
			q.create()
		}
		if kind == 2 || kind == 3 {
			q.delete()
		}
	}
	switch kind {
	case 4:
		q.change()
	case 5, 6:
		q.filter(kind == 5)
	}
}

func (q *driftQueue) create() {
	q.newest++
	q.clock += q.newest % 2 // some rows change at the same time
	q.rows = append(q.rows, driftRow{id: q.newest, changed: q.clock})
}

// leave notes that a row did not stay in the list.
func (q *driftQueue) leave(i int) { delete(q.stayed, q.key(q.rows[i])) }

func (q *driftQueue) delete() {
	if len(q.rows) > 0 {
		i := 0 // among the rows that were read first
		if q.moves > 4 {
			i = q.choose(len(q.rows))
		}
		if q.opts.Sort != gitlabci.SortAsc {
			i = len(q.rows) - 1 - i
		}
		q.leave(i)
		q.rows = slices.Delete(q.rows, i, i+1)
	}
}

func (q *driftQueue) change() {
	if len(q.rows) > 0 {
		i := q.choose(len(q.rows))
		row := q.rows[i]
		q.clock += row.id % 2
		row.changed = q.clock
		if q.byChange() {
			q.leave(i)
			q.rows = append(slices.Delete(q.rows, i, i+1), row)
			return
		}
		q.rows[i] = row
	}
}

// filter hides a row, or shows it again in its old place.
func (q *driftQueue) filter(hidden bool) {
	if len(q.rows) > 0 {
		i := q.choose(len(q.rows))
		q.leave(i)
		q.rows[i].hidden = hidden
	}
}

// run reads a list of n pipelines, and checks the result.
func (q *driftQueue) run(t *testing.T, n int) {
	q.stayed, q.yielded = map[driftRow]bool{}, map[driftRow]int{}
	for range n {
		q.create()
		q.stayed[q.key(q.rows[len(q.rows)-1])] = true
	}
	synctest.Test(t, q.serve)
	for row := range q.stayed {
		if q.yielded[row] == 0 {
			require.Fail(t, "lost", "%v of %d, %+v: %v", row, n, q.opts, q.moved)
		}
	}
	for row, times := range q.yielded {
		if times != 1 {
			require.Fail(t, "repeated", "%v of %d, %+v: %v", row, n, q.opts, q.moved)
		}
	}
	require.LessOrEqual(t, q.busiest, cmp.Or(q.opts.Prefetch, 8))
}

// serve starts a reader of the list, and takes a step whenever the reader waits.
func (q *driftQueue) serve(t *testing.T) {
	client, err := gitlabci.NewClient(gitlabci.WithBaseURL("https://"+testkit.Host), gitlabci.WithTransport(q), gitlabci.WithRetries(20))
	require.NoError(t, err)
	done := make(chan error, 1)
	go func() { done <- q.read(t.Context(), client) }()
	for {
		synctest.Wait()
		select {
		case err := <-done:
			require.NoError(t, err)
			return
		default:
			require.Less(t, q.served, 2000, "the list does not end")
			q.step()
		}
	}
}

func (q *driftQueue) read(ctx context.Context, client *gitlabci.Client) error {
	for pipeline, err := range client.Pipelines.All(ctx, "group/app", &q.opts) {
		if err != nil {
			return err
		}
		q.yielded[q.key(driftRow{id: int(pipeline.ID), changed: int(pipeline.UpdatedAt.Unix())})]++
	}
	return nil
}

// Pages requested concurrently are served in any order, and the list changes
// between any two of them. This tests all combinations of a few choices in a row, after
// some at random.
func TestDriftInEveryOrder(t *testing.T) {
	t.Parallel()
	depth, most := 5, 3 // choices, and those before them
	switch {
	case os.Getenv("GITLABCI_TEST_ALL") != "":
		depth, most = 8, 0
	case testkit.UnderRace():
		depth = 4
	}
	for _, sort := range []gitlabci.Sort{gitlabci.SortDesc, gitlabci.SortAsc} {
		t.Run("sort "+string(sort), func(t *testing.T) {
			t.Parallel()
			runs, before := 0, []int{rand.IntN(4), rand.IntN(3), rand.IntN(4)}[:rand.IntN(most+1)]
			t.Log("choices before", before)
			for path := []int{}; path != nil; runs++ {
				path = driftPath(path, depth, func(choose func(int) int) {
					q := &driftQueue{choose: afterwards(before, choose), moves: 4, most: 4} // more rows than the pages overlap by
					q.opts = gitlabci.ListPipelinesOptions{Sort: sort, ListOptions: gitlabci.ListOptions{PerPage: 20, Prefetch: 3}}
					q.run(t, 70)
				})
			}
			require.Greater(t, runs, 10*depth)
		})
	}
}

// afterwards chooses by choose after a few choices that are given.
func afterwards(given []int, choose func(int) int) func(int) int {
	made := 0
	return func(n int) int {
		if made++; made <= len(given) {
			return given[made-1] % n
		}
		return choose(n)
	}
}

// driftPath calls run with the choices of a path; after its end, each choice is 0.
// It returns the next path of that depth, or nil after the last one.
func driftPath(path []int, depth int, run func(choose func(int) int)) []int {
	var widths []int
	run(func(n int) int {
		at := len(widths)
		widths = append(widths, n)
		if at < len(path) {
			return path[at]
		}
		return 0
	})
	next := append(slices.Clone(path), make([]int, max(0, min(depth, len(widths))-len(path)))...)
	for i := len(next) - 1; i >= 0; i-- {
		if next[i]+1 < widths[i] {
			next[i]++
			return next[:i+1]
		}
	}
	return nil
}

// The same with random choices and longer lists: every item that stays in the list
// is yielded exactly once, whatever Prefetch is, and despite rate limits.
func TestDriftInRandomOrder(t *testing.T) {
	t.Parallel()
	orders := map[string]gitlabci.ListPipelinesOptions{
		"by ID":            {},
		"by ID, ascending": {Sort: gitlabci.SortAsc},
		"by change":        {OrderBy: gitlabci.PipelineOrderByUpdatedAt},
		"by change, ascending": {
			OrderBy: gitlabci.PipelineOrderByUpdatedAt, Sort: gitlabci.SortAsc,
		},
	}
	for name, opts := range orders {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for seed := range 150 {
				if !testkit.Sampled(seed, 4) {
					continue
				}
				driftAtRandom(seed, opts).run(t, 20+seed%7*60)
			}
		})
	}
}

// driftAtRandom returns a list that changes at random.
func driftAtRandom(seed int, opts gitlabci.ListPipelinesOptions) *driftQueue {
	random := rand.New(rand.NewPCG(uint64(seed), 11))
	q := &driftQueue{opts: opts, moves: 7, most: 1 + random.IntN(5), silent: random.IntN(2) == 0}
	q.opts.Prefetch = []int{0, 1, 2, 3, 8, 64}[random.IntN(6)]
	if q.opts.Scope = gitlabci.PipelineScopeBranches; random.IntN(3) == 0 {
		q.opts.Scope, q.moves = "", 5 // without a filter, an item does not come back
	}
	q.opts.PerPage = []int{0, 7, 20, 33}[random.IntN(4)]
	calm, failed := 1+random.IntN(4), 0
	q.choose = func(n int) int {
		if n == q.moves && random.IntN(calm) > 0 {
			return 0
		}
		return random.IntN(n)
	}
	throttled := random.IntN(3) == 0
	q.fails = func() bool {
		if failed++; throttled && failed%3 > 0 && random.IntN(5) == 0 {
			return true
		}
		failed = 0
		return false
	}
	return q
}
