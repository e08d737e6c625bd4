package pages_test

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/internal/testkit"
)

// linkPage lists the pipelines of a ref once, "" being any, with responses that
// have the headers given.
func linkPage(t *testing.T, header http.Header, ref string) (*gitlabci.Page[gitlabci.PipelineInfo], error) {
	t.Helper()
	s := testkit.NewListScript(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		maps.Copy(w.Header(), header)
		fmt.Fprint(w, `[{"id":1,"ref":"main"}]`)
	})
	page, err := s.Client(t).Pipelines.List(t.Context(), "group/app", &gitlabci.ListPipelinesOptions{ListOptions: gitlabci.ListOptions{PerPage: 5}, Ref: ref})
	require.Len(t, s.Received(), 1, "a link that cannot be read stays so")
	return page, err
}

// links are Link headers and the query of the next page; nil for the last one.
var links = map[string]struct {
	values []string
	next   url.Values
}{
	"GitLab's":               {[]string{`<https://h/a?page=1>; rel="prev", <https://h/a?page=3>; rel="next", <https://h/a?page=1>; rel="first", <https://h/a?page=9>; rel="last"`}, url.Values{"page": {"3"}}},
	"next alone":             {[]string{`<https://h/a?page=3&per_page=5>; rel="next"`}, url.Values{"page": {"3"}, "per_page": {"5"}}},
	"next first":             {[]string{`<https://h/a?page=3>; rel="next", <https://h/a?page=1>; rel="prev"`}, url.Values{"page": {"3"}}},
	"next last":              {[]string{`<https://h/a?page=9>; rel="last", <https://h/a?page=3>; rel="next"`}, url.Values{"page": {"3"}}},
	"no spaces":              {[]string{`<https://h/a?page=1>;rel="prev",<https://h/a?page=3>;rel="next"`}, url.Values{"page": {"3"}}},
	"many spaces":            {[]string{"  <https://h/a?page=1>  ;  rel = \"prev\" \t,\t <https://h/a?page=3> \t;\t rel\t=  \"next\"  "}, url.Values{"page": {"3"}}},
	"several headers":        {[]string{`<https://h/a?page=1>; rel="prev"`, `<https://h/a?page=3>; rel="next"`, `<https://h/a?page=9>; rel="last"`}, url.Values{"page": {"3"}}},
	"without quotes":         {[]string{`<https://h/a?page=1>; rel=prev, <https://h/a?page=3>; rel=next, <https://h/a?page=9>; rel=last`}, url.Values{"page": {"3"}}},
	"without quotes, alone":  {[]string{`<https://h/a?page=3>; rel=next`}, url.Values{"page": {"3"}}},
	"without quotes, more":   {[]string{`<https://h/a?page=3>; rel=next; title=a`}, url.Values{"page": {"3"}}},
	"two rels":               {[]string{`<https://h/a?page=3>; rel="prev next"`}, url.Values{"page": {"3"}}},
	"two rels, next first":   {[]string{`<https://h/a?page=3>; rel="next last"`}, url.Values{"page": {"3"}}},
	"capitals":               {[]string{`<https://h/a?page=3>; REL="Next"`}, url.Values{"page": {"3"}}},
	"a parameter before":     {[]string{`<https://h/a?page=3>; title="a"; rel="next"`}, url.Values{"page": {"3"}}},
	"a parameter after":      {[]string{`<https://h/a?page=3>; rel="next"; title="a"`}, url.Values{"page": {"3"}}},
	"a flag before":          {[]string{`<https://h/a?page=3>; crossorigin; rel="next"`}, url.Values{"page": {"3"}}},
	"a flag at the end":      {[]string{`<https://h/a?page=3>; rel="next"; crossorigin`}, url.Values{"page": {"3"}}},
	"a flag in the middle":   {[]string{`<https://h/a?page=1>; rel="prev"; crossorigin, <https://h/a?page=3>; rel="next"`}, url.Values{"page": {"3"}}},
	"comma in quotes":        {[]string{`<https://h/a?page=1>; title="b, <https://h/a?page=7>; rel=\"next\""; rel="prev", <https://h/a?page=3>; rel="next"`}, url.Values{"page": {"3"}}},
	"quote and comma":        {[]string{`<https://h/a?page=3>; title="a\", <b"; rel="next"`}, url.Values{"page": {"3"}}},
	"backslash at the end":   {[]string{`<https://h/a?page=3>; title="a\\"; rel="next"`}, url.Values{"page": {"3"}}},
	"an empty title":         {[]string{`<https://h/a?page=3>; title=""; rel="next"`}, url.Values{"page": {"3"}}},
	"an empty link before":   {[]string{`, <https://h/a?page=3>; rel="next"`}, url.Values{"page": {"3"}}},
	"a semicolon at the end": {[]string{`<https://h/a?page=1>; rel="prev";, <https://h/a?page=3>; rel="next";`}, url.Values{"page": {"3"}}},
	"signs in the path":      {[]string{`<https://h/a;b,c%3Ed/e?page=3>; rel="next"`}, url.Values{"page": {"3"}}},
	"signs in the query":     {[]string{`<https://h/a?ref=a,b%3Bc%3Ed%3C%22&page=3>; rel="next"`}, url.Values{"page": {"3"}, "ref": {`a,b;c>d<"`}}},
	"plus and space":         {[]string{`<https://h/a?ref=a%2Bb+c%20d&page=3>; rel="next"`}, url.Values{"page": {"3"}, "ref": {"a+b c d"}}},
	"lists":                  {[]string{`<https://h/a?scope%5B%5D=a&scope%5B%5D=b&scope[]=c&page=3>; rel="next"`}, url.Values{"page": {"3"}, "scope[]": {"a", "b", "c"}}},
	"keyset":                 {[]string{`<https://h/a?cursor=eyJpZCI6IjEifQ%3D%3D&per_page=5>; rel="next"`}, url.Values{"cursor": {"eyJpZCI6IjEifQ=="}, "per_page": {"5"}}},
	"relative":               {[]string{`</api/v4/a?page=3>; rel="next"`}, url.Values{"page": {"3"}}},
	"a query alone":          {[]string{`<?page=3>; rel="next"`}, url.Values{"page": {"3"}}},
	"of another scheme":      {[]string{`<ftp://maya:geheim@h:9/a?page=3#b>; rel="next"`}, url.Values{"page": {"3"}}},
	"credentials": {
		[]string{`<https://h/a?page=3&private_token=a&access_token=b&job_token=c&sudo=root&private_token=d&sudoer=e>; rel="next"`},
		url.Values{"page": {"3"}},
	},
	"none":                     {nil, nil},
	"empty":                    {[]string{""}, nil},
	"last page":                {[]string{`<https://h/a?page=1>; rel="prev", <https://h/a?page=1>; rel="first"`}, nil},
	"last page, with a flag":   {[]string{`<https://h/a?page=1>; rel="prev"; crossorigin`}, nil},
	"a second rel":             {[]string{`<https://h/a?page=1>; rel="prev"; rel="next"`}, nil}, // RFC 8288, 3.3: ignored
	"no rel":                   {[]string{`<https://h/a?page=3>`}, nil},
	"other rels":               {[]string{`<https://h/a?page=3>; rel="nextly next-archive", <https://h/a?page=3>; rev="next", <https://h/a?page=3>; title="next"`}, nil},
	"next within a title":      {[]string{`<https://h/a?page=3>; title="rel=next"; rel="prev"`}, nil},
	"next within a link":       {[]string{`<https://h/a?page=1&rel="next">; rel="prev"`}, nil},
	"link within a title":      {[]string{`<https://h/a?page=1>; rel="prev"; title=", <https://h/a?page=3>; rel=next"`}, nil},
	"the second rel of a link": {[]string{`<https://h/a?page=1>; rel="prev", <https://h/b>; rel="help"`}, nil},
}

func TestLinks(t *testing.T) {
	for name, test := range links {
		t.Run(name, func(t *testing.T) {
			page, err := linkPage(t, http.Header{"Link": test.values}, "")
			require.NoError(t, err)
			next, err := url.ParseQuery(string(page.Next))
			require.NoError(t, err)
			if test.next == nil {
				require.Empty(t, page.Next)
				return
			}
			require.Equal(t, test.next, next)
		})
	}
}

// A next page that cannot be found is not the end of the list.
func TestLinksMalformed(t *testing.T) {
	for name, value := range map[string]string{
		"never closed":          `<https://h/a?page=3; rel="next"`,
		"not closed, the first": `<https://h/a?page=1; rel="prev", <https://h/a?page=3>; rel="next"`,
		"a quote not closed":    `<https://h/a?page=1>; rel="prev"; title="a, <https://h/a?page=3>; rel=next`,
		"no comma":              `<https://h/a?page=1>; rel="prev" <https://h/a?page=3>; rel="next"`,
		"no brackets":           `https://h/a?page=3; rel="next"`,
		"no query":              `<https://h/a>; rel="next"`,
		"empty query":           `<https://h/a?>; rel="next"`,
		"nothing":               `<>; rel="next"`,
		"half an escape":        `<https://h/a?page=%3>; rel="next"`,
		"half an escape before": `<https://h/%zz?page=3>; rel="next"`,
		"not a port":            `<https://h:x/?page=3>; rel="next"`,
		"credentials alone":     `<https://h/a?private_token=geheim>; rel="next"`,
	} {
		t.Run(name, func(t *testing.T) {
			page, err := linkPage(t, http.Header{"Link": {value}}, "main")
			if err == nil && page.Next != "" {
				next, err := url.ParseQuery(string(page.Next))
				require.NoError(t, err)
				require.Equal(t, "3", next.Get("page"), "not the next page")
				return
			}
			require.Error(t, err, "the rest of the list is lost in silence")
			require.NotContains(t, err.Error(), "geheim")
		})
	}
}

// A semicolon separates nothing in a query today: it may be read or refused,
// but not lost.
func TestLinksWithSemicolon(t *testing.T) {
	page, err := linkPage(t, http.Header{"Link": {`<https://h/a?page=3&ref=a;b>; rel="next"`}}, "")
	if err == nil {
		require.Equal(t, gitlabci.Cursor("page=3&ref=a%3Bb"), page.Next)
	}
}

// What a proxy drops is in another header.
func TestLinksMissing(t *testing.T) {
	tests := map[string]struct {
		header http.Header
		next   url.Values
	}{
		"number":            {http.Header{"X-Next-Page": {"2"}}, url.Values{"page": {"2"}, "per_page": {"5"}, "ref": {"main"}}},
		"cursor":            {http.Header{"X-Next-Cursor": {"a+/=="}}, url.Values{"cursor": {"a+/=="}, "per_page": {"5"}, "ref": {"main"}}},
		"GitLab's case":     {http.Header{"X-NEXT-CURSOR": {"a+/=="}}, url.Values{"cursor": {"a+/=="}, "per_page": {"5"}, "ref": {"main"}}},
		"link before both":  {http.Header{"Link": {`<https://h/a?page=3>; rel="next"`}, "X-Next-Page": {"7"}, "X-Next-Cursor": {"a"}}, url.Values{"page": {"3"}, "ref": {"main"}}},
		"link without next": {http.Header{"Link": {`<https://h/a?page=1>; rel="first"`}, "X-Next-Page": {"7"}}, url.Values{"page": {"7"}, "per_page": {"5"}, "ref": {"main"}}},
		"empty number":      {http.Header{"X-Next-Page": {""}, "X-Next-Cursor": {""}}, url.Values{}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			page, err := linkPage(t, test.header, "main")
			require.NoError(t, err)
			next, err := url.ParseQuery(string(page.Next))
			require.NoError(t, err)
			require.Equal(t, test.next, next)
		})
	}
}

// Without any Link header the numbers lead through the whole list.
func TestLinksMissingThroughout(t *testing.T) {
	s := testkit.NewListScript(t, func(w http.ResponseWriter, r *http.Request) {
		pageNumbered(250)(pageWithout{w, []string{"Link"}}, r)
	})
	ids, errs := testkit.PipelineNumbers(s.Client(t).Pipelines.All(t.Context(), "group/app", &gitlabci.ListPipelinesOptions{Ref: "main"}))
	require.Empty(t, errs)
	require.Equal(t, pageRange(1, 250), ids)
	require.Len(t, s.Received(), 3)
	require.Equal(t, "main", s.Received()[2].URL.Query().Get("ref"))
}

func TestLinksCursorWithoutCredentials(t *testing.T) {
	const cursor = "page=2&private_token=geheim&ref=main&access_token=geheim&job_token=geheim&sudo=root&%73udo=root&private%5Ftoken=geheim"
	s := testkit.NewListScript(t, pageNumbered(250))
	opts := &gitlabci.ListPipelinesOptions{ListOptions: gitlabci.ListOptions{After: cursor}}
	page, err := s.Client(t).Pipelines.List(t.Context(), "group/app", opts)
	require.NoError(t, err)
	_, errs := testkit.PipelineNumbers(s.Client(t).Pipelines.All(t.Context(), "group/app", opts))
	require.Empty(t, errs)
	require.NotContains(t, page.Next, "geheim")
	for _, r := range s.Received() {
		require.NotContains(t, r.RequestURI, "geheim")
		require.NotContains(t, r.RequestURI, "root")
		require.Equal(t, "main", r.URL.Query().Get("ref"))
	}
}

func TestPagesThatAreNotLists(t *testing.T) {
	tests := map[string]struct {
		contentType, body string
		says              []string
	}{
		"a page of HTML": {"text/html; charset=utf-8", `<html><title>Sign in</title></html>`, []string{"text/html", "Sign in"}},
		"text":           {"text/plain", `hello`, []string{"text/plain"}},
		"nothing":        {"application/octet-stream", ``, []string{"200 OK without a body"}},
		"an object":      {"application/json", `{"id":1}`, []string{"array"}},
		"null":           {"application/json", `null`, []string{"array"}},
		"text in quotes": {"application/json", `"[]"`, []string{"array"}},
		"half an array":  {"application/json", `[{"id":1},`, []string{"JSON"}},
		"more than one":  {"application/json", `[{"id":1}][]`, []string{"JSON"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := testkit.NewScript(testkit.Respond(http.StatusOK, test.body, "Content-Type", test.contentType))
			page, err := s.Client(t).Pipelines.List(t.Context(), "group/app", nil)
			require.Nil(t, page)
			for _, says := range test.says {
				require.ErrorContains(t, err, says)
			}
			require.Len(t, s.Received(), 1)
			variables, err := s.Client(t).Pipelines.Variables(t.Context(), "group/app", 42)
			require.Error(t, err)
			require.Nil(t, variables)
		})
	}
}

// linkRenamed responds on one of the two routes of trigger jobs with a list of three
// pages, and the other one by refusal.
func linkRenamed(knows, refusal string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/"+knows) {
			testkit.Respond(http.StatusNotFound, refusal)(w, r)
			return
		}
		pageNumbered(250)(w, r)
	}
}

func TestTriggerJobsRoute(t *testing.T) {
	const unknownRoute = `{"error":"404 Not Found"}`
	s := testkit.NewListScript(t, linkRenamed("trigger_jobs", unknownRoute))
	client := s.Client(t)
	page, err := client.Jobs.ListTriggerJobs(t.Context(), "group/app", 42, &gitlabci.ListTriggerJobsOptions{Scope: []gitlabci.Status{gitlabci.StatusFailed}})
	require.NoError(t, err)
	require.Len(t, page.Items, 20)
	require.Equal(t, []string{
		"GET /api/v4/projects/group%2Fapp/pipelines/42/bridges?scope%5B%5D=failed",
		"GET /api/v4/projects/group%2Fapp/pipelines/42/trigger_jobs?scope%5B%5D=failed",
	}, linkRoutes(s, 0))

	seq := client.Jobs.AllTriggerJobs(t.Context(), "group/app", 42, nil)
	for range 2 { // a loop asks the old route once, and the next loop again
		before := len(s.Received())
		require.NoError(t, testkit.Drain(seq))
		routes := linkRoutes(s, before)
		require.Len(t, routes, 4)
		for i, name := range []string{"bridges", "trigger_jobs", "trigger_jobs", "trigger_jobs"} {
			require.Contains(t, routes[i], "/"+name+"?")
		}
	}

	s = testkit.NewListScript(t, linkRenamed("bridges", unknownRoute))
	require.NoError(t, testkit.Drain(s.Client(t).Jobs.AllTriggerJobs(t.Context(), "group/app", 42, nil)))
	for _, route := range linkRoutes(s, 0) {
		require.Contains(t, route, "/bridges?")
	}
	require.Len(t, s.Received(), 3)
}

func TestTriggerJobsNotFound(t *testing.T) {
	for _, refusal := range []string{
		`{"message":"404 Not found"}`, `{"message":"404 Not Found"}`, `{"message":"404 Project Not Found"}`, `{"error":"404 Not found"}`,
		`{"error":"404 Not Found","message":"404 Not found"}`, `{"error":"not_found"}`, `404 Not Found`, ``, `<html><title>404 Not Found</title></html>`,
	} {
		t.Run(refusal, func(t *testing.T) {
			s := testkit.NewScript(testkit.Respond(http.StatusNotFound, refusal))
			page, err := s.Client(t).Jobs.ListTriggerJobs(t.Context(), "group/app", 42, nil)
			require.Nil(t, page)
			require.ErrorIs(t, err, gitlabci.ErrNotFound)
			require.NotErrorIs(t, err, errors.ErrUnsupported)
			require.Error(t, testkit.Drain(s.Client(t).Jobs.AllTriggerJobs(t.Context(), "group/app", 42, nil)))
			for _, route := range linkRoutes(s, 0) {
				require.Contains(t, route, "/bridges")
			}
			require.Len(t, s.Received(), 2)
		})
	}
	t.Run("neither route", func(t *testing.T) {
		s := testkit.NewScript(testkit.Respond(http.StatusNotFound, `{"error":"404 Not Found"}`))
		_, err := s.Client(t).Jobs.ListTriggerJobs(t.Context(), "group/app", 42, nil)
		require.ErrorIs(t, err, errors.ErrUnsupported)
		require.Len(t, s.Received(), 2)
	})
}

// linkRoutes is what reached s, from one request on.
func linkRoutes(s *testkit.Script, from int) (routes []string) {
	for _, r := range s.Received()[from:] {
		routes = append(routes, r.Method+" "+r.RequestURI)
	}
	return routes
}
