package promises_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
	"example.com/gitlabci/internal/testkit"
)

// A note is a type of a caller.
type note struct {
	ID        int64     `json:"id"`
	Body      string    `json:"body"`
	UpdatedAt time.Time `json:"updated_at"`
	System    bool      `json:"system"`
}

func TestAt(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		template string
		values   []any
		path     string
	}{
		{"/version", nil, "/version"},
		{"/projects/:id/merge_requests/:iid/notes", []any{gitlabci.ProjectID("group/app"), 12}, "/projects/group%2Fapp/merge_requests/12/notes"},
		{"/projects/:id/jobs/:job_id", []any{gitlabci.ProjectNumber(7), gitlabci.JobID(8)}, "/projects/7/jobs/8"},
		{"/projects/:id/repository/files/:file_path/raw", []any{"group/app", "a b/ä+%2F?#.yml"}, "/projects/group%2Fapp/repository/files/a%20b%2F%C3%A4%2B%252F%3F%23.yml/raw"},
		{"/x/:n", []any{uint8(200)}, "/x/200"},
	} {
		s := testkit.NewScript(testkit.OK)
		_, err := gitlabci.Fetch[note](t.Context(), s.Client(t), gitlabci.At(test.template, test.values...), nil)
		require.NoError(t, err)
		require.Equal(t, "/api/v4"+test.path, testkit.OneRequest(t, s).RequestURI)
		require.Equal(t, test.template, gitlabci.At(test.template, test.values...).String())
	}
}

func TestAtRefuses(t *testing.T) {
	t.Parallel()
	for wrong, test := range map[string]struct {
		template string
		values   []any
	}{
		"begin with a slash":         {"projects", nil},
		"slash and a name":           {"/", nil},
		"https:":                     {"https://gitlab.example.com/api/v4/x", nil},
		`has ""`:                     {"/projects//x", nil},
		`has ".."`:                   {"/projects/../x", nil},
		`has ":"`:                    {"/projects/:", []any{1}},
		`has "x?a=b"`:                {"/x?a=b", nil},
		`has "%2e%2e"`:               {"/%2e%2e/x", nil},
		"no value for :iid":          {"/projects/:id/issues/:iid", []any{1}},
		"fewer names":                {"/projects/:id", []any{1, 2}},
		":id is empty":               {"/projects/:id", []any{""}},
		":id is 0":                   {"/projects/:id", []any{0}},
		":id is -1":                  {"/projects/:id", []any{int64(-1)}},
		"is a float64":               {"/projects/:id", []any{1.5}},
		"is a <nil>":                 {"/projects/:id", []any{nil}},
		"control character":          {"/projects/:id", []any{"a\nb"}},
		`is "../x"`:                  {"/projects/:id", []any{"../x"}},
		`is "a%2f.."`:                {"/projects/:id", []any{"a%2f.."}},
		"project \"app\" is neither": {"/projects/:id", []any{gitlabci.ProjectID("app")}},
	} {
		s := testkit.NewScript(testkit.OK)
		e := gitlabci.At(test.template, test.values...)
		_, err := gitlabci.Fetch[note](t.Context(), s.Client(t), e, nil)
		testkit.RequireNotSent(t, s, err)
		require.ErrorContains(t, err, wrong)
		_, err = gitlabci.FetchPage[note](t.Context(), s.Client(t), e, nil)
		testkit.RequireNotSent(t, s, err)
		_, err = testkit.Collect(gitlabci.FetchAll[note](t.Context(), s.Client(t), e, nil))
		testkit.RequireNotSent(t, s, err)
		_, err = gitlabci.Send[note](t.Context(), s.Client(t), "POST", e, nil, nil)
		testkit.RequireNotSent(t, s, err)
	}
	var none gitlabci.Endpoint
	_, err := gitlabci.Fetch[note](t.Context(), testkit.NewScript(testkit.OK).Client(t), none, nil)
	require.ErrorContains(t, err, "make it with At")
	_, err = gitlabci.Fetch[note](t.Context(), nil, gitlabci.At("/version"), nil)
	require.ErrorIs(t, err, gitlabci.ErrInvalid)
}

// The client's tolerance is for types of callers, too: those that a plan describes are
// converted, and others lose what does not fit.
func TestFetchTypes(t *testing.T) {
	t.Parallel()
	const odd = `{"id":"7","body":5,"updated_at":"2024-06-11 03:02:25 UTC","system":"true","more":[1]}`
	e := gitlabci.At("/notes/7")
	fetched, err := gitlabci.Fetch[note](t.Context(), testkit.NewScript(testkit.Respond(200, odd)).Client(t), e, nil)
	require.NoError(t, err)
	require.Equal(t, &note{7, "5", time.Date(2024, 6, 11, 3, 2, 25, 0, time.UTC), true}, fetched)

	type standard struct {
		ID   int `json:"id"`
		Name string
		Raw  json.RawMessage `json:"more"`
	}
	own, err := gitlabci.Fetch[standard](t.Context(), testkit.NewScript(testkit.Respond(200, `{"id":"7","name":"a","more":[1]}`)).Client(t), e, nil)
	require.NoError(t, err)
	require.Equal(t, &standard{Name: "a", Raw: json.RawMessage(`[1]`)}, own)

	free, err := gitlabci.Fetch[map[string]any](t.Context(), testkit.NewScript(testkit.Respond(200, odd)).Client(t), e, nil)
	require.NoError(t, err)
	require.Equal(t, 5.0, (*free)["body"])
	list, err := gitlabci.Fetch[[]string](t.Context(), testkit.NewScript(testkit.Respond(200, `["a","b"]`)).Client(t), e, nil)
	require.NoError(t, err)
	require.Equal(t, &[]string{"a", "b"}, list)
	ours, err := gitlabci.Fetch[gitlabci.Pipeline](t.Context(), testkit.NewScript(testkit.Respond(200, `{"id":9,"status":"success"}`)).Client(t), e, nil)
	require.NoError(t, err)
	require.Equal(t, gitlabci.StatusSuccess, ours.Status)

	for body, wrong := range map[string]string{
		`[]`: "200 OK, but the response is not a JSON object: it is a list; use FetchAll, or a slice as T", `null`: "not a JSON object", `{"id":7`: "unexpected ", `{} {}`: "after", `<html><title>Sign in`: "not a JSON object",
	} {
		for _, fetch := range []func(context.Context, *gitlabci.Client) error{
			func(ctx context.Context, c *gitlabci.Client) error {
				return testkit.Done(gitlabci.Fetch[note](ctx, c, e, nil))
			},
			func(ctx context.Context, c *gitlabci.Client) error {
				return testkit.Done(gitlabci.Fetch[standard](ctx, c, e, nil))
			},
		} {
			err := fetch(t.Context(), testkit.NewScript(testkit.Respond(200, body)).Client(t, gitlabci.WithRetries(0)))
			require.ErrorContains(t, err, wrong, body)
			require.Regexp(t, "^gitlabci: GET /notes/7: ", err.Error())
		}
	}
	_, err = gitlabci.Fetch[gitlabci.Pipeline](t.Context(), testkit.NewScript(testkit.Respond(200, `{"message":"hello"}`)).Client(t), e, nil)
	require.ErrorContains(t, err, "has no usable ID")
}

// A response that would fill the memory is refused for types of callers, too.
func TestFetchLargeTypes(t *testing.T) {
	t.Parallel()
	type large struct {
		Raw  json.RawMessage `json:"raw"`
		Rest [4096]byte      `json:"-"`
	}
	body := "[" + strings.Repeat("{},", 40_000) + "{}]"
	_, err := gitlabci.Fetch[[]large](t.Context(), testkit.NewScript(testkit.Respond(200, body)).Client(t), gitlabci.At("/x"), nil)
	require.ErrorContains(t, err, "too large to decode")
	_, err = gitlabci.FetchPage[large](t.Context(), testkit.NewScript(testkit.Respond(200, body)).Client(t), gitlabci.At("/x"), nil)
	require.ErrorContains(t, err, "too large to decode")
}

type noteOptions struct {
	gitlabci.ListOptions
	Search string   `url:"search,omitempty"`
	Labels []string `url:"labels,brackets,omitempty"`
}

func TestFetchQuery(t *testing.T) {
	t.Parallel()
	for want, opts := range map[string]any{
		"":                              nil,
		"search=a+b":                    url.Values{"search": {"a b"}},
		"labels%5B%5D=x&search=y":       &noteOptions{Search: "y", Labels: []string{"x"}},
		"page=2&per_page=5&search=z":    noteOptions{Search: "z", ListOptions: gitlabci.ListOptions{Page: 2, PerPage: 5}},
		"order_by=id&page=3&search=all": &noteOptions{ListOptions: gitlabci.ListOptions{After: "order_by=id&page=3&search=all"}},
	} {
		s := testkit.NewScript(testkit.Respond(200, `[]`))
		_, err := gitlabci.FetchPage[note](t.Context(), s.Client(t), gitlabci.At("/notes"), opts)
		require.NoError(t, err)
		require.Equal(t, want, testkit.OneRequest(t, s).URL.RawQuery)
	}
	_, err := gitlabci.Fetch[note](t.Context(), testkit.NewScript(testkit.OK).Client(t), gitlabci.At("/notes"), map[string]string{"a": "b"})
	require.EqualError(t, err, "gitlabci: GET /notes: the options are a map[string]string; give nil, url.Values or a struct")
	for _, wrong := range []any{
		url.Values{"private_token": {"x"}}, url.Values{"token": {"x"}}, 7, "a=b",
		&noteOptions{ListOptions: gitlabci.ListOptions{PerPage: 101}},
		&noteOptions{ListOptions: gitlabci.ListOptions{After: "sudo[]=root"}},
		&noteOptions{ListOptions: gitlabci.ListOptions{After: "milestone=x"}},
		&noteOptions{ListOptions: gitlabci.ListOptions{Prefetch: 65}},
	} {
		s := testkit.NewScript(testkit.Respond(200, `[]`))
		_, err := gitlabci.FetchPage[note](t.Context(), s.Client(t), gitlabci.At("/notes"), wrong)
		testkit.RequireNotSent(t, s, err)
		_, err = testkit.Collect(gitlabci.FetchAll[note](t.Context(), s.Client(t), gitlabci.At("/notes"), wrong))
		testkit.RequireNotSent(t, s, err)
		_, err = gitlabci.Fetch[note](t.Context(), s.Client(t), gitlabci.At("/notes"), wrong)
		testkit.RequireNotSent(t, s, err)
	}
}

// notes is a server of a list that changes before each page but the first: the newest
// notes are first.
func notes(t *testing.T, ids []int64, change func([]int64) []int64) *gitlabci.Client {
	srv := gitlabcitest.NewServer()
	t.Cleanup(srv.Close)
	var mu sync.Mutex // pages are requested ahead
	served := 0
	srv.Handle("GET /api/v4/notes", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if served++; served > 1 {
			ids = change(ids)
		}
		size, _ := strconv.Atoi(cmp.Or(r.URL.Query().Get("per_page"), "2"))
		page, _ := strconv.Atoi(r.URL.Query().Get("page"))
		page = max(page, 1)
		from := min((page-1)*size, len(ids))
		to := min(from+size, len(ids))
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X-Page", strconv.Itoa(page))
		w.Header().Set("X-Per-Page", strconv.Itoa(size))
		w.Header().Set("X-Total", strconv.Itoa(len(ids)))
		w.Header().Set("X-Next-Page", "")
		if to < len(ids) {
			w.Header().Set("X-Next-Page", strconv.Itoa(page+1))
		}
		var items []string
		for _, id := range ids[from:to] {
			items = append(items, fmt.Sprintf(`{"id":%d,"body":"b"}`, id))
		}
		io.WriteString(w, "["+strings.Join(items, ",")+"]")
	}))
	return srv.Client()
}

// While a list in the order of IDs changes, FetchAll yields what existed throughout
// exactly once, as the lists of this package do.
func TestFetchAllOfAListThatChanges(t *testing.T) {
	t.Parallel()
	var ids []int64
	for id := int64(1000); id > 500; id-- {
		ids = append(ids, id)
	}
	opts := url.Values{"order_by": {"id"}, "sort": {"desc"}}
	added, removed := int64(1000), 0
	client := notes(t, slices.Clone(ids), func(now []int64) []int64 {
		added++
		now = slices.Insert(now, 0, added)
		if removed < 3 {
			removed++
			return slices.Delete(now, 5, 8) // on the first page
		}
		return now
	})
	seen := map[int64]int{}
	for n, err := range gitlabci.FetchAll[note](t.Context(), client, gitlabci.At("/notes"), opts) {
		require.NoError(t, err)
		seen[n.ID]++
	}
	for _, id := range ids {
		require.Equal(t, 1, seen[id], id)
	}

	client = notes(t, slices.Clone(ids), func(now []int64) []int64 { return slices.Insert(now, 0, now[0]+1) })
	type anonymous struct {
		Body string `json:"body"`
	}
	items, err := testkit.Collect(gitlabci.FetchAll[anonymous](t.Context(), client, gitlabci.At("/notes"), opts))
	require.NoError(t, err)
	require.Greater(t, len(items), len(ids), "without an ID, what is listed again is not recognized")
}

func TestFetchPageContinues(t *testing.T) {
	t.Parallel()
	client := notes(t, []int64{5, 4, 3, 2, 1}, func(now []int64) []int64 { return now })
	opts := &noteOptions{ListOptions: gitlabci.ListOptions{PerPage: 2}, Search: "x"}
	page, err := gitlabci.FetchPage[note](t.Context(), client, gitlabci.At("/notes"), opts)
	require.NoError(t, err)
	require.Equal(t, 5, page.Total)
	rest, err := testkit.Collect(gitlabci.FetchAll[note](t.Context(), client, gitlabci.At("/notes"), &noteOptions{ListOptions: gitlabci.ListOptions{After: page.Next}}))
	require.NoError(t, err)
	require.Len(t, rest, 3)
	require.Equal(t, gitlabci.Cursor("page=2&per_page=2&search=x"), page.Next)
}

// A page without a size of its own is continued by pages of the server's size.
func TestFetchPageContinuesInItsSize(t *testing.T) {
	t.Parallel()
	client := notes(t, []int64{7, 6, 5, 4, 3, 2, 1}, func(now []int64) []int64 { return now })
	page, err := gitlabci.FetchPage[note](t.Context(), client, gitlabci.At("/notes"), nil)
	require.NoError(t, err)
	require.Len(t, page.Items, 2)
	rest, err := testkit.Collect(gitlabci.FetchAll[note](t.Context(), client, gitlabci.At("/notes"), &noteOptions{ListOptions: gitlabci.ListOptions{After: page.Next}}))
	require.NoError(t, err)
	require.Len(t, rest, 5)
}

func TestSend(t *testing.T) {
	t.Parallel()
	type body struct {
		Body string `json:"body"`
	}
	e := gitlabci.At("/projects/:id/notes", 7)
	s := testkit.NewScript(testkit.Respond(201, `{"id":3,"body":"hi"}`))
	sent, err := gitlabci.Send[note](t.Context(), s.Client(t), "POST", e, body{"hi"}, nil)
	require.NoError(t, err)
	require.Equal(t, &note{ID: 3, Body: "hi"}, sent)
	requireWire(t, s, "POST /projects/7/notes", `{"body":"hi"}`)

	for _, empty := range []http.HandlerFunc{testkit.Respond(204, ``), testkit.Respond(202, ``)} {
		sent, err = gitlabci.Send[note](t.Context(), testkit.NewScript(empty).Client(t), "DELETE", e, nil, nil)
		require.NoError(t, err)
		require.Equal(t, &note{}, sent)
	}
	for _, any := range []string{`{"id":3}`, `[]`, `true`} {
		_, err = gitlabci.Send[struct{}](t.Context(), testkit.NewScript(testkit.Respond(200, any)).Client(t), "PUT", e, nil, nil)
		require.NoError(t, err)
	}
	for _, none := range []string{``, `{"id":`, `<html><title>Sign in</title>`} {
		_, err = gitlabci.Send[struct{}](t.Context(), testkit.NewScript(testkit.Respond(200, none)).Client(t), "PUT", e, nil, nil)
		require.ErrorIs(t, err, gitlabci.ErrOutcomeUnknown, none)
	}
	for _, method := range []string{"GET", "HEAD", "post", "", "CONNECT", "PO ST"} {
		s := testkit.NewScript(testkit.OK)
		_, err = gitlabci.Send[note](t.Context(), s.Client(t), method, e, nil, nil)
		testkit.RequireNotSent(t, s, err)
	}
	for _, wrong := range []any{"text", []byte("{}"), strings.NewReader("{}"), func() {}, map[string]any{"a": "\xff"}} {
		s := testkit.NewScript(testkit.OK)
		_, err = gitlabci.Send[note](t.Context(), s.Client(t), "POST", e, wrong, nil)
		testkit.RequireNotSent(t, s, err)
	}
}

// Whether a write is retried is decided by the options, and for a DELETE by itself.
func TestSendRetries(t *testing.T) {
	t.Parallel()
	e := gitlabci.At("/projects/:id/notes", 7)
	for _, test := range []struct {
		method string
		opts   *gitlabci.SendOptions
		again  bool
	}{{"POST", nil, false}, {"PUT", nil, false}, {"PUT", &gitlabci.SendOptions{Repeatable: true}, true}, {"DELETE", nil, true}} {
		synctest.Test(t, func(t *testing.T) {
			s := testkit.NewScript(testkit.Respond(502, ``), testkit.Respond(200, `{"id":3}`))
			_, err := gitlabci.Send[note](t.Context(), s.Client(t), test.method, e, nil, test.opts)
			if test.again {
				require.NoError(t, err)
				require.Len(t, s.Received(), 2)
				return
			}
			require.ErrorIs(t, err, gitlabci.ErrOutcomeUnknown)
			require.Len(t, s.Received(), 1)
		})
	}
}

func TestSendKeepsSecrets(t *testing.T) {
	t.Parallel()
	const value = "geheimes Wort"
	s := testkit.NewScript(testkit.Respond(400, `{"message":"`+value+` is wrong"}`))
	_, err := gitlabci.Send[note](t.Context(), s.Client(t), "POST", gitlabci.At("/x"), map[string]string{"v": value}, &gitlabci.SendOptions{Secrets: []string{value}})
	require.ErrorIs(t, err, gitlabci.ErrInvalid)
	require.NotContains(t, err.Error(), value)
	require.Contains(t, err.Error(), "is wrong")
}

// Another client of the same server has this one's token, rules and limits.
func TestRoundTripper(t *testing.T) {
	t.Parallel()
	s := testkit.NewScript(testkit.Respond(200, `{"version":"19.5"}`), testkit.Respond(502, `bad`))
	other := &http.Client{Transport: s.Client(t).RoundTripper()}
	req := testkit.Request(t, "GET", "https://"+testkit.Host+"/api/v4/version?a=b", nil)
	req.Header.Set("Private-Token", "another")
	req.Header.Set("Authorization", "Bearer another")
	req.Header.Set("Accept", "text/plain")
	resp, err := other.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.JSONEq(t, `{"version":"19.5"}`, string(body))
	received := testkit.OneRequest(t, s)
	require.Equal(t, []string{testkit.Token}, received.Header.Values("Private-Token"))
	require.Empty(t, received.Header.Values("Authorization"))
	require.Equal(t, "text/plain", received.Header.Get("Accept"))
	require.Equal(t, "/api/v4/version?a=b", received.RequestURI)
	require.Equal(t, "another", req.Header.Get("Private-Token"), "the request is the caller's")

	resp, err = other.Post("https://"+testkit.Host+"/api/v4/x", "application/json", strings.NewReader(`{}`))
	require.NoError(t, err)
	resp.Body.Close()
	require.Equal(t, 502, resp.StatusCode, "what follows is left to the other client")
	require.Len(t, s.Received(), 2)
	for _, elsewhere := range []string{"https://other.example.net/api/v4/x", "http://" + testkit.Host + "/api/v4/x", "https://" + testkit.Host + "/api/v4/../../x", "https://" + testkit.Host + "/-/x"} {
		_, err := other.Get(elsewhere)
		require.ErrorIs(t, err, gitlabci.ErrNotSent, elsewhere)
	}
	require.Len(t, s.Received(), 2)
}

// A file is redirected without the token, and the pause that a response requests holds
// both clients.
func TestRoundTripperKeepsTheRules(t *testing.T) {
	t.Parallel()
	api, storage := testkit.Redirected(302, testkit.StorageURL, testkit.Respond(200, "file"))
	other := &http.Client{Transport: api.Client(t).RoundTripper()}
	resp, err := other.Get("https://" + testkit.Host + "/api/v4/projects/7/jobs/8/artifacts")
	require.NoError(t, err)
	resp.Body.Close()
	require.Empty(t, testkit.OneRequest(t, storage).Header.Values("Private-Token"))

	synctest.Test(t, func(t *testing.T) {
		s := testkit.NewScript(testkit.Respond(429, ``, "Content-Type", "text/plain", "Retry-After", "30"), testkit.OK)
		client := s.Client(t)
		start := time.Now()
		resp, err := (&http.Client{Transport: client.RoundTripper()}).Get("https://" + testkit.Host + "/api/v4/version")
		require.NoError(t, err)
		resp.Body.Close()
		require.Equal(t, 429, resp.StatusCode)
		require.NoError(t, testkit.Call("Pipelines.Get")(t.Context(), client))
		require.Equal(t, 30*time.Second, time.Since(start))
	})
	_, err = (&http.Client{Transport: testkit.NewScript(testkit.Reset).Client(t).RoundTripper()}).Post("https://"+testkit.Host+"/api/v4/x", "", nil)
	require.ErrorIs(t, err, gitlabci.ErrOutcomeUnknown)
	require.NotContains(t, err.Error(), testkit.Token)
}
