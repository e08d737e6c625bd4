package pages_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
	"example.com/gitlabci/internal/testkit"
)

const (
	jobPagesByCursor  = "order_by=id&pagination=keyset&per_page=100&sort=desc"
	jobPagesKeyset405 = `{"error":"Keyset pagination is not yet available for this type of request"}`
	jobPagesOffset405 = `{"error":"Offset pagination has a maximum allowed offset of 50000 for requests that return objects of type Ci::Build. Remaining records can be retrieved using keyset pagination."}`
)

// jobPagesQueries are the queries that arrived, in the order of their names.
func jobPagesQueries(s *testkit.Script) []string {
	var queries []string
	for _, r := range s.Received() {
		queries = append(queries, r.URL.Query().Encode())
	}
	return queries
}

// jobPagesAll ranges over the project's jobs and returns their IDs.
func jobPagesAll(t *testing.T, c *gitlabci.Client, opts *gitlabci.ListJobsOptions) ([]gitlabci.JobID, error) {
	t.Helper()
	var ids []gitlabci.JobID
	for job, err := range c.Jobs.All(t.Context(), "group/app", opts) {
		if err != nil {
			return ids, err
		}
		ids = append(ids, job.ID)
	}
	return ids, nil
}

// jobPagesServer has jobs 5 to 1 and serves them as GitLab does, two a page
// unless asked otherwise. They fit the filters. By its fields, it refuses cursors or does not know them.
func jobPagesServer(refuses, ignorant bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		query := r.URL.Query()
		keyset := query.Get("pagination") == "keyset" && !ignorant
		if keyset && refuses {
			testkit.Respond(405, jobPagesKeyset405)(w, r)
			return
		}
		size, _ := strconv.Atoi(query.Get("per_page"))
		if size == 0 || size == 100 {
			size = 2
		}
		page, _ := strconv.Atoi(query.Get("page"))
		newest, _ := strconv.Atoi(query.Get("cursor"))
		if newest == 0 {
			newest = 6
		}
		newest -= 1 + size*(max(page, 1)-1)
		oldest := max(newest-size+1, 1)
		next := url.Values{"id": {"1"}}
		for name := range query {
			next.Set(name, query.Get(name))
		}
		var headers []string
		if keyset {
			next.Set("cursor", strconv.Itoa(oldest))
		} else {
			next.Set("page", strconv.Itoa(max(page, 1)+1))
			headers = append(headers, "X-Page", strconv.Itoa(max(page, 1)), "X-Per-Page", strconv.Itoa(size), "X-Next-Page", "")
		}
		if oldest > 1 {
			headers = append(headers, testkit.NextPage(next.Encode())...)
		}
		jobs := []map[string]any{}
		for id := newest; id >= oldest; id-- {
			jobs = append(jobs, map[string]any{"id": id, "ref": query.Get("ref"), "status": query.Get("scope[]")})
		}
		body, _ := json.Marshal(jobs)
		testkit.Respond(200, string(body), headers...)(w, r)
	}
}

func TestJobPages(t *testing.T) {
	const rest = "&id=1&order_by=id&pagination=keyset&per_page=100&sort=desc"
	tests := map[string]struct {
		server http.HandlerFunc
		opts   *gitlabci.ListJobsOptions
		want   []string
	}{
		"by cursor": {jobPagesServer(false, false), nil,
			[]string{jobPagesByCursor, "cursor=4" + rest, "cursor=2" + rest}},
		"by cursor, with options": {jobPagesServer(false, false),
			&gitlabci.ListJobsOptions{ListOptions: gitlabci.ListOptions{PerPage: 4}, Ref: "main", Scope: []gitlabci.Status{"failed"}},
			[]string{
				"order_by=id&pagination=keyset&per_page=4&ref=main&scope%5B%5D=failed&sort=desc",
				"cursor=2&id=1&order_by=id&pagination=keyset&per_page=4&ref=main&scope%5B%5D=failed&sort=desc",
			}},
		"refused": {jobPagesServer(true, false), nil,
			[]string{jobPagesByCursor, "per_page=100", "id=1&page=1&per_page=20"}}, // which overlaps the two jobs of the page before it
		"refused, with options": {jobPagesServer(true, false),
			&gitlabci.ListJobsOptions{ListOptions: gitlabci.ListOptions{PerPage: 4}, Ref: "main"},
			[]string{"order_by=id&pagination=keyset&per_page=4&ref=main&sort=desc", "per_page=4&ref=main", "id=1&page=1&per_page=20&ref=main"}},
		"ignored": {jobPagesServer(false, true), nil,
			[]string{jobPagesByCursor, "id=1&order_by=id&page=1&pagination=keyset&per_page=20&sort=desc"}},
		"by number": {jobPagesServer(false, false),
			&gitlabci.ListJobsOptions{ListOptions: gitlabci.ListOptions{Page: 1, PerPage: 3}},
			[]string{"page=1&per_page=3", "id=1&page=1&per_page=20"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := testkit.NewListScript(t, test.server)
			client := s.Client(t)
			ids, err := jobPagesAll(t, client, test.opts)
			require.NoError(t, err)
			require.Equal(t, []gitlabci.JobID{5, 4, 3, 2, 1}, ids)
			require.Equal(t, test.want, jobPagesQueries(s))

			again, err := jobPagesAll(t, client, test.opts)
			require.NoError(t, err)
			require.Equal(t, ids, again)
			require.Equal(t, slices.Repeat(test.want, 2), jobPagesQueries(s), "ranged again")
		})
	}
}

// One page after the other by hand, with the cursor as text in between.
func TestJobPagesOneByOne(t *testing.T) {
	for name, server := range map[string]http.HandlerFunc{
		"by cursor": jobPagesServer(false, false),
		"refused":   jobPagesServer(true, false),
		"ignored":   jobPagesServer(false, true),
	} {
		t.Run(name, func(t *testing.T) {
			var ids []gitlabci.JobID
			opts := &gitlabci.ListJobsOptions{ListOptions: gitlabci.ListOptions{PerPage: 2}}
			for range 3 {
				s := testkit.NewListScript(t, server)
				page, err := s.Client(t).Jobs.List(t.Context(), "group/app", opts)
				require.NoError(t, err)
				for _, job := range page.Items {
					ids = append(ids, job.ID)
				}
				opts = &gitlabci.ListJobsOptions{ListOptions: gitlabci.ListOptions{After: gitlabci.Cursor(string(page.Next))}}
				require.Equal(t, -1, page.Total)
				require.Equal(t, -1, page.TotalPages)
				require.Equal(t, name == "by cursor", page.Page == 0)
			}
			require.Equal(t, []gitlabci.JobID{5, 4, 3, 2, 1}, ids)
			require.Empty(t, opts.After, "after the last page")
		})
	}
}

// A list by cursor continues by cursor, and nothing else is requested.
func TestJobPagesAfterACursor(t *testing.T) {
	for _, after := range []gitlabci.Cursor{
		"cursor=eyJpZCI6IjMifQ%3D%3D&order_by=id&pagination=keyset&per_page=100&sort=desc",
		"cursor=eyJpZCI6IjMifQ%3D%3D",
		"page=4&per_page=20",
		"page=4&pagination=keyset&per_page=20",
	} {
		s := testkit.NewListScript(t, testkit.Respond(200, `[{"id":1}]`))
		_, err := jobPagesAll(t, s.Client(t), &gitlabci.ListJobsOptions{ListOptions: gitlabci.ListOptions{After: after}, Ref: "other"})
		require.NoError(t, err)
		require.Equal(t, []string{string(after)}, jobPagesQueries(s))
	}
}

// If a proxy has dropped the links, other headers and the parameters of the request give
// the next page.
func TestJobPagesWithoutLinks(t *testing.T) {
	t.Run("cursor", func(t *testing.T) {
		s := testkit.NewListScript(t, testkit.Respond(200, `[{"id":2}]`, "X-Next-Cursor", "bmV4dA=="), testkit.Respond(200, `[{"id":1}]`))
		ids, err := jobPagesAll(t, s.Client(t), nil)
		require.NoError(t, err)
		require.Equal(t, []gitlabci.JobID{2, 1}, ids)
		require.Equal(t, []string{jobPagesByCursor, "cursor=bmV4dA%3D%3D&" + jobPagesByCursor}, jobPagesQueries(s))
	})
	t.Run("number after a refusal", func(t *testing.T) {
		s := testkit.NewListScript(t, testkit.Respond(405, jobPagesKeyset405), testkit.Respond(200, `[{"id":2}]`, "X-Next-Page", "2"), testkit.Respond(200, `[{"id":1}]`, "X-Next-Page", ""))
		ids, err := jobPagesAll(t, s.Client(t), nil)
		require.NoError(t, err)
		require.Equal(t, []gitlabci.JobID{2, 1}, ids)
		require.Equal(t, []string{jobPagesByCursor, "per_page=100", "page=2&per_page=100"}, jobPagesQueries(s))
	})
}

// Only what a page was first asked by is asked otherwise: a walk that has begun
// would otherwise start over.
func TestJobPagesRefusedLater(t *testing.T) {
	first := testkit.Respond(200, `[{"id":5}]`, testkit.NextPage("cursor=NQ&"+jobPagesByCursor)...)
	tests := map[string]struct {
		opts  *gitlabci.ListJobsOptions
		steps []http.HandlerFunc
		ids   []gitlabci.JobID
		after gitlabci.Cursor
	}{
		"in the middle":          {nil, []http.HandlerFunc{first, testkit.Respond(405, jobPagesKeyset405)}, []gitlabci.JobID{5}, "cursor=NQ&" + jobPagesByCursor},
		"after a cursor":         {&gitlabci.ListJobsOptions{ListOptions: gitlabci.ListOptions{After: "cursor=NQ"}}, []http.HandlerFunc{testkit.Respond(405, jobPagesKeyset405)}, nil, "cursor=NQ"},
		"by number":              {&gitlabci.ListJobsOptions{ListOptions: gitlabci.ListOptions{Page: 600}}, []http.HandlerFunc{testkit.Respond(405, jobPagesOffset405)}, nil, "page=600&per_page=100"},
		"both ways":              {nil, []http.HandlerFunc{testkit.Respond(405, jobPagesKeyset405), testkit.Respond(405, jobPagesOffset405)}, nil, "per_page=100"},
		"by number, after pages": {nil, []http.HandlerFunc{testkit.Respond(405, jobPagesKeyset405), testkit.Respond(200, `[{"id":5}]`, testkit.NextPage("page=2&per_page=100")...), testkit.Respond(405, jobPagesOffset405)}, []gitlabci.JobID{5}, "page=2&per_page=100"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := testkit.NewListScript(t, test.steps...)
			ids, err := jobPagesAll(t, s.Client(t), test.opts)
			require.Equal(t, test.ids, ids)
			e, responded := errors.AsType[*gitlabci.APIError](err)
			require.True(t, responded)
			require.Equal(t, 405, e.StatusCode)
			page, ok := errors.AsType[*gitlabci.PageError](err)
			require.True(t, ok)
			require.Equal(t, test.after, page.After)
			require.Len(t, s.Received(), len(test.steps))
		})
	}
}

// Only 405 says that a server has no cursors.
func TestJobPagesOtherErrors(t *testing.T) {
	for _, status := range []int{400, 401, 403, 404, 410, 422} {
		s := testkit.NewListScript(t, testkit.Respond(status, jobPagesKeyset405))
		_, err := s.Client(t).Jobs.List(t.Context(), "group/app", nil)
		e, responded := errors.AsType[*gitlabci.APIError](err)
		require.True(t, responded)
		require.Equal(t, status, e.StatusCode)
		require.Len(t, s.Received(), 1)
	}
}

func TestJobPagesResume(t *testing.T) {
	flaky := func(server http.HandlerFunc, failing int) http.HandlerFunc {
		n := 0
		return func(w http.ResponseWriter, r *http.Request) {
			if n++; n == failing {
				testkit.Respond(503, ``)(w, r)
				return
			}
			server(w, r)
		}
	}
	for name, test := range map[string]struct {
		server   http.HandlerFunc
		requests int
	}{
		"by cursor": {jobPagesServer(false, false), 3},
		"refused":   {jobPagesServer(true, false), 3},
		"ignored":   {jobPagesServer(false, true), 2},
	} {
		for failing := 1; failing <= test.requests; failing++ {
			t.Run(fmt.Sprint(name, ", request ", failing), func(t *testing.T) {
				client := testkit.NewListScript(t, flaky(test.server, failing)).Client(t, gitlabci.WithRetries(0))
				ids, err := jobPagesAll(t, client, nil)
				page, failed := errors.AsType[*gitlabci.PageError](err)
				require.True(t, failed)
				rest, err := jobPagesAll(t, client, &gitlabci.ListJobsOptions{ListOptions: gitlabci.ListOptions{After: page.After}})
				require.NoError(t, err)
				require.Equal(t, []gitlabci.JobID{5, 4, 3, 2, 1}, append(ids, rest...))
			})
		}
	}
}

func TestJobPagesStopWithTheLoop(t *testing.T) {
	s := testkit.NewListScript(t, jobPagesServer(false, false))
	for job, err := range s.Client(t).Jobs.All(t.Context(), "group/app", windowOptions(1)) {
		require.NoError(t, err)
		if job.ID == 3 {
			break
		}
	}
	require.Len(t, s.Received(), 2)
}

func TestJobPagesThatTurnBack(t *testing.T) {
	for name, links := range map[string][]string{
		"same cursor":       {"cursor=NQ&" + jobPagesByCursor, "cursor=NQ&" + jobPagesByCursor},
		"an earlier cursor": {"cursor=NQ&" + jobPagesByCursor, "cursor=NA&" + jobPagesByCursor, "cursor=NQ&" + jobPagesByCursor},
		"the first page":    {"page=1&per_page=100"},
	} {
		t.Run(name, func(t *testing.T) {
			var steps []http.HandlerFunc
			for _, link := range links {
				steps = append(steps, testkit.Respond(200, `[{"id":5}]`, testkit.NextPage(link)...))
			}
			s := testkit.NewListScript(t, steps...)
			_, err := jobPagesAll(t, s.Client(t), nil)
			require.ErrorContains(t, err, "turns back")
			require.Len(t, s.Received(), len(links))
		})
	}
}

// A circle that is met late is seen after a round or two, and nothing in it
// comes twice.
func TestJobPagesInACircle(t *testing.T) {
	for before := range 9 {
		for circle := 1; circle <= 9; circle++ {
			if !testkit.Sampled(9*before+circle, 1) {
				continue
			}
			s := testkit.NewListScript(t, func(w http.ResponseWriter, r *http.Request) {
				id, _ := strconv.Atoi(r.URL.Query().Get("cursor"))
				next := id + 1
				if next == before+circle {
					next = before
				}
				testkit.Respond(200, fmt.Sprintf(`[{"id":%d}]`, id+1), testkit.NextPage(fmt.Sprintf("cursor=%d&%s", next, jobPagesByCursor))...)(w, r)
			})
			ids, err := jobPagesAll(t, s.Client(t), nil)
			require.ErrorContains(t, err, "turns back", "%d pages, then %d in a circle", before, circle)
			require.Len(t, ids, before+circle)
			require.LessOrEqual(t, len(s.Received()), 2*before+4*circle+2, "%d pages, then %d in a circle", before, circle)
		}
	}
}

// An empty page does not end a list; only a missing link does.
func TestJobPagesThatAreEmpty(t *testing.T) {
	s := testkit.NewListScript(t, testkit.Respond(200, `[]`, testkit.NextPage("cursor=NQ&"+jobPagesByCursor)...), testkit.Respond(200, `[{"id":1}]`))
	ids, err := jobPagesAll(t, s.Client(t), nil)
	require.NoError(t, err)
	require.Equal(t, []gitlabci.JobID{1}, ids)
}

// Refused cursors are not a failed try: the rest of the tries is left.
func TestJobPagesRetryAfterARefusal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testkit.NewListScript(t, testkit.Respond(503, ``), testkit.Respond(405, jobPagesKeyset405), testkit.Respond(503, ``), testkit.Respond(503, ``), testkit.Respond(503, ``), testkit.Respond(503, ``), testkit.Respond(200, `[{"id":1}]`))
		ids, err := jobPagesAll(t, s.Client(t), nil)
		require.NoError(t, err)
		require.Equal(t, []gitlabci.JobID{1}, ids)
	})
}

func TestEntryPages(t *testing.T) {
	link := func(query string) []string {
		return []string{"Link", `<https://` + testkit.OtherHost + `/api/v4/projects/1/jobs/9/artifacts/tree?` + query + `>; rel="next"`, "X-Total", "3"}
	}
	s := testkit.NewListScript(t, testkit.Respond(200, `[{"path":"a/"},{"path":"b"}]`, link("page=2&path=out&per_page=2&recursive=true")...), testkit.Respond(200, `[{"path":"c"}]`))
	var paths []string
	opts := &gitlabci.ListEntriesOptions{ListOptions: gitlabci.ListOptions{PerPage: 2}, Path: "out", Recursive: true}
	for entry, err := range s.Client(t).Artifacts.AllEntries(t.Context(), "group/app", 9, opts) {
		require.NoError(t, err)
		paths = append(paths, entry.Path)
	}
	require.Equal(t, []string{"a/", "b", "c"}, paths)
	require.Equal(t, []string{"path=out&per_page=2&recursive=true", "page=2&path=out&per_page=2&recursive=true"}, jobPagesQueries(s))

	page, err := s.Client(t).Artifacts.ListEntries(t.Context(), "group/app", 9, nil)
	require.NoError(t, err)
	require.Equal(t, gitlabci.Cursor(""), page.Next)
}

// Jobs that start while pages are requested concurrently hide no other job, in
// whatever order the server handles the pages, and despite rate limits.
func TestJobPagesWhileJobsStart(t *testing.T) {
	for _, throttled := range []bool{false, true} {
		for _, prefetch := range []int{2, 3, 8, 64} {
			t.Run(fmt.Sprintf("%d at once, throttled %v", prefetch, throttled), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { jobPagesStarting(t, prefetch, throttled) })
			})
		}
	}
}

// jobPagesStarting iterates over 180 jobs while others start.
func jobPagesStarting(t *testing.T, prefetch int, throttled bool) {
	srv := gitlabcitest.NewServer()
	pipeline := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
	missed := map[gitlabci.JobID]bool{}
	for range 180 {
		missed[pipeline.AddJob(gitlabcitest.Job{Name: "test"}).ID] = true
	}
	client := srv.Client(gitlabci.WithRetries(20), gitlabci.WithTransport(testkit.RoundTripper(func(req *http.Request) (*http.Response, error) {
		number, _ := strconv.Atoi(req.URL.Query().Get("page"))
		time.Sleep(time.Duration(100-number*37%100) * time.Millisecond) // the server handles the pages out of order
		return srv.Transport().RoundTrip(req)
	})))
	for i := 0; throttled && i < 20; i++ { // every fourth request
		srv.Fault(gitlabcitest.Fault{Route: "GET /projects/:id/jobs", Status: 429, Header: http.Header{"Retry-After": {"1"}}, Times: 1})
		srv.Fault(gitlabcitest.Fault{Route: "GET /projects/:id/jobs", Header: http.Header{"X-Served": {"1"}}, Times: 3})
	}
	ctx, cancel := context.WithCancel(t.Context())
	var starts sync.WaitGroup
	defer starts.Wait()
	defer cancel()
	starts.Go(func() {
		for ctx.Err() == nil {
			time.Sleep(17 * time.Millisecond)
			pipeline.AddJob(gitlabcitest.Job{Name: "test"})
		}
	})
	opts := &gitlabci.ListJobsOptions{ListOptions: gitlabci.ListOptions{Prefetch: prefetch, PerPage: 20}}
	seen, err := jobPagesAll(t, client, opts)
	require.NoError(t, err)
	require.Len(t, slices.Compact(slices.Sorted(slices.Values(seen))), len(seen), "no job is yielded twice")
	for _, id := range seen {
		delete(missed, id)
	}
	require.Empty(t, missed)
}
