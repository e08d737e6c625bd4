package pages_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/internal/testkit"
)

// A prefetchServer takes its time for each response, and counts requests.
type prefetchServer struct {
	*testkit.Script
	mu       sync.Mutex
	now      int // requests under way
	most     int // of them at the same time
	canceled int // before their responses
}

// prefetchSlow takes 50 ms for each response of step.
func prefetchSlow(t *testing.T, step http.HandlerFunc) *prefetchServer {
	s := &prefetchServer{}
	count := func(n, canceled int) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.now += n
		s.most = max(s.most, s.now)
		s.canceled += canceled
	}
	s.Script = testkit.NewListScript(t, func(w http.ResponseWriter, r *http.Request) {
		count(1, 0)
		select {
		case <-time.After(50 * time.Millisecond):
			step(w, r)
			count(-1, 0)
		case <-r.Context().Done():
			count(-1, 1)
		}
	})
	return s
}

func prefetchOptions(n int) *gitlabci.ListPipelinesOptions {
	return &gitlabci.ListPipelinesOptions{ListOptions: gitlabci.ListOptions{Prefetch: n}}
}

// prefetchUncounted takes the totals out of the responses of step.
func prefetchUncounted(step http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		step(pageWithout{w, []string{"X-Total", "X-Total-Pages"}}, r)
	}
}

func prefetchUnlinked(step http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { step(pageWithout{w, []string{"Link"}}, r) }
}

func TestPrefetch(t *testing.T) {
	tests := map[string]struct {
		step     http.HandlerFunc
		prefetch int
		total    int
		rounds   int // of 50 ms
		requests int // at most
	}{
		"none":                          {pageNumbered(1000), 1, 1000, 10, 10},
		"three":                         {pageNumbered(1000), 3, 1000, 5, 11},
		"eight":                         {pageNumbered(10_000), 8, 10_000, 16, 114}, // pages overlap
		"more than there are":           {pageNumbered(1000), 64, 1000, 2, 11},
		"one page":                      {pageNumbered(100), 8, 100, 1, 1},
		"nothing":                       {pageNumbered(0), 8, 0, 1, 1},
		"not counted":                   {prefetchUncounted(pageNumbered(1000)), 3, 1000, 5, 13},
		"not counted, past the end":     {prefetchUncounted(pageNumbered(950)), 4, 950, 4, 14},
		"not counted, one page":         {prefetchUncounted(pageNumbered(100)), 8, 100, 1, 1},
		"no links, only page numbers":   {prefetchUnlinked(pageNumbered(1000)), 3, 1000, 5, 11},
		"more items than announced":     {prefetchGrows(300, 400), 8, 400, 3, 5},
		"fewer are left than announced": {prefetchGrows(500, 200), 8, 200, 2, 6},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := prefetchSlow(t, test.step)
				seq := s.Client(t).Pipelines.All(t.Context(), "group/app", prefetchOptions(test.prefetch))
				for range 2 { // ranged again, it starts from the beginning
					s.Requests = nil
					start, next := time.Now(), 1
					for pipeline, err := range seq {
						if err != nil || next != int(pipeline.ID) {
							require.NoError(t, err)
							require.EqualValues(t, next, pipeline.ID)
						}
						next++
					}
					took := time.Since(start)
					synctest.Wait()
					require.Equal(t, test.total, next-1)
					require.Equal(t, time.Duration(test.rounds)*50*time.Millisecond, took)
					require.GreaterOrEqual(t, len(s.Received()), (test.total+99)/100)
					require.LessOrEqual(t, len(s.Received()), test.requests)
					require.LessOrEqual(t, s.most, max(1, test.prefetch))
					require.Zero(t, s.now)
				}
			})
		})
	}
}

// As soon as it is known where a list ends, no further page is requested: not even while
// its last page, which arrives after the empty ones behind it, is read.
func TestPrefetchFarPastTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		step := prefetchUncounted(pageNumbered(200))
		s := testkit.NewListScript(t, func(w http.ResponseWriter, r *http.Request) {
			page, _ := strconv.Atoi(r.URL.Query().Get("page"))
			time.Sleep(time.Duration(20-page) * time.Millisecond) // the first, without a number, takes longest
			step(w, r)
		})
		n := 0
		for pipeline, err := range s.Client(t).Pipelines.All(t.Context(), "group/app", prefetchOptions(8)) {
			n++
			require.NoError(t, err)
			require.EqualValues(t, n, pipeline.ID)
			if n == 150 {
				time.Sleep(time.Second) // or what is requested now could be canceled before it is sent
			}
		}
		synctest.Wait()
		require.Equal(t, 200, n)
		require.Len(t, s.Received(), 9, "the first, and eight at once")
	})
}

// prefetchGrows lists another number of items from its second page on.
func prefetchGrows(first, then int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("page") == "" {
			pageNumbered(first)(w, r)
			return
		}
		pageNumbered(then)(w, r)
	}
}

// While the loop is busy with a page, the next one is on its way.
func TestPrefetchWhileBusy(t *testing.T) {
	pages := func(n int) (pages []string) {
		for i := range n {
			pages = append(pages, pageItems(i*2+1, i*2+2))
		}
		return pages
	}
	busy := func(id int, err error) {
		require.NoError(t, err)
		if id%2 == 0 {
			time.Sleep(50 * time.Millisecond) // a page
		}
	}
	for prefetch, want := range map[int]time.Duration{0: 1100 * time.Millisecond, 1: 2000 * time.Millisecond, 8: 1050 * time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			s := prefetchSlow(t, pageKeyset(pages(20)...))
			start, ids := time.Now(), 0
			for pipeline, err := range s.Client(t).Pipelines.AllMine(t.Context(), &gitlabci.ListMyPipelinesOptions{ListOptions: gitlabci.ListOptions{Prefetch: prefetch}}) {
				busy(int(pipeline.ID), err)
				ids++
			}
			require.Equal(t, want, time.Since(start), "prefetch %d", prefetch)
			require.Equal(t, 40, ids)
			require.Equal(t, 1, s.most)
			require.Len(t, s.Received(), 20)
		})
	}
}

// Nothing is requested before the loop, or past its end, however it ends: what
// is under way is given up.
func TestPrefetchStopsWithTheLoop(t *testing.T) {
	ends := map[string]func(seq func(func(*gitlabci.PipelineInfo, error) bool)){
		"break": func(seq func(func(*gitlabci.PipelineInfo, error) bool)) {
			for range seq {
				break
			}
		},
		"panic": func(seq func(func(*gitlabci.PipelineInfo, error) bool)) {
			defer func() { recover() }()
			for range seq {
				panic("the loop's own")
			}
		},
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := prefetchSlow(t, pageNumbered(10_000))
				seq := s.Client(t).Pipelines.All(t.Context(), "group/app", prefetchOptions(8))
				synctest.Wait()
				require.Empty(t, s.Received(), "before the loop")
				start := time.Now()
				end(seq)
				require.Equal(t, 50*time.Millisecond, time.Since(start))
				synctest.Wait()
				sent := len(s.Received())
				require.LessOrEqual(t, sent, 9)
				require.Equal(t, sent-1, s.canceled)
				time.Sleep(time.Minute)
				require.Len(t, s.Received(), sent)
			})
		})
	}
}

func TestPrefetchCanceled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := prefetchSlow(t, pageNumbered(1000))
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		ids, errs := 0, []error{}
		start := time.Now()
		for _, err := range s.Client(t).Pipelines.All(ctx, "group/app", prefetchOptions(3)) {
			cancel()
			if err != nil {
				errs = append(errs, err)
				continue
			}
			ids++
		}
		require.Equal(t, 100, ids, "those of the page at hand")
		require.Len(t, errs, 1)
		require.ErrorIs(t, errs[0], context.Canceled)
		require.Equal(t, 50*time.Millisecond, time.Since(start))
	})
}

// A page's error comes after the items of those before it, with the cursor
// that continues the list.
func TestPrefetchError(t *testing.T) {
	overlapping := map[string]int{"": 0, "2": 100, "5": 388, "9": 744}
	for prefetch, pages := range map[int]map[string]int{1: {"": 0, "2": 100, "5": 400, "10": 900}, 3: overlapping, 64: overlapping} {
		for failing, yielded := range pages {
			t.Run(fmt.Sprintf("page %s, %d ahead", failing, prefetch), func(t *testing.T) {
				failed := false
				s := testkit.NewListScript(t, func(w http.ResponseWriter, r *http.Request) {
					if r.URL.Query().Get("page") == failing && !failed {
						failed = true
						testkit.Respond(http.StatusForbidden, `{"message":"not now"}`)(w, r)
						return
					}
					pageNumbered(950)(w, r)
				})
				client := s.Client(t)
				ids, errs := testkit.PipelineNumbers(client.Pipelines.All(t.Context(), "group/app", prefetchOptions(prefetch)))
				require.Equal(t, pageRange(1, yielded), ids)
				require.Len(t, errs, 1)
				require.ErrorIs(t, errs[0], gitlabci.ErrForbidden)
				page, ok := errors.AsType[*gitlabci.PageError](errs[0])
				require.True(t, ok)
				opts := prefetchOptions(prefetch)
				opts.After = page.After
				ids, errs = testkit.PipelineNumbers(client.Pipelines.All(t.Context(), "group/app", opts))
				require.Empty(t, errs)
				require.Equal(t, pageRange(yielded+1, 950), ids)
			})
		}
	}
}

// Pages that are requested ahead are a guess: the links decide.
func TestPrefetchFollowsLinks(t *testing.T) {
	links := map[string]string{"": "2", "2": "3", "3": "7", "7": "9"}
	s := testkit.NewListScript(t, func(w http.ResponseWriter, r *http.Request) {
		number := pageNumber(r.URL.Query(), "page", 1)
		var header []string
		if next := links[r.URL.Query().Get("page")]; next != "" {
			header = []string{"Link", testkit.Link(url.Values{"page": {next}}, "next")}
		}
		testkit.Respond(http.StatusOK, pageItems(number, number), header...)(w, r)
	})
	ids, errs := testkit.PipelineNumbers(s.Client(t).Pipelines.All(t.Context(), "group/app", prefetchOptions(4)))
	require.Empty(t, errs)
	require.Equal(t, []int{1, 2, 3, 7, 9}, ids)

	for name, circle := range map[string][]string{"to itself": {"2", "2"}, "to the first": {"2", "1"}} {
		t.Run(name, func(t *testing.T) {
			s := testkit.NewListScript(t, func(w http.ResponseWriter, r *http.Request) {
				if pageNumber(r.URL.Query(), "page", 1) > len(circle) {
					testkit.Respond(http.StatusOK, `[]`)(w, r)
					return
				}
				pageCircle(circle...)(w, r)
			})
			ids, errs := testkit.PipelineNumbers(s.Client(t).Pipelines.All(t.Context(), "group/app", prefetchOptions(4)))
			require.Equal(t, []int{1, 2}, ids)
			require.Len(t, errs, 1)
			require.ErrorContains(t, errs[0], "turns back")
		})
	}
}

// One page of a project's jobs is requested ahead if the cursors are not understood. Pages
// are requested by number only if the server has no cursors.
func TestPrefetchJobs(t *testing.T) {
	tests := map[string]struct {
		opts gitlabci.ListOptions
		want []string
	}{
		"none": {gitlabci.ListOptions{}, []string{jobPagesByCursor, "cursor=4&id=1&" + jobPagesByCursor, "cursor=2&id=1&" + jobPagesByCursor}},
		"one":  {gitlabci.ListOptions{Prefetch: 1}, []string{jobPagesByCursor, "cursor=4&id=1&" + jobPagesByCursor, "cursor=2&id=1&" + jobPagesByCursor}},
		"two":  {gitlabci.ListOptions{Prefetch: 2}, []string{jobPagesByCursor, "cursor=4&id=1&" + jobPagesByCursor, "cursor=2&id=1&" + jobPagesByCursor}},
		"two after a cursor": {gitlabci.ListOptions{Prefetch: 2, After: "cursor=4&id=1&" + jobPagesByCursor},
			[]string{"cursor=4&id=1&" + jobPagesByCursor, "cursor=2&id=1&" + jobPagesByCursor}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := testkit.NewListScript(t, jobPagesServer(false, false))
			ids, err := jobPagesAll(t, s.Client(t), &gitlabci.ListJobsOptions{ListOptions: test.opts})
			require.NoError(t, err)
			require.Equal(t, []gitlabci.JobID{5, 4, 3, 2, 1}[5-len(ids):], ids)
			asked := jobPagesQueries(s)
			require.Subset(t, asked, test.want)
			for _, query := range asked {
				require.Equal(t, strings.Contains(test.want[0], "keyset"), strings.Contains(query, "keyset"), "and nothing but pages past the end")
			}
			require.LessOrEqual(t, len(asked), len(test.want)+1)
		})
	}
}

// A server that knows trigger jobs by their new name only is asked by the old
// one once.
func TestPrefetchTriggerJobs(t *testing.T) {
	s := testkit.NewListScript(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/api/v4/projects/group/app/pipelines/42/bridges" {
			testkit.Respond(http.StatusNotFound, `{"error":"404 Not Found"}`)(w, r)
			return
		}
		pageNumbered(1000)(w, r)
	})
	n := 0
	opts := &gitlabci.ListTriggerJobsOptions{ListOptions: gitlabci.ListOptions{Prefetch: 8}}
	for _, err := range s.Client(t).Jobs.AllTriggerJobs(t.Context(), "group/app", 42, opts) {
		require.NoError(t, err)
		n++
	}
	require.Equal(t, 1000, n)
	require.Len(t, s.Received(), 12)
}

// One page is one request.
func TestPrefetchOfOnePage(t *testing.T) {
	s := testkit.NewListScript(t, pageNumbered(1000))
	page, err := s.Client(t).Pipelines.List(t.Context(), "group/app", prefetchOptions(8))
	require.NoError(t, err)
	require.Len(t, page.Items, 20)
	require.Len(t, s.Received(), 1)

	s = testkit.NewListScript(t, jobPagesServer(false, false))
	_, err = s.Client(t).Jobs.List(t.Context(), "group/app", &gitlabci.ListJobsOptions{ListOptions: gitlabci.ListOptions{Prefetch: 8}})
	require.NoError(t, err)
	require.Equal(t, "keyset", s.Received()[0].URL.Query().Get("pagination"))
}

// If a page is known to be the last, or to have failed, nothing after it is requested any
// more, and earlier such requests are canceled.
func TestPrefetchPastTheEnd(t *testing.T) {
	busy := func(seq iter.Seq2[*gitlabci.PipelineInfo, error]) (last error) {
		for pipeline, err := range seq {
			if last = err; err == nil && pipeline.ID%100 == 1 {
				time.Sleep(time.Second)
			}
		}
		return last
	}
	synctest.Test(t, func(t *testing.T) {
		s := prefetchSlow(t, prefetchUncounted(pageNumbered(300)))
		require.NoError(t, busy(s.Client(t).Pipelines.All(t.Context(), "group/app", prefetchOptions(2))))
		require.Len(t, s.Received(), 4)
	})
	synctest.Test(t, func(t *testing.T) {
		s := prefetchSlow(t, pageFailing("3", http.StatusForbidden, pageNumbered(1000)))
		require.ErrorIs(t, busy(s.Client(t).Pipelines.All(t.Context(), "group/app", prefetchOptions(2))), gitlabci.ErrForbidden)
		require.Len(t, s.Received(), 3)
	})
	synctest.Test(t, func(t *testing.T) {
		var canceled atomic.Int32
		s := testkit.NewListScript(t, func(w http.ResponseWriter, r *http.Request) {
			if pageNumber(r.URL.Query(), "page", 1) > 2 {
				<-r.Context().Done()
				canceled.Add(1)
				return
			}
			if pageNumber(r.URL.Query(), "page", 1) == 2 {
				time.Sleep(time.Second) // the others are under way by then
			}
			prefetchUncounted(pageNumbered(198))(w, r)
		})
		for pipeline, err := range s.Client(t).Pipelines.All(t.Context(), "group/app", prefetchOptions(4)) {
			require.NoError(t, err)
			if pipeline.ID == 1 {
				synctest.Wait() // until all are on their way
			}
			if pipeline.ID == 198 {
				synctest.Wait()
				require.EqualValues(t, 3, canceled.Load(), "pages 3 to 5, while page 2 is still read")
			}
		}
	})
}

// When the loop is over nothing of it is left, however long that takes.
func TestPrefetchLeavesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testkit.NewScript(pageNumbered(1000))
		var now atomic.Int32
		client := s.Client(t, gitlabci.WithTransport(testkit.RoundTripper(func(req *http.Request) (*http.Response, error) {
			now.Add(1)
			defer now.Add(-1)
			if req.URL.Query().Get("page") != "" {
				<-req.Context().Done()
				time.Sleep(10 * time.Millisecond)
				return nil, req.Context().Err()
			}
			return s.Network.Transport().RoundTrip(req)
		})))
		for _, err := range client.Pipelines.All(t.Context(), "group/app", prefetchOptions(8)) {
			require.NoError(t, err)
			synctest.Wait()
			require.EqualValues(t, 8, now.Load())
			break
		}
		require.Zero(t, now.Load())
	})
}

// If the links lead elsewhere, prefetching continues from there. Pages of an
// archive need not overlap, since an archive does not change.
func TestPrefetchAfterAJump(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := prefetchSlow(t, func(w http.ResponseWriter, r *http.Request) {
			number := pageNumber(r.URL.Query(), "page", 1)
			next := map[int]int{2: 7, 14: 0}
			if _, jumps := next[number]; !jumps {
				next[number] = number + 1
			}
			var header []string
			if next[number] > 0 {
				header = []string{"Link", testkit.Link(url.Values{"page": {fmt.Sprint(next[number])}}, "next")}
			}
			testkit.Respond(http.StatusOK, fmt.Sprintf(`[{"path":"%d"}]`, number), header...)(w, r)
		})
		start, paths := time.Now(), []string{}
		opts := &gitlabci.ListEntriesOptions{ListOptions: gitlabci.ListOptions{Prefetch: 3}}
		for entry, err := range s.Client(t).Artifacts.AllEntries(t.Context(), "group/app", 9, opts) {
			require.NoError(t, err)
			paths = append(paths, entry.Path)
		}
		require.Equal(t, []string{"1", "2", "7", "8", "9", "10", "11", "12", "13", "14"}, paths)
		require.Equal(t, 250*time.Millisecond, time.Since(start))
	})
}

// If pages cannot overlap, or an overlap would prove nothing, each is requested after
// the previous one has arrived: they fit together only in this order.
func TestPrefetchOneByOne(t *testing.T) {
	withOrder := prefetchOptions(8)
	withOrder.OrderBy = gitlabci.PipelineOrderByStatus
	numbered := func(header string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) { pageNumbered(1000)(pageWithout{w, []string{header}}, r) }
	}
	ownSize := func(w http.ResponseWriter, r *http.Request) {
		query := r.URL.Query()
		query.Set("per_page", "70")
		r.URL.RawQuery = query.Encode()
		pageNumbered(1000)(w, r)
	}
	for name, test := range map[string]struct {
		step     http.HandlerFunc
		opts     *gitlabci.ListPipelinesOptions
		most     int
		requests int
	}{
		"another order":           {pageNumbered(1000), withOrder, 1, 10},
		"a size that is not sent": {numbered("X-Per-Page"), prefetchOptions(8), 1, 10},
		"a size of the server's":  {ownSize, prefetchOptions(8), 8, 15 + 8}, // the first prefetched pages are wasted
		"none ahead":              {pageNumbered(1000), prefetchOptions(1), 1, 10},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := prefetchSlow(t, test.step)
				ids, errs := testkit.PipelineNumbers(s.Client(t).Pipelines.All(t.Context(), "group/app", test.opts))
				require.Empty(t, errs)
				require.Equal(t, pageRange(1, 1000), ids)
				require.Equal(t, test.most, s.most)
				require.Len(t, s.Received(), test.requests)
			})
		})
	}
}

// A page that was served too early is requested again, while the requests after it
// continue. There are never more concurrent requests than allowed.
func TestPrefetchAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var early atomic.Bool
		s := prefetchSlow(t, func(w http.ResponseWriter, r *http.Request) {
			number, size := pageNumber(r.URL.Query(), "page", 1), pageNumber(r.URL.Query(), "per_page", 100)
			shift := 5 // items created after pages one and three were served
			if number == 1 || number == 3 && early.CompareAndSwap(false, true) {
				shift = 0
			}
			newest := 1000 + shift - (number-1)*size
			items := []string{}
			for id := newest; id > max(0, newest-size); id-- {
				items = append(items, fmt.Sprintf(`{"id":%d}`, id))
			}
			header := []string{"X-Per-Page", fmt.Sprint(size), "X-Total", fmt.Sprint(1000 + shift)}
			if newest > size {
				header = append(header, "Link", testkit.Link(url.Values{"page": {fmt.Sprint(number + 1)}, "per_page": {fmt.Sprint(size)}}, "next"))
			}
			testkit.Respond(http.StatusOK, "["+strings.Join(items, ",")+"]", header...)(w, r)
		})
		ids, errs := testkit.PipelineNumbers(s.Client(t).Pipelines.All(t.Context(), "group/app", prefetchOptions(4)))
		require.Empty(t, errs)
		require.Len(t, ids, 1000)
		require.Equal(t, 4, s.most)
		require.Len(t, s.Received(), 13, "12 pages, one of them twice")
	})
}
