package pages_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/internal/testkit"
)

// pageItems returns a JSON list of objects with the IDs from first to last, and the
// given pairs of names and values.
func pageItems(first, last int, pairs ...string) string {
	items := []map[string]any{}
	for id := first; id <= last; id++ {
		item := map[string]any{"id": id}
		for i := 0; i < len(pairs); i += 2 {
			item[pairs[i]] = pairs[i+1]
		}
		items = append(items, item)
	}
	data, err := json.Marshal(items)
	if err != nil {
		panic(err)
	}
	return string(data)
}

// pageFitting returns the fields of items that fit the filters of a query.
func pageFitting(query url.Values) (pairs []string) {
	for filter, name := range map[string]string{"ref": "ref", "status": "status", "scope[]": "status"} {
		if query.Has(filter) {
			pairs = append(pairs, name, query.Get(filter))
		}
	}
	return pairs
}

// pageNumbered lists the IDs from 1 to total in pages as GitLab numbers them.
func pageNumbered(total int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		query := r.URL.Query()
		page, perPage := pageNumber(query, "page", 1), pageNumber(query, "per_page", 20)
		pages := max(1, (total+perPage-1)/perPage)
		header := w.Header()
		header.Set("Content-Type", "application/json")
		header.Set("X-Page", strconv.Itoa(page))
		header.Set("X-Per-Page", strconv.Itoa(perPage))
		header.Set("X-Total", strconv.Itoa(total))
		header.Set("X-Total-Pages", strconv.Itoa(pages))
		header.Set("X-Next-Page", "")
		query.Set("id", "group/app") // GitLab repeats the path's parameters too
		query.Set("page", "1")
		query.Set("per_page", strconv.Itoa(perPage))
		links := testkit.Link(query, "first")
		if page < pages {
			header.Set("X-Next-Page", strconv.Itoa(page+1))
			query.Set("page", strconv.Itoa(page+1))
			links += ", " + testkit.Link(query, "next")
		}
		query.Set("page", strconv.Itoa(pages))
		header.Set("Link", links+", "+testkit.Link(query, "last"))
		fmt.Fprint(w, pageItems((page-1)*perPage+1, min(page*perPage, total), pageFitting(query)...))
	}
}

func pageNumber(query url.Values, name string, otherwise int) int {
	if n, err := strconv.Atoi(query.Get(name)); err == nil {
		return n
	}
	return otherwise
}

// pageKeyset lists pages by cursors: the first page, then that of each cursor
// in turn. The last one has no link, as on GitLab.
func pageKeyset(pages ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		at := 0
		if cursor := r.URL.Query().Get("cursor"); cursor != "" {
			fmt.Sscanf(cursor, "eyJpZCI6+/%d==", &at)
		}
		w.Header().Set("Content-Type", "application/json")
		if at+1 < len(pages) {
			query := r.URL.Query()
			query.Set("cursor", fmt.Sprintf("eyJpZCI6+/%d==", at+1))
			w.Header().Set("Link", testkit.Link(query, "next"))
		}
		fmt.Fprint(w, pages[at])
	}
}

// pageRange is the numbers from first to last.
func pageRange(first, last int) (numbers []int) {
	for n := first; n <= last; n++ {
		numbers = append(numbers, n)
	}
	return numbers
}

// pageAsked is the queries that reached s, without what a test leaves out.
func pageAsked(s *testkit.Script) (queries []url.Values) {
	for _, r := range s.Received() {
		query := r.URL.Query()
		query.Del("id")
		queries = append(queries, query)
	}
	return queries
}

func TestPagesList(t *testing.T) {
	s := testkit.NewListScript(t, pageNumbered(45))
	opts := &gitlabci.ListPipelinesOptions{Ref: "a&b=c+d"}
	ids := []int{}
	for number := 1; number <= 3; number++ {
		page, err := s.Client(t).Pipelines.List(t.Context(), "group/app", opts)
		require.NoError(t, err)
		for _, pipeline := range page.Items {
			ids = append(ids, int(pipeline.ID))
		}
		require.Equal(t, number, page.Page)
		require.Equal(t, 20, page.PerPage)
		require.Equal(t, 45, page.Total)
		require.Equal(t, 3, page.TotalPages)
		require.Equal(t, number < 3, page.Next != "")
		opts = &gitlabci.ListPipelinesOptions{ListOptions: gitlabci.ListOptions{After: page.Next}}
	}
	require.Equal(t, pageRange(1, 45), ids)
	require.Equal(t, []url.Values{
		{"ref": {"a&b=c+d"}},
		{"ref": {"a&b=c+d"}, "page": {"2"}, "per_page": {"20"}},
		{"ref": {"a&b=c+d"}, "page": {"3"}, "per_page": {"20"}},
	}, pageAsked(s))
}

func TestPagesListOfNothing(t *testing.T) {
	s := testkit.NewListScript(t, pageNumbered(0))
	page, err := s.Client(t).Pipelines.List(t.Context(), "group/app", nil)
	require.NoError(t, err)
	require.Empty(t, page.Items)
	require.Zero(t, page.Total)
	require.Equal(t, 1, page.TotalPages)
	require.Empty(t, page.Next)
}

func TestPagesWithoutAnyNumbers(t *testing.T) {
	tests := map[string][]string{
		"none":        nil,
		"empty":       {"X-Page", "", "X-Per-Page", "", "X-Total", "", "X-Total-Pages", "", "X-Next-Page", ""},
		"not numbers": {"X-Page", "one", "X-Per-Page", "1.5", "X-Total", "many", "X-Total-Pages", "9223372036854775808"},
		"negative":    {"X-Page", "-1", "X-Per-Page", "-1", "X-Total", "-2", "X-Total-Pages", "-7"},
	}
	for name, headers := range tests {
		t.Run(name, func(t *testing.T) {
			s := testkit.NewScript(testkit.Respond(http.StatusOK, `[{"id":1}]`, headers...))
			page, err := s.Client(t).Pipelines.List(t.Context(), "group/app", nil)
			require.NoError(t, err)
			require.Len(t, page.Items, 1)
			page.Items = nil
			require.Equal(t, &gitlabci.Page[gitlabci.PipelineInfo]{Total: -1, TotalPages: -1}, page)
		})
	}
}

func TestPagesAll(t *testing.T) {
	tests := map[string]struct {
		opts  *gitlabci.ListPipelinesOptions
		first int // ID
		asked []url.Values
	}{
		"no options": {nil, 1, []url.Values{{"per_page": {"100"}}, {"per_page": {"100"}, "page": {"2"}}, {"per_page": {"100"}, "page": {"3"}}}},
		"zero options": {
			&gitlabci.ListPipelinesOptions{}, 1, []url.Values{{"per_page": {"100"}}, {"per_page": {"100"}, "page": {"2"}}, {"per_page": {"100"}, "page": {"3"}}},
		},
		"90 a page": {
			&gitlabci.ListPipelinesOptions{ListOptions: gitlabci.ListOptions{PerPage: 90}}, 1,
			[]url.Values{{"per_page": {"90"}}, {"per_page": {"90"}, "page": {"2"}}, {"per_page": {"90"}, "page": {"3"}}},
		},
		"from page 2": {
			&gitlabci.ListPipelinesOptions{ListOptions: gitlabci.ListOptions{Page: 2}}, 101,
			[]url.Values{{"per_page": {"100"}, "page": {"2"}}, {"per_page": {"100"}, "page": {"3"}}},
		},
		"from page 3, 90 a page, filtered": {
			&gitlabci.ListPipelinesOptions{ListOptions: gitlabci.ListOptions{Page: 3, PerPage: 90}, Status: gitlabci.StatusFailed}, 181,
			[]url.Values{{"per_page": {"90"}, "page": {"3"}, "status": {"failed"}}},
		},
		"past the end": {
			&gitlabci.ListPipelinesOptions{ListOptions: gitlabci.ListOptions{Page: 9}}, 251, []url.Values{{"per_page": {"100"}, "page": {"9"}}},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := testkit.NewListScript(t, pageNumbered(250))
			ids, errs := testkit.PipelineNumbers(s.Client(t).Pipelines.All(t.Context(), "group/app", test.opts))
			require.Empty(t, errs)
			require.Equal(t, pageRange(test.first, 250), ids)
			require.Equal(t, test.asked, pageAsked(s))
		})
	}
}

func TestPagesAreRequestedInTime(t *testing.T) {
	for _, test := range []struct{ last, requests int }{{1, 1}, {99, 1}, {100, 1}, {101, 2}, {200, 2}, {201, 3}, {250, 3}} {
		s := testkit.NewListScript(t, pageNumbered(250))
		seq := s.Client(t).Pipelines.All(t.Context(), "group/app", prefetchOptions(1))
		require.Empty(t, s.Received(), "before the loop")
		for pipeline, err := range seq {
			require.NoError(t, err)
			if int(pipeline.ID) == test.last {
				break
			}
		}
		require.Len(t, s.Received(), test.requests, "after a break at %d", test.last)
		ids, errs := testkit.PipelineNumbers(seq)
		require.Empty(t, errs)
		require.Equal(t, pageRange(1, 250), ids, "ranged again")
		require.Len(t, s.Received(), test.requests+3)
	}
}

// pageFailing responds to the first request for a page with status.
func pageFailing(page string, status int, next http.HandlerFunc) http.HandlerFunc {
	failed := false
	return func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("page") == page && !failed {
			failed = true
			testkit.Respond(status, `{"message":"not now"}`)(w, r)
			return
		}
		next(w, r)
	}
}

func TestPagesResumeAfterAnError(t *testing.T) {
	tests := map[string]struct {
		page    string // that fails
		yielded int
	}{"page one": {"", 0}, "page two": {"2", 100}, "page three": {"3", 200}}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := testkit.NewListScript(t, pageFailing(test.page, http.StatusForbidden, pageNumbered(250)))
			client := s.Client(t)
			opts := &gitlabci.ListPipelinesOptions{Ref: "main"}
			ids, errs := testkit.PipelineNumbers(client.Pipelines.All(t.Context(), "group/app", opts))
			require.Equal(t, pageRange(1, test.yielded), ids)
			require.Len(t, errs, 1)
			require.ErrorIs(t, errs[0], gitlabci.ErrForbidden)
			e, isPage := errors.AsType[*gitlabci.PageError](errs[0])
			require.True(t, isPage)
			require.Equal(t, e.Err.Error(), errs[0].Error())
			_, isAPI := errors.AsType[*gitlabci.APIError](e)
			require.True(t, isAPI)

			text := testkit.JSON(t, e.After) // kept over a restart
			var after gitlabci.Cursor
			require.NoError(t, json.Unmarshal([]byte(text), &after))
			ids, errs = testkit.PipelineNumbers(client.Pipelines.All(t.Context(), "group/app", &gitlabci.ListPipelinesOptions{ListOptions: gitlabci.ListOptions{After: after}}))
			require.Empty(t, errs)
			require.Equal(t, pageRange(test.yielded+1, 250), ids)
			for _, query := range pageAsked(s) {
				require.Equal(t, []string{"main"}, query["ref"])
				require.Equal(t, []string{"100"}, query["per_page"])
			}
		})
	}
}

// The item beside an error is nil, and a loop that breaks there ends.
func TestPagesErrorHasNoItem(t *testing.T) {
	s := testkit.NewListScript(t, testkit.Respond(http.StatusNotFound, `{"message":"404 Project Not Found"}`))
	rounds := 0
	for pipeline, err := range s.Client(t).Pipelines.All(t.Context(), "group/app", nil) {
		require.Nil(t, pipeline)
		require.ErrorIs(t, err, gitlabci.ErrNotFound)
		rounds++
		break
	}
	require.Equal(t, 1, rounds)
}

func TestPagesCanceled(t *testing.T) {
	s := testkit.NewListScript(t, pageNumbered(250))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ids, errs := []int{}, []error{}
	for pipeline, err := range s.Client(t).Pipelines.All(ctx, "group/app", nil) {
		cancel()
		if err != nil {
			errs = append(errs, err)
			continue
		}
		ids = append(ids, int(pipeline.ID))
	}
	require.Equal(t, pageRange(1, 100), ids)
	require.Len(t, errs, 1)
	require.ErrorIs(t, errs[0], context.Canceled)
	e, isPage := errors.AsType[*gitlabci.PageError](errs[0])
	require.True(t, isPage)
	ids, errs = testkit.PipelineNumbers(s.Client(t).Pipelines.All(t.Context(), "group/app", &gitlabci.ListPipelinesOptions{ListOptions: gitlabci.ListOptions{After: e.After}}))
	require.Empty(t, errs)
	require.Equal(t, pageRange(101, 250), ids)
}

func TestPagesAfterReplacesOptions(t *testing.T) {
	opts := &gitlabci.ListPipelinesOptions{
		ListOptions: gitlabci.ListOptions{Page: 7, PerPage: 50, After: "page=2&per_page=10&ref=main"},
		Ref:         "other", Status: gitlabci.StatusFailed, YAMLErrors: new(true),
	}
	want := url.Values{"page": {"2"}, "per_page": {"10"}, "ref": {"main"}}
	s := testkit.NewListScript(t, pageNumbered(15))
	page, err := s.Client(t).Pipelines.List(t.Context(), "group/app", opts)
	require.NoError(t, err)
	require.Len(t, page.Items, 5)
	ids, errs := testkit.PipelineNumbers(s.Client(t).Pipelines.All(t.Context(), "group/app", opts))
	require.Empty(t, errs)
	require.Equal(t, pageRange(11, 15), ids)
	require.Equal(t, []url.Values{want, want}, pageAsked(s))
}

// All continues from a cursor that List returned, with pages of any size, and with any
// headers that a proxy left: nothing is lost.
func TestPagesFromListToAll(t *testing.T) {
	headers := map[string][]string{"all headers": nil, "no link": {"Link"}, "no numbers": {"X-Page", "X-Per-Page", "X-Total", "X-Total-Pages", "X-Next-Page"}}
	for name, missing := range headers {
		for _, perPage := range []int{0, 10} {
			t.Run(fmt.Sprintf("%s, %d a page", name, perPage), func(t *testing.T) {
				s := testkit.NewListScript(t, func(w http.ResponseWriter, r *http.Request) {
					pageNumbered(250)(pageWithout{w, missing}, r)
				})
				client := s.Client(t)
				page, err := client.Pipelines.List(t.Context(), "group/app", &gitlabci.ListPipelinesOptions{ListOptions: gitlabci.ListOptions{PerPage: perPage}})
				require.NoError(t, err)
				ids, errs := testkit.PipelineNumbers(client.Pipelines.All(t.Context(), "group/app", &gitlabci.ListPipelinesOptions{ListOptions: gitlabci.ListOptions{After: page.Next}}))
				require.Empty(t, errs)
				require.Equal(t, pageRange(len(page.Items)+1, 250), ids)
			})
		}
	}
}

// A pageWithout is a response that loses some headers on the way.
type pageWithout struct {
	http.ResponseWriter
	missing []string
}

func (p pageWithout) Write(data []byte) (int, error) {
	for _, name := range p.missing {
		p.Header().Del(name)
	}
	return p.ResponseWriter.Write(data)
}

// pageCircle responds to page n with a link to next[n-1].
func pageCircle(next ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		page := pageNumber(r.URL.Query(), "page", 1)
		query := r.URL.Query()
		query.Set("page", next[page-1])
		testkit.Respond(http.StatusOK, pageItems(page, page), "Link", testkit.Link(query, "next"))(w, r)
	}
}

func TestPagesThatTurnBack(t *testing.T) {
	tests := map[string]struct {
		step http.HandlerFunc
		opts gitlabci.ListOptions
		ids  []int
	}{
		"the first to itself":       {pageCircle("1"), gitlabci.ListOptions{}, []int{1}},
		"the first to itself again": {pageCircle("01"), gitlabci.ListOptions{}, []int{1}},
		"the second to itself":      {pageCircle("2", "2"), gitlabci.ListOptions{}, []int{1, 2}},
		"the second to the first":   {pageCircle("2", "1"), gitlabci.ListOptions{}, []int{1, 2}},
		"the third to the second":   {pageCircle("2", "3", "2"), gitlabci.ListOptions{}, []int{1, 2, 3}},
		"with a cursor to itself":   {pageCircle("", "2"), gitlabci.ListOptions{After: "page=2"}, []int{2}},
		"with a number to itself":   {pageCircle("", "2"), gitlabci.ListOptions{Page: 2}, []int{2}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := testkit.NewListScript(t, test.step)
			ids, errs := testkit.PipelineNumbers(s.Client(t).Pipelines.All(t.Context(), "group/app", &gitlabci.ListPipelinesOptions{ListOptions: test.opts}))
			require.Equal(t, test.ids, ids)
			require.Len(t, errs, 1)
			require.Regexp(t, "^gitlabci: ", errs[0].Error())
			require.Len(t, s.Received(), len(test.ids))
		})
	}
}

func TestPagesKeyset(t *testing.T) {
	pushed := func(first, last int) string { return pageItems(first, last, "source", "push") }
	tests := map[string]struct {
		pages []string
		ids   []int
	}{
		"one page":               {[]string{pushed(1, 3)}, []int{1, 2, 3}},
		"nothing":                {[]string{`[]`}, nil},
		"three pages":            {[]string{pushed(1, 2), pushed(3, 4), pushed(5, 5)}, []int{1, 2, 3, 4, 5}},
		"empty pages in between": {[]string{`[]`, pushed(1, 2), `[]`, `[]`, pushed(3, 3)}, []int{1, 2, 3}},
		"empty page at the end":  {[]string{pushed(1, 2), `[]`}, []int{1, 2}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := testkit.NewListScript(t, pageKeyset(test.pages...))
			var ids []int
			for pipeline, err := range s.Client(t).Pipelines.AllMine(t.Context(), &gitlabci.ListMyPipelinesOptions{Source: gitlabci.SourcePush}) {
				require.NoError(t, err)
				ids = append(ids, int(pipeline.ID))
			}
			require.Equal(t, test.ids, ids)
			require.Len(t, s.Received(), len(test.pages))
			for i, query := range pageAsked(s) {
				want := url.Values{"source": {"push"}, "per_page": {"100"}}
				if i > 0 {
					want.Set("cursor", fmt.Sprintf("eyJpZCI6+/%d==", i))
				}
				require.Equal(t, want, query)
			}
		})
	}
}

func TestPagesKeysetPage(t *testing.T) {
	s := testkit.NewListScript(t, pageKeyset(`[]`, pageItems(1, 2)))
	page, err := s.Client(t).Pipelines.ListMine(t.Context(), nil)
	require.NoError(t, err)
	require.Equal(t, gitlabci.Cursor("cursor=eyJpZCI6%2B%2F1%3D%3D"), page.Next)
	require.Equal(t, []int{0, 0, -1, -1}, []int{page.Page, page.PerPage, page.Total, page.TotalPages})
	page, err = s.Client(t).Pipelines.ListMine(t.Context(), &gitlabci.ListMyPipelinesOptions{ListOptions: gitlabci.ListOptions{After: page.Next}})
	require.NoError(t, err)
	require.Len(t, page.Items, 2)
	require.Empty(t, page.Next)
}

func TestPagesKeysetTurnsBack(t *testing.T) {
	s := testkit.NewListScript(t, func(w http.ResponseWriter, r *http.Request) {
		testkit.Respond(http.StatusOK, pageItems(1, 1), "Link", testkit.Link(url.Values{"cursor": {"a"}}, "next"))(w, r)
	})
	failures := 0
	for _, err := range s.Client(t).Pipelines.AllMine(t.Context(), nil) {
		require.LessOrEqual(t, len(s.Received()), 2)
		if err != nil {
			failures++
		}
	}
	require.Equal(t, 1, failures)
	require.Len(t, s.Received(), 2)
}

// A page that links to the cursor it was requested by is not requested again.
func TestPagesKeysetTurnsBackImmediately(t *testing.T) {
	s := testkit.NewListScript(t, func(w http.ResponseWriter, r *http.Request) {
		testkit.Respond(http.StatusOK, `[]`, "Link", testkit.Link(r.URL.Query(), "next"))(w, r)
	})
	err := testkit.Drain(s.Client(t).Pipelines.AllMine(t.Context(), &gitlabci.ListMyPipelinesOptions{ListOptions: gitlabci.ListOptions{After: "cursor=a"}}))
	require.ErrorContains(t, err, "gitlabci: the list turns back")
	require.Len(t, s.Received(), 1)
}

func TestPagesRefusedOptions(t *testing.T) {
	for name, opts := range map[string]gitlabci.ListOptions{
		"101 a page": {PerPage: 101}, "-1 a page": {PerPage: -1}, "page -1": {Page: -1}, "-1 ahead": {Prefetch: -1}, "65 ahead": {Prefetch: 65},
		"65 ahead of a cursor":       {Prefetch: 65, After: "page=2"},
		"cursor with half an escape": {After: "page=%2"}, "cursor with a semicolon": {After: "page=2;a=b"}, "cursor not a query": {After: "%zz"},
	} {
		t.Run(name, func(t *testing.T) {
			s := testkit.NewScript(testkit.Respond(http.StatusOK, `[]`))
			c := s.Client(t)
			_, err := c.Pipelines.List(t.Context(), "group/app", &gitlabci.ListPipelinesOptions{ListOptions: opts})
			testkit.RequireNotSent(t, s, err)
			_, err = c.Pipelines.ListMine(t.Context(), &gitlabci.ListMyPipelinesOptions{ListOptions: opts})
			testkit.RequireNotSent(t, s, err)
			_, err = c.Jobs.ListForPipeline(t.Context(), "group/app", 42, &gitlabci.ListPipelineJobsOptions{ListOptions: opts})
			testkit.RequireNotSent(t, s, err)
			_, err = c.Jobs.ListTriggerJobs(t.Context(), "group/app", 42, &gitlabci.ListTriggerJobsOptions{ListOptions: opts})
			testkit.RequireNotSent(t, s, err)
			_, errs := testkit.PipelineNumbers(c.Pipelines.All(t.Context(), "group/app", &gitlabci.ListPipelinesOptions{ListOptions: opts}))
			require.Len(t, errs, 1)
			testkit.RequireNotSent(t, s, errs[0])
			testkit.RequireNotSent(t, s, testkit.Drain(c.Jobs.AllTriggerJobs(t.Context(), "group/app", 42, &gitlabci.ListTriggerJobsOptions{ListOptions: opts})))
		})
	}
}

// One's own pipelines have no page numbers.
func TestPagesRefusedNumber(t *testing.T) {
	s := testkit.NewScript(testkit.Respond(http.StatusOK, `[]`))
	opts := &gitlabci.ListMyPipelinesOptions{ListOptions: gitlabci.ListOptions{Page: 1}}
	_, err := s.Client(t).Pipelines.ListMine(t.Context(), opts)
	testkit.RequireNotSent(t, s, err)
	require.ErrorContains(t, err, "Page")
	testkit.RequireNotSent(t, s, testkit.Drain(s.Client(t).Pipelines.AllMine(t.Context(), opts)))
}
