package pages_test

import (
	"encoding/json"
	"errors"
	"flag"
	"maps"
	"math"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/internal/testkit"
)

var driftRuns = flag.Int("drift.runs", 300, "from how many lists of each order TestDrift takes those that it reads")

// A driftList is a project's pipelines, served in numbered pages as GitLab
// does, with a chance to change them before each response.
type driftList struct {
	ids     []int // from the oldest on
	newest  int   // ID
	moves   func(*driftList)
	fails   func(request int) bool
	ignores bool        // the size asked for
	silent  bool        // on totals
	most    int         // items on a page, if above 0
	hides   string      // the size of pages: "not sent" or "another sent"
	yielded map[int]int // how often
	had     map[int]bool

	mu    sync.Mutex
	asked []url.Values
}

func driftOf(n int, moves func(*driftList)) *driftList {
	l := &driftList{moves: moves, yielded: map[int]int{}, had: map[int]bool{}}
	l.create(n)
	return l
}

func (l *driftList) create(n int) {
	for range n {
		l.newest++
		l.ids = append(l.ids, l.newest)
		l.had[l.newest] = true
	}
}

func (l *driftList) delete(ids ...int) {
	l.ids = slices.DeleteFunc(l.ids, func(id int) bool { return slices.Contains(ids, id) })
}

func (l *driftList) RoundTrip(req *http.Request) (*http.Response, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	query := req.URL.Query()
	l.asked = append(l.asked, req.URL.Query())
	if l.moves != nil {
		l.moves(l)
	}
	if l.fails != nil && l.fails(len(l.asked)) {
		return testkit.CannedJSON(`{}`).WithStatus(http.StatusForbidden).RoundTrip(req)
	}
	if l.ignores {
		query.Set("per_page", "7")
	}
	var rows []driftRow
	for _, id := range l.ids {
		rows = append(rows, driftRow{id: id})
	}
	return driftPage(query, rows, l.silent).RoundTrip(req)
}

// read ranges over the list, and again after each error from its cursor on,
// kept as text in between.
func (l *driftList) read(t *testing.T, opts gitlabci.ListPipelinesOptions) {
	client, err := gitlabci.NewClient(gitlabci.WithBaseURL("https://"+testkit.Host), gitlabci.WithTransport(l), gitlabci.WithRetries(0))
	require.NoError(t, err)
	for again := true; again; {
		again = false
		for pipeline, err := range client.Pipelines.All(t.Context(), "group/app", &opts) {
			if l.requests() > 2000 {
				require.Fail(t, "this does not end")
			}
			if err != nil {
				page, ok := errors.AsType[*gitlabci.PageError](err)
				require.True(t, ok, "%v", err)
				opts = gitlabci.ListPipelinesOptions{}
				require.NoError(t, json.Unmarshal([]byte(testkit.JSON(t, page.After)), &opts.After))
				again = true
				continue
			}
			l.mu.Lock()
			l.yielded[int(pipeline.ID)]++
			l.mu.Unlock()
		}
	}
}

func (l *driftList) requests() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.asked)
}

// pages are the numbers of the pages that were requested.
func (l *driftList) pages() (numbers []int) {
	for _, query := range l.asked {
		numbers = append(numbers, pageNumber(query, "page", 1))
	}
	return numbers
}

// A list ordered by ID yields what it had throughout exactly once, whatever
// comes and goes meanwhile, and nothing that it never had.
func TestDrift(t *testing.T) {
	t.Parallel()
	runs := *driftRuns
	if testing.Short() {
		runs = min(runs, 300)
	}
	for _, sort := range []gitlabci.Sort{"", gitlabci.SortDesc, gitlabci.SortAsc} {
		t.Run("sort "+string(sort), func(t *testing.T) {
			t.Parallel()
			for seed := range runs {
				if !testkit.Sampled(seed, 4) {
					continue
				}
				random := rand.New(rand.NewPCG(uint64(seed), 7))
				most := []int{1, 2, 8, 60}[random.IntN(4)] // that come or go between two requests
				l := driftOf(random.IntN(120), nil)
				l.silent = random.IntN(4) == 0
				stayed := slices.Clone(l.ids)
				l.moves = func(l *driftList) {
					if len(l.asked) == 1 || len(l.asked) > 60 || random.IntN(3) == 0 {
						return
					}
					for range random.IntN(most + 1) {
						if len(l.ids) > 0 {
							l.delete(l.ids[random.IntN(len(l.ids))])
						}
					}
					l.create(random.IntN(most + 1))
				}
				l.read(t, gitlabci.ListPipelinesOptions{Sort: sort, ListOptions: gitlabci.ListOptions{PerPage: 1 + random.IntN(25), Prefetch: seed % 3}})
				for _, id := range stayed {
					if l.yielded[id] == 0 && slices.Contains(l.ids, id) {
						require.Fail(t, "lost", "pipeline %d of run %d, pages %v", id, seed, l.pages())
					}
				}
				for id, times := range l.yielded {
					if times != 1 || !l.had[id] {
						require.Fail(t, "repeated or invented", "pipeline %d of run %d, pages %v", id, seed, l.pages())
					}
				}
			}
		})
	}
}

// driftMove changes the list before one request and no other.
func driftMove(request int, move func(*driftList)) func(*driftList) {
	return func(l *driftList) {
		if len(l.asked) == request {
			move(l)
		}
	}
}

func TestDriftPages(t *testing.T) {
	gone := func(ids ...int) func(*driftList) { return func(l *driftList) { l.delete(ids...) } }
	tests := map[string]struct {
		opts  gitlabci.ListPipelinesOptions
		list  *driftList
		pages []int
		lost  []int // of the pipelines that there were throughout
	}{
		"nothing moves":                         {list: driftOf(10, nil), pages: []int{1, 2, 3, 4}},
		"one is gone from a page that was read": {list: driftOf(10, driftMove(3, gone(9))), pages: []int{1, 2, 3, 2, 3}},
		"one is gone from a page to come":       {list: driftOf(10, driftMove(3, gone(1))), pages: []int{1, 2, 3, 2, 3}},
		"as many as a page are gone":            {list: driftOf(10, driftMove(3, gone(10, 9, 8))), pages: []int{1, 2, 3, 2, 3}},
		"one more than a page is gone":          {list: driftOf(10, driftMove(3, gone(10, 9, 8, 7))), pages: []int{1, 2, 3, 1, 2}},
		"all that was read is gone":             {list: driftOf(10, driftMove(3, gone(10, 9, 8, 7, 6, 5))), pages: []int{1, 2, 3, 1, 2}},
		"all is gone":                           {list: driftOf(10, driftMove(2, gone(10, 9, 8, 7, 6, 5, 4, 3, 2, 1))), pages: []int{1, 2, 1}},
		"one came":                              {list: driftOf(10, driftMove(3, func(l *driftList) { l.create(1) })), pages: []int{1, 2, 3, 4}},
		"as many came as are gone":              {list: driftOf(10, driftMove(3, func(l *driftList) { l.create(2); l.delete(9, 8) })), pages: []int{1, 2, 3, 4}},
		"more are gone while it goes back": {
			list: driftOf(10, func(l *driftList) { l.delete(map[int]int{3: 9, 4: 8}[len(l.asked)]) }), pages: []int{1, 2, 3, 2, 3},
		},
		"now and then the oldest is gone": {
			list: driftOf(20, func(l *driftList) {
				if slices.Contains([]int{2, 5, 8, 11}, len(l.asked)) {
					l.delete(l.ids[0])
				}
			}), pages: []int{1, 2, 1, 2, 3, 2, 3, 4, 3, 4, 5, 4, 5, 6},
		},
		"one is gone, and many come": {
			list: driftOf(14, func(l *driftList) {
				switch len(l.asked) {
				case 3:
					l.delete(13)
				case 6:
					l.create(12)
				}
			}), pages: []int{1, 2, 3, 2, 3, 4, 5, 6, 7, 8, 9},
		},
		"not counted": {
			list: func() *driftList { l := driftOf(40, driftMove(3, gone(33))); l.silent = true; return l }(), pages: []int{1, 1, 2, 1, 2, 3},
		},
		"no longer counted": {list: driftOf(40, driftMove(3, func(l *driftList) { l.silent = true; l.delete(33) })), pages: []int{1, 2, 3, 2, 1, 2, 3}},
		"another order": {
			opts: gitlabci.ListPipelinesOptions{OrderBy: gitlabci.PipelineOrderByStatus}, list: driftOf(10, driftMove(3, gone(9))), pages: []int{1, 2, 3}, lost: []int{4},
		},
		"order by ID": {
			opts: gitlabci.ListPipelinesOptions{OrderBy: gitlabci.PipelineOrderByID}, list: driftOf(10, driftMove(3, gone(9))), pages: []int{1, 2, 3, 2, 3},
		},
		"order by change": {
			opts: gitlabci.ListPipelinesOptions{OrderBy: gitlabci.PipelineOrderByUpdatedAt}, list: driftOf(10, driftMove(3, gone(9))), pages: []int{1, 2, 3, 2, 3},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			stayed := slices.Clone(test.list.ids)
			test.opts.PerPage, test.opts.Prefetch = 3, 1
			test.list.read(t, test.opts)
			require.Equal(t, test.pages, test.list.pages())
			for _, id := range stayed {
				if slices.Contains(test.list.ids, id) && !slices.Contains(test.lost, id) {
					require.Equal(t, 1, test.list.yielded[id], "pipeline %d", id)
				}
			}
		})
	}
}

// Ascending lists are requested in pages that overlap by little.
func TestDriftAscending(t *testing.T) {
	asked := func(l *driftList) (pages []string) {
		for _, query := range l.asked {
			pages = append(pages, query.Get("page")+" of "+query.Get("per_page"))
		}
		return pages
	}
	opts := gitlabci.ListPipelinesOptions{Sort: gitlabci.SortAsc, ListOptions: gitlabci.ListOptions{Prefetch: 1}}
	l := driftOf(400, nil)
	l.read(t, opts)
	require.Len(t, l.yielded, 400)
	require.Equal(t, []string{" of 100", "2 of 99", "3 of 98", "4 of 97", "5 of 96"}, asked(l))

	l = driftOf(10_000, nil)
	l.read(t, opts)
	require.Len(t, l.yielded, 10_000)
	require.Less(t, len(l.asked), 120, "it would be 100 without an overlap")

	l = driftOf(400, driftMove(4, func(l *driftList) {
		l.delete(pageRange(10, 160)...)
		l.create(90)
	}))
	l.read(t, opts)
	require.Equal(t, []string{" of 100", "2 of 99", "3 of 98", "4 of 97", "3 of 97", "2 of 97"}, asked(l)[:6], "61 fewer, but 151 are gone")
	require.Len(t, l.yielded, 490)

	l = driftOf(400, driftMove(4, func(l *driftList) { l.delete(pageRange(1, 200)...) }))
	l.read(t, opts)
	require.Equal(t, []string{" of 100", "2 of 99", "3 of 98", "4 of 97", "1 of 97"}, asked(l)[:5])
	require.Len(t, l.yielded, 400)
}

// A server with a page size of its own has no pages that overlap.
func TestDriftServerWithItsOwnSize(t *testing.T) {
	l := driftOf(50, nil)
	l.ignores = true
	l.read(t, gitlabci.ListPipelinesOptions{Sort: gitlabci.SortAsc})
	require.Len(t, l.yielded, 50)
	require.Equal(t, []int{1, 1, 2, 2, 3, 4, 5, 6, 7, 8}, l.pages(), "it is asked for fewer, too")

	l = driftOf(50, driftMove(6, func(l *driftList) { l.delete(2, 3) }))
	l.ignores = true
	l.read(t, gitlabci.ListPipelinesOptions{Sort: gitlabci.SortAsc})
	require.Len(t, l.yielded, 50)
	require.Equal(t, []int{1, 1, 2, 2, 3, 4, 3, 4, 5, 6, 7}, l.pages())
}

// Counts that cannot be true neither hold the reader up nor lead it astray.
func TestDriftOfUntrueCounts(t *testing.T) {
	huge := strconv.Itoa(math.MaxInt)
	page := func(id, next, size, total string) http.HandlerFunc {
		header := []string{"X-Per-Page", size, "X-Total", total}
		if next != "" {
			header = append(header, "Link", testkit.Link(url.Values{"page": {next}, "per_page": {"2"}}, "next"))
		}
		return testkit.Respond(http.StatusOK, `[{"id":`+id+`}]`, header...)
	}
	tests := map[string]struct {
		steps []http.HandlerFunc
		sort  gitlabci.Sort
		asked []string
	}{
		"size":  {[]http.HandlerFunc{page("1", "2", huge, "9"), page("2", "", "2", "9")}, gitlabci.SortAsc, []string{"", "2"}},
		"total": {[]http.HandlerFunc{page("1", "2", "2", huge), page("3", "", "2", "0"), page("2", "2", "2", "0"), page("3", "", "2", "0")}, "", []string{"", "2", "1", "2"}},
		"page":  {[]http.HandlerFunc{page("1", huge, "2", "9"), page("2", "", "2", "9")}, "", []string{"", huge}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := testkit.NewListScript(t, test.steps...)
			ids, errs := testkit.PipelineNumbers(s.Client(t).Pipelines.All(t.Context(), "group/app", &gitlabci.ListPipelinesOptions{Sort: test.sort}))
			require.Empty(t, errs)
			require.Equal(t, pageRange(1, len(ids)), ids)
			var asked []string
			for _, r := range s.Received() {
				asked = append(asked, r.URL.Query().Get("page"))
			}
			require.Equal(t, test.asked, asked)
		})
	}
}

// Deletions behind the reader do not delay it.
func TestDriftOfDeletionsBehindTheReader(t *testing.T) {
	for _, ignores := range []bool{false, true} {
		l := driftOf(1000, func(l *driftList) {
			if len(l.ids) > 0 {
				l.delete(l.ids[0])
			}
		})
		l.ignores = ignores // then it has 7 a page
		l.read(t, gitlabci.ListPipelinesOptions{})
		require.Less(t, len(l.asked), map[bool]int{false: 20, true: 700}[ignores])
		for _, id := range l.ids {
			require.Equal(t, 1, l.yielded[id])
		}
	}
}

// If the replicas of a server have hardly anything in common, the loop ends with
// an error instead of running forever or missing an item.
func TestDriftOfTwoLists(t *testing.T) {
	for _, opts := range []gitlabci.ListPipelinesOptions{{Sort: gitlabci.SortAsc}, {ListOptions: gitlabci.ListOptions{Prefetch: 2}}} {
		l := driftOf(2000, nil)
		all := slices.Clone(l.ids)
		l.moves = func(l *driftList) {
			l.ids = all
			if page := l.asked[len(l.asked)-1].Get("page"); page != "" && page != "1" {
				l.ids = all[900:1100] // after what the first page has, in either order
			}
		}
		client, err := gitlabci.NewClient(gitlabci.WithBaseURL("https://"+testkit.Host), gitlabci.WithTransport(l), gitlabci.WithRetries(0))
		require.NoError(t, err)
		ids, errs := testkit.PipelineNumbers(client.Pipelines.All(t.Context(), "group/app", &opts))
		require.Len(t, ids, 100)
		require.Len(t, errs, 1)
		require.ErrorContains(t, errs[0], "gitlabci: the list's pages do not fit together")
		require.Less(t, len(l.asked), 300)
	}
}

// A server whose halves differ on what there is does not hold the reader up.
func TestDriftOfReplicasThatDiffer(t *testing.T) {
	for _, sort := range []gitlabci.Sort{gitlabci.SortDesc, gitlabci.SortAsc} {
		l := driftOf(500, nil)
		both := slices.Clone(l.ids)
		l.moves = func(l *driftList) {
			l.ids = slices.Clone(both)
			if len(l.asked)%2 == 0 {
				l.delete(1, 500)
			}
		}
		l.read(t, gitlabci.ListPipelinesOptions{Sort: sort})
		require.Less(t, len(l.asked), 200)
		require.GreaterOrEqual(t, len(l.yielded), 450)
	}
}

// A loop that deletes what it gets loses nothing.
func TestDriftByTheLoop(t *testing.T) {
	for _, sort := range []gitlabci.Sort{gitlabci.SortDesc, gitlabci.SortAsc} {
		l := driftOf(450, func(l *driftList) {
			for id := range l.yielded {
				l.delete(id)
			}
		})
		l.read(t, gitlabci.ListPipelinesOptions{Sort: sort})
		require.Len(t, l.yielded, 450)
		require.LessOrEqual(t, len(l.asked), 14)
	}
}

// A walk that begins in the middle of a list has nothing from before that, also
// where it goes back or asks for larger pages.
func TestDriftFromTheMiddle(t *testing.T) {
	tests := map[string]struct {
		opts   gitlabci.ListPipelinesOptions
		gone   []int
		oldest int
		newest int
	}{
		"down":                   {gitlabci.ListPipelinesOptions{ListOptions: gitlabci.ListOptions{Page: 3, PerPage: 100}}, pageRange(1, 150), 151, 800},
		"up":                     {gitlabci.ListPipelinesOptions{Sort: gitlabci.SortAsc, ListOptions: gitlabci.ListOptions{Page: 3, PerPage: 100}}, pageRange(290, 310), 201, 1000},
		"up, by small pages":     {gitlabci.ListPipelinesOptions{ListOptions: gitlabci.ListOptions{After: "page=2&per_page=5&sort=asc"}}, nil, 6, 1000},
		"up, where most is gone": {gitlabci.ListPipelinesOptions{ListOptions: gitlabci.ListOptions{After: "page=3&per_page=100&sort=asc"}}, pageRange(1, 600), 201, 1000},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			l := driftOf(1000, driftMove(2, func(l *driftList) { l.delete(test.gone...) }))
			l.read(t, test.opts)
			yielded := slices.Sorted(maps.Keys(l.yielded))
			require.Equal(t, []int{test.oldest, test.newest}, []int{yielded[0], yielded[len(yielded)-1]})
			for _, id := range l.ids {
				if test.oldest <= id && id <= test.newest {
					require.Equal(t, 1, l.yielded[id], "pipeline %d", id)
				}
			}
		})
	}
}

// After errors, and a restart after each, a list that does not move is neither
// short nor repeated.
func TestDriftResume(t *testing.T) {
	for _, sort := range []gitlabci.Sort{gitlabci.SortDesc, gitlabci.SortAsc} {
		for seed := range 100 {
			if !testkit.Sampled(seed, 2) && seed != 57 && seed != 58 { // there, small pages overlap with what came before a restart
				continue
			}
			random := rand.New(rand.NewPCG(uint64(seed), 9))
			l := driftOf(random.IntN(300), nil)
			l.fails = func(int) bool { return random.IntN(3) == 0 }
			l.read(t, gitlabci.ListPipelinesOptions{Sort: sort, Ref: "main", ListOptions: gitlabci.ListOptions{PerPage: 1 + random.IntN(40)}})
			require.Len(t, l.yielded, len(l.ids))
			for id, times := range l.yielded {
				if times != 1 {
					require.Fail(t, "repeated", "pipeline %d of run %d, pages %v", id, seed, l.pages())
				}
			}
			for _, query := range l.asked {
				require.Equal(t, "main", query.Get("ref"))
			}
		}
	}
}

// Repeated items are dropped, unless the list is ordered by change and they changed;
// an item without an ID could not be recognized, and is an error.
func TestDriftRepeats(t *testing.T) {
	const first = `[{"id":5,"updated_at":"2026-02-03T04:05:06Z"},{"id":4,"updated_at":"2026-02-03T04:05:05Z"}]`
	const second = `[{"id":4,"updated_at":"2026-02-03T04:05:05.000Z"},{"id":5,"updated_at":"2026-02-03T04:05:07Z"},{"id":3},{"id":3}]`
	for order, want := range map[gitlabci.PipelineOrder][]int{
		"": {5, 4, 3}, gitlabci.PipelineOrderByStatus: {5, 4, 3}, gitlabci.PipelineOrderByUpdatedAt: {5, 4, 5, 3},
	} {
		for _, prefetch := range []int{0, 1, 3} {
			s := testkit.NewListScript(t, func(w http.ResponseWriter, r *http.Request) {
				switch r.URL.Query().Get("page") {
				case "":
					testkit.Respond(http.StatusOK, first, "Link", testkit.Link(url.Values{"page": {"2"}, "order_by": {string(order)}}, "next"))(w, r)
				case "2":
					testkit.Respond(http.StatusOK, second)(w, r)
				default:
					testkit.Respond(http.StatusOK, `[]`)(w, r)
				}
			})
			opts := &gitlabci.ListPipelinesOptions{OrderBy: order, ListOptions: gitlabci.ListOptions{Prefetch: prefetch}}
			ids, errs := testkit.PipelineNumbers(s.Client(t).Pipelines.All(t.Context(), "group/app", opts))
			require.Empty(t, errs)
			require.Equal(t, want, ids)

			for _, nameless := range []string{`{}`, `{"updated_at":"2026-02-03T04:05:05Z"}`} {
				s = testkit.NewListScript(t, testkit.Respond(http.StatusOK, `[{"id":5},{"id":4},`+nameless+`]`))
				ids, errs = testkit.PipelineNumbers(s.Client(t).Pipelines.All(t.Context(), "group/app", opts))
				require.Empty(t, ids)
				require.Len(t, errs, 1)
				require.ErrorContains(t, errs[0], "element 2: not the requested object: it has no usable ID")
			}
		}
	}
}

// Items that were listed long ago are forgotten. An item without an ID is an error
// immediately, before the next page is requested.
func TestDriftMemory(t *testing.T) {
	s := testkit.NewListScript(t,
		testkit.Respond(http.StatusOK, pageItems(1, 10_000), "Link", testkit.Link(url.Values{"cursor": {"a"}}, "next")),
		testkit.Respond(http.StatusOK, pageItems(10_001, 20_000), "Link", testkit.Link(url.Values{"cursor": {"b"}}, "next")),
		testkit.Respond(http.StatusOK, pageItems(20_001, 20_001), "Link", testkit.Link(url.Values{"cursor": {"c"}}, "next")),
		testkit.Respond(http.StatusOK, `[{"id":2},{"id":10001},{"id":20001}]`))
	var ids []int
	for pipeline, err := range s.Client(t).Pipelines.AllMine(t.Context(), nil) {
		require.NoError(t, err)
		ids = append(ids, int(pipeline.ID))
	}
	require.Equal(t, append(pageRange(1, 20_001), 2), ids)

	s = testkit.NewListScript(t,
		testkit.Respond(http.StatusOK, `[{},{}]`, "X-Per-Page", "2", "X-Total", "9", "Link", testkit.Link(url.Values{"page": {"2"}}, "next")),
		testkit.Respond(http.StatusOK, `[{},{}]`, "X-Per-Page", "2", "X-Total", "4"))
	ids, errs := testkit.PipelineNumbers(s.Client(t).Pipelines.All(t.Context(), "group/app", nil))
	require.Empty(t, ids)
	require.Len(t, errs, 1)
	require.ErrorContains(t, errs[0], "element 0: not the requested object: it has no usable ID")
	require.Len(t, s.Received(), 1)
}

// A job that was pushed to the next page does not come twice, nor does a
// trigger job.
func TestDriftOfJobs(t *testing.T) {
	s := testkit.NewListScript(t,
		testkit.Respond(http.StatusOK, `[{"id":3},{"id":2}]`, "Link", testkit.Link(url.Values{"page": {"2"}}, "next")),
		testkit.Respond(http.StatusOK, `[{"id":2},{"id":1}]`))
	ids, err := jobPagesAll(t, s.Client(t), &gitlabci.ListJobsOptions{ListOptions: gitlabci.ListOptions{Page: 1}})
	require.NoError(t, err)
	require.Equal(t, []gitlabci.JobID{3, 2, 1}, ids)

	s = testkit.NewListScript(t, s.Steps...)
	ids = nil
	for job, err := range s.Client(t).Jobs.AllTriggerJobs(t.Context(), "group/app", 42, nil) {
		require.NoError(t, err)
		ids = append(ids, job.ID)
	}
	require.Equal(t, []gitlabci.JobID{3, 2, 1}, ids)
}
