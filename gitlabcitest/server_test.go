package gitlabcitest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
	"example.com/gitlabci/internal/testkit"
)

// A reply is a response that has been read.
type reply struct {
	status int
	header http.Header
	body   string
}

// send asks the server by plain HTTP, with its token unless header has
// credentials or is "anonymous".
func send(t *testing.T, srv *gitlabcitest.Server, method, path, body string, headers ...string) reply {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, gitlabcitest.URL+"/api/v4"+path, strings.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Private-Token", srv.Token())
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		if name == "anonymous" || name == "Authorization" || name == "Job-Token" {
			req.Header.Del("Private-Token")
		}
		if value != "" {
			req.Header.Set(name, value)
		}
	}
	resp, err := srv.Transport().RoundTrip(req)
	require.NoError(t, err)
	return read(t, resp)
}

func read(t *testing.T, resp *http.Response) reply {
	t.Helper()
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return reply{resp.StatusCode, resp.Header, string(body)}
}

func get(t *testing.T, srv *gitlabcitest.Server, path string) reply {
	t.Helper()
	return send(t, srv, http.MethodGet, path, "")
}

// object is the JSON object of a response, or of what is inside one.
type object map[string]any

func (r reply) object(t *testing.T) object {
	t.Helper()
	require.Equal(t, "application/json", r.header.Get("Content-Type"))
	var o object
	require.NoError(t, json.Unmarshal([]byte(r.body), &o), r.body)
	return o
}

func (r reply) list(t *testing.T) []object {
	t.Helper()
	require.Equal(t, "application/json", r.header.Get("Content-Type"))
	require.True(t, strings.HasPrefix(r.body, "["), r.body)
	var list []object
	require.NoError(t, json.Unmarshal([]byte(r.body), &list), r.body)
	return list
}

// ids are those of the list's elements, in order.
func (r reply) ids(t *testing.T) []int {
	t.Helper()
	ids := []int{}
	for _, o := range r.list(t) {
		ids = append(ids, int(o["id"].(float64)))
	}
	return ids
}

func (o object) in(key string) object { return o[key].(map[string]any) }

// requireKeys is about the keys of an object, no more and no fewer.
func requireKeys(t *testing.T, want string, o map[string]any) {
	t.Helper()
	require.Equal(t, slices.Sorted(slices.Values(strings.Fields(want))), slices.Sorted(maps.Keys(o)))
}

const (
	basicKeys  = "id iid project_id sha ref status source created_at updated_at web_url"
	listedKeys = basicKeys + " name"
	wholeKeys  = basicKeys + " before_sha tag yaml_errors user started_at finished_at committed_at duration queued_duration coverage detailed_status archived"
)

func TestClientAndTokens(t *testing.T) {
	srv := gitlabcitest.NewServer()
	added := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
	tests := map[string]struct {
		opts []gitlabci.Option
		want error
	}{
		"the default token": {},
		"by bearer":         {opts: []gitlabci.Option{gitlabci.WithOAuthToken(srv.Token())}},
		"an unknown token":  {opts: []gitlabci.Option{gitlabci.WithToken("other")}, want: gitlabci.ErrUnauthorized},
		"an unknown bearer": {opts: []gitlabci.Option{gitlabci.WithOAuthToken("other")}, want: gitlabci.ErrUnauthorized},
		"a job token":       {opts: []gitlabci.Option{gitlabci.WithJobToken(srv.Token())}, want: gitlabci.ErrUnauthorized},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			pipeline, err := srv.Client(test.opts...).Pipelines.Get(t.Context(), "group/app", added.ID)
			require.ErrorIs(t, err, test.want)
			if test.want == nil {
				require.Equal(t, added.ID, pipeline.ID)
			}
		})
	}
}

func TestAnonymous(t *testing.T) {
	srv := gitlabcitest.NewServer()
	srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
	tests := []struct {
		method, path string
		status       int
		body         string
	}{
		{"GET", "/projects/1/pipelines", 404, `{"message":"404 Project Not Found"}`},
		{"GET", "/projects/group%2Fapp/pipelines/101", 404, `{"message":"404 Project Not Found"}`},
		{"GET", "/projects/1/pipelines?per_page=0", 400, `{"error":"per_page has a value not allowed"}`},
		{"GET", "/pipelines", 401, `{"message":"401 Unauthorized"}`},
		{"POST", "/projects/1/pipeline", 401, `{"message":"401 Unauthorized"}`},
		{"PUT", "/projects/1/pipelines/101/metadata", 401, `{"message":"401 Unauthorized"}`},
		{"DELETE", "/projects/1/pipelines/101", 401, `{"message":"401 Unauthorized"}`},
		{"GET", "/nowhere", 404, `{"error":"404 Not Found"}`},
	}
	for _, test := range tests {
		t.Run(test.method+" "+test.path, func(t *testing.T) {
			r := send(t, srv, test.method, test.path, "", "anonymous")
			require.Equal(t, test.status, r.status)
			require.JSONEq(t, test.body, r.body)
		})
	}
	require.Len(t, get(t, srv, "/projects/1/pipelines").list(t), 1, "nothing was deleted")
}

func TestTokenTransports(t *testing.T) {
	srv := gitlabcitest.NewServer()
	for header, status := range map[string]int{
		"Private-Token: fake-token":             200,
		"Authorization: Bearer fake-token":      200,
		"Private-Token: other":                  401,
		"Authorization: Bearer other":           401,
		"Authorization: Basic ZmFrZS10b2tlbg==": 401,
		"Job-Token: fake-token":                 401,
	} {
		t.Run(header, func(t *testing.T) {
			r := send(t, srv, http.MethodGet, "/projects/1/pipelines", "", header)
			require.Equal(t, status, r.status)
			if status == 401 {
				require.JSONEq(t, `{"message":"401 Unauthorized"}`, r.body)
			}
		})
	}
}

func TestRouting(t *testing.T) {
	srv := gitlabcitest.NewServer()
	srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
	other := srv.AddProject("group/sub/other app")
	tests := []struct {
		method, path string
		status       int
		body         string
	}{
		{"GET", "/projects/group%2Fsub%2Fother%20app/pipelines", 200, `[]`},
		{"GET", "/projects/" + strconv.FormatInt(other, 10) + "/pipelines", 200, `[]`},
		{"GET", "/projects/group/app/pipelines", 404, `{"error":"404 Not Found"}`},
		{"GET", "/projects/app/pipelines", 404, `{"message":"404 Project Not Found"}`},
		{"GET", "/projects/9/pipelines", 404, `{"message":"404 Project Not Found"}`},
		{"GET", "/projects/-1/pipelines", 404, `{"message":"404 Project Not Found"}`},
		{"GET", "/projects//pipelines", 404, `{"error":"404 Not Found"}`},
		{"GET", "/projects/1/pipelines/102", 404, `{"message":"404 Not found"}`},
		{"GET", "/projects/2/pipelines/101", 404, `{"message":"404 Not found"}`},
		{"GET", "/projects/1/pipelines/99999999999999999999", 404, `{"message":"404 Not found"}`},
		{"GET", "/projects/1/pipelines/x", 400, `{"error":"pipeline_id is invalid"}`},
		{"GET", "/projects/1/pipelines/101/nothing", 404, `{"error":"404 Not Found"}`},
		{"GET", "", 404, `{"error":"404 Not Found"}`},
		{"POST", "/projects/1/pipelines", 405, `{"error":"405 Not Allowed"}`},
		{"POST", "/projects/1/pipelines/101", 405, `{"error":"405 Not Allowed"}`},
	}
	for _, test := range tests {
		t.Run(test.method+" "+test.path, func(t *testing.T) {
			r := send(t, srv, test.method, test.path, "")
			require.Equal(t, test.status, r.status)
			require.JSONEq(t, test.body, r.body)
			require.Equal(t, "application/json", r.header.Get("Content-Type"))
		})
	}
	require.Equal(t, "DELETE, GET, HEAD", send(t, srv, "POST", "/projects/1/pipelines/101", "").header.Get("Allow"))
}

func TestRequestIDs(t *testing.T) {
	srv := gitlabcitest.NewServer()
	srv.Fault(gitlabcitest.Fault{Route: "GET /pipelines", Status: 502})
	for i, path := range []string{"/projects/1/pipelines", "/nowhere", "/pipelines"} {
		require.Equal(t, "request-"+strconv.Itoa(i+1), get(t, srv, path).header.Get("X-Request-Id"))
	}
}

func TestHead(t *testing.T) {
	srv := many(20) // more than net/http would hold back to count
	head := send(t, srv, http.MethodHead, "/projects/1/pipelines", "")
	require.Equal(t, 200, head.status)
	require.Empty(t, head.body)
	require.Equal(t, "20", head.header.Get("X-Total"))
	require.Equal(t, strconv.Itoa(len(get(t, srv, "/projects/1/pipelines").body)), head.header.Get("Content-Length"))
}

func TestRequests(t *testing.T) {
	srv := gitlabcitest.NewServer()
	require.Empty(t, srv.Requests())
	send(t, srv, http.MethodPost, "/projects/group%2Fapp/pipeline?ref=main&x=1", `{"ref":"main"}`, "Content-Type: application/json")
	get(t, srv, "/nowhere")
	srv.Fault(gitlabcitest.Fault{Status: 503})
	send(t, srv, http.MethodHead, "/projects/1/pipelines/latest", "")

	got := srv.Requests()
	require.Len(t, got, 3)
	require.Equal(t, "POST", got[0].Method)
	require.Equal(t, "/api/v4/projects/group%2Fapp/pipeline", got[0].Path)
	require.Equal(t, "POST /projects/:id/pipeline", got[0].Route)
	require.Equal(t, url.Values{"ref": {"main"}, "x": {"1"}}, got[0].Query)
	require.Equal(t, srv.Token(), got[0].Header.Get("Private-Token"))
	require.Equal(t, `{"ref":"main"}`, string(got[0].Body))
	require.Equal(t, 201, got[0].Status)

	require.Equal(t, "", got[1].Route)
	require.Equal(t, 404, got[1].Status)

	require.Equal(t, "HEAD", got[2].Method)
	require.Equal(t, "GET /projects/:id/pipelines/latest", got[2].Route)
	require.Equal(t, 503, got[2].Status)

	got[0].Method = "changed"
	require.Equal(t, "POST", srv.Requests()[0].Method)
}

func TestExternalURL(t *testing.T) {
	srv := gitlabcitest.NewServer(gitlabcitest.WithExternalURL("https://ci.example.org/gitlab/"))
	srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
	r := get(t, srv, "/projects/1/pipelines")
	require.Equal(t, "https://ci.example.org/gitlab/group/app/-/pipelines/101", r.list(t)[0]["web_url"])
	require.Contains(t, r.header.Get("Link"), "<https://ci.example.org/gitlab/api/v4/projects/1/pipelines?")
}

func TestStart(t *testing.T) {
	srv := gitlabcitest.NewServer()
	srv.AddPipeline("group/app", gitlabcitest.Pipeline{Name: "nightly"})
	srv.Close() // of nothing

	base, err := srv.Start()
	require.NoError(t, err)
	_, err = srv.Start()
	require.ErrorContains(t, err, "listens already")
	client, err := gitlabci.NewClient(gitlabci.WithBaseURL(base), gitlabci.WithToken(srv.Token()))
	require.NoError(t, err)
	pipeline, err := client.Pipelines.Get(t.Context(), "group/app", 101)
	require.NoError(t, err)
	require.Equal(t, "nightly", pipeline.Name)

	srv.Close()
	srv.Close()
	_, err = http.Get(base)
	require.Error(t, err)
	again, err := srv.Start()
	require.NoError(t, err)
	require.NotEmpty(t, again)
	srv.Close()
	_, err = srv.Client().Pipelines.Get(t.Context(), "group/app", 101)
	require.NoError(t, err, "in memory it goes on")
}

func TestInBubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := gitlabcitest.NewServer()
		added := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
		srv.Fault(gitlabcitest.Fault{Status: 429, Header: http.Header{"Retry-After": {"3600"}}, Times: 1})
		start := time.Now()
		client := srv.Client(gitlabci.WithMaxWait(2 * time.Hour))
		pipeline, err := client.Pipelines.Get(t.Context(), "group/app", added.ID)
		require.NoError(t, err)
		require.WithinDuration(t, start, pipeline.CreatedAt, 0)
		require.Equal(t, time.Hour, time.Since(start))
	})
}

func TestBrokenBody(t *testing.T) {
	srv := gitlabcitest.NewServer()
	response := httptest.NewRecorder()
	body := io.MultiReader(strings.NewReader(`{"ref":"main"}`), iotest.ErrReader(io.ErrUnexpectedEOF))
	r := httptest.NewRequest(http.MethodPost, "/api/v4/projects/1/pipeline", body)
	r.Header.Set("Private-Token", srv.Token())
	srv.ServeHTTP(response, r)
	require.Equal(t, 400, response.Code)
	require.Empty(t, srv.Requests())

	r, err := http.NewRequest(http.MethodGet, gitlabcitest.URL+"/api/v4/nowhere", nil)
	require.NoError(t, err)
	response = httptest.NewRecorder()
	srv.ServeHTTP(response, r) // with a nil body
	require.Equal(t, 404, response.Code)
}

// withArtifacts is a finished job with everything.
var withArtifacts = gitlabcitest.Job{
	Log:               "ok\n",
	Artifacts:         fstest.MapFS{"bin/app": {Data: []byte("app")}},
	Reports:           map[gitlabci.ArtifactType][]byte{"junit": []byte("<testsuites/>")},
	ArtifactsExpireAt: time.Date(9999, time.January, 1, 0, 0, 0, 0, time.UTC),
}

// useJob calls what there is for a job.
func useJob(ctx context.Context, client *gitlabci.Client, id gitlabci.JobID) (failed []error) {
	const project = "group/app"
	fresh := gitlabci.LatestArtifacts{Ref: "main", Job: "test"}
	all := []func() error{
		func() error { _, err := client.Jobs.List(ctx, project, nil); return err },
		func() error { _, err := client.Jobs.Get(ctx, project, id); return err },
		func() error { log, err := client.Jobs.Log(ctx, project, id); return closed(log, err) },
		func() error { _, err := client.Artifacts.Download(ctx, project, id, io.Discard, nil); return err },
		func() error {
			file, err := client.Artifacts.OpenFile(ctx, project, id, "bin/app", nil)
			return closed(file, err)
		},
		func() error {
			file, err := client.Artifacts.OpenFile(ctx, project, fresh, "bin/app", nil)
			return closed(file, err)
		},
		func() error { _, err := client.Artifacts.ListEntries(ctx, project, id, nil); return err },
		func() error { _, err := client.Artifacts.Keep(ctx, project, id); return err },
		func() error { return client.Artifacts.DeleteAll(ctx, project) },
		func() error { return client.Artifacts.Delete(ctx, project, id) },
		func() error { _, err := client.Jobs.Erase(ctx, project, id); return err },
		func() error { _, err := client.Jobs.Cancel(ctx, project, id, nil); return err },
		func() error { _, err := client.Jobs.Retry(ctx, project, id, nil); return err },
		func() error {
			if _, err := client.Jobs.Play(ctx, project, id, nil); !errors.Is(err, gitlabci.ErrInvalid) {
				return fmt.Errorf("playing a job that is not manual: %w", err)
			}
			return nil
		},
	}
	for _, one := range all {
		// Others may have let the artifacts expire meanwhile.
		if err := one(); err != nil && !errors.Is(err, gitlabci.ErrNotFound) {
			failed = append(failed, err)
		}
	}
	return failed
}

func closed(body io.ReadCloser, err error) error {
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, body)
	return errors.Join(err, body.Close())
}

func TestParallelClients(t *testing.T) {
	srv := gitlabcitest.NewServer()
	clients, each := testkit.Fewer(32), 1
	var all sync.WaitGroup
	for range clients {
		all.Go(func() {
			client := srv.Client()
			for range each {
				pipeline, err := client.Pipelines.Create(t.Context(), "group/app", "main", nil)
				if err != nil {
					t.Error(err)
					return
				}
				job := srv.AddPipeline("group/app", gitlabcitest.Pipeline{}).AddJob(withArtifacts)
				for _, err := range useJob(t.Context(), client, job.ID) {
					t.Error(err)
				}
				if _, err := client.Pipelines.Cancel(t.Context(), "group/app", pipeline.ID); err != nil {
					t.Error(err)
				}
				if _, err := client.Pipelines.List(t.Context(), "group/app", nil); err != nil {
					t.Error(err)
				}
				srv.Requests()
			}
		})
	}
	all.Wait()
	require.Len(t, srv.Requests(), 17*clients*each)
	seen := map[gitlabci.PipelineID]bool{}
	for pipeline, err := range srv.Client().Pipelines.All(t.Context(), "group/app", nil) {
		require.NoError(t, err)
		require.False(t, seen[pipeline.ID])
		seen[pipeline.ID] = true
		require.Contains(t, []gitlabci.Status{"canceled", "pending"}, pipeline.Status)
	}
	require.Len(t, seen, 2*clients*each)
}
