package gitlabcitest_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
)

// many has n pipelines, from 1 on.
func many(n int) *gitlabcitest.Server {
	srv := gitlabcitest.NewServer()
	for i := range n {
		srv.AddPipeline("group/app", gitlabcitest.Pipeline{ID: gitlabci.PipelineID(i + 1)})
	}
	return srv
}

// links are the queries of a Link header by rel. All are of the same list.
func links(t *testing.T, r reply, list string) map[string]string {
	t.Helper()
	found := map[string]string{}
	if r.header.Get("Link") == "" {
		return found
	}
	for link := range strings.SplitSeq(r.header.Get("Link"), ", ") {
		target, rel, ok := strings.Cut(strings.TrimPrefix(link, "<"), `>; rel="`)
		require.True(t, ok, link)
		query, ok := strings.CutPrefix(target, "https://gitlab.example.com/api/v4"+list+"?")
		require.True(t, ok, link)
		found[strings.TrimSuffix(rel, `"`)] = query
	}
	return found
}

func TestNumberedPages(t *testing.T) {
	query := func(page, perPage int) string {
		return fmt.Sprintf("id=1&order_by=id&page=%d&per_page=%d&sort=desc", page, perPage)
	}
	tests := map[string]struct {
		pipelines, first, items                          int
		page, perPage, prevPage, nextPage, total, ofThem string
		links                                            map[string]string
	}{
		"": {
			pipelines: 45, first: 45, items: 20, page: "1", perPage: "20", nextPage: "2", total: "45", ofThem: "3",
			links: map[string]string{"next": query(2, 20), "first": query(1, 20), "last": query(3, 20)},
		},
		"page=2": {
			pipelines: 45, first: 25, items: 20, page: "2", perPage: "20", prevPage: "1", nextPage: "3", total: "45", ofThem: "3",
			links: map[string]string{"prev": query(1, 20), "next": query(3, 20), "first": query(1, 20), "last": query(3, 20)},
		},
		"page=3": {
			pipelines: 45, first: 5, items: 5, page: "3", perPage: "20", prevPage: "2", total: "45", ofThem: "3",
			links: map[string]string{"prev": query(2, 20), "first": query(1, 20), "last": query(3, 20)},
		},
		"page=4": {
			pipelines: 45, page: "4", perPage: "20", total: "45", ofThem: "3",
			links: map[string]string{"first": query(1, 20), "last": query(3, 20)},
		},
		"page=9223372036854775807&per_page=100": {
			pipelines: 1, page: "9223372036854775807", perPage: "100", total: "1", ofThem: "1",
			links: map[string]string{"first": query(1, 100), "last": query(1, 100)},
		},
		"per_page=100": {
			pipelines: 100, first: 100, items: 100, page: "1", perPage: "100", total: "100", ofThem: "1",
			links: map[string]string{"first": query(1, 100), "last": query(1, 100)},
		},
		"per_page=101": {
			pipelines: 101, first: 101, items: 100, page: "1", perPage: "100", nextPage: "2", total: "101", ofThem: "2",
			links: map[string]string{"next": query(2, 100), "first": query(1, 100), "last": query(2, 100)},
		},
		"page=&per_page=": {
			pipelines: 0, page: "1", perPage: "20", total: "0", ofThem: "1",
			links: map[string]string{"first": query(1, 20), "last": query(1, 20)},
		},
		"page=-99999999999999999999": {
			pipelines: 1, first: 1, items: 1, page: "1", perPage: "20", total: "1", ofThem: "1",
			links: map[string]string{"first": query(1, 20), "last": query(1, 20)},
		},
		"page=0": {
			pipelines: 1, first: 1, items: 1, page: "1", perPage: "20", total: "1", ofThem: "1",
			links: map[string]string{"first": query(1, 20), "last": query(1, 20)},
		},
	}
	for asked, test := range tests {
		t.Run(asked, func(t *testing.T) {
			r := get(t, many(test.pipelines), "/projects/1/pipelines?"+asked)
			require.Equal(t, 200, r.status)
			ids := r.ids(t)
			require.Len(t, ids, test.items)
			if test.items > 0 {
				require.Equal(t, test.first, ids[0])
			}
			for name, want := range map[string]string{
				"X-Page": test.page, "X-Per-Page": test.perPage, "X-Prev-Page": test.prevPage,
				"X-Next-Page": test.nextPage, "X-Total": test.total, "X-Total-Pages": test.ofThem,
			} {
				require.Equal(t, []string{want}, r.header.Values(name), name) // there, though empty perhaps
			}
			require.Equal(t, test.links, links(t, r, "/projects/1/pipelines"))
		})
	}
}

func TestLinksRepeatParameters(t *testing.T) {
	srv := many(3)
	p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{ID: 9})
	p.AddJob(gitlabcitest.Job{})
	r := get(t, srv, "/projects/group%2Fapp/pipelines?ref=main&private_token=s+1&x[]=1&x[]=2&y[a][b]=c&per_page=1")
	require.Equal(t,
		"id=group%2Fapp&order_by=id&page=2&per_page=1&private_token=s+1&ref=main&sort=desc&x%5B%5D=1&x%5B%5D=2&y%5Ba%5D%5Bb%5D=c",
		links(t, r, "/projects/group%2Fapp/pipelines")["next"])
	r = get(t, srv, "/projects/1/pipelines?x[=1&y[a]b=2&[z]=3&per_page=1")
	require.Equal(t, "id=1&order_by=id&page=2&per_page=1&sort=desc&x%5B=1&y%5Bab%5D=2&z=3", links(t, r, "/projects/1/pipelines")["next"])
	r = send(t, srv, http.MethodGet, "/projects/1/pipelines", `{"ref":"none"}`, "Content-Type: application/json")
	require.Len(t, r.ids(t), 4, "a read has no body")

	for scope, want := range map[string]string{
		"":                                "",
		"&scope=success":                  "&scope%5B%5D=success",
		"&scope[]=success&scope[]=manual": "&scope%5B%5D=manual&scope%5B%5D=success",
	} {
		r = get(t, srv, "/projects/1/pipelines/9/jobs?page=1"+scope)
		require.Equal(t, "id=1&include_retried=false&page=1&per_page=20&pipeline_id=9"+want, links(t, r, "/projects/1/pipelines/9/jobs")["first"])
	}
	r = get(t, srv, "/projects/1/pipelines/9/trigger_jobs")
	require.Equal(t, "id=1&page=1&per_page=20&pipeline_id=9", links(t, r, "/projects/1/pipelines/9/trigger_jobs")["last"])
}

func TestTotalsEnd(t *testing.T) {
	srv := many(10_000)
	start := time.Now()
	r := get(t, srv, "/projects/1/pipelines?per_page=100&page=100")
	require.Equal(t, "10000", r.header.Get("X-Total"))
	require.Equal(t, "", r.header.Get("X-Next-Page"))
	require.Equal(t, "10000", get(t, srv, "/projects/1/pipelines?ref=main").header.Get("X-Total"))
	srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
	require.Empty(t, get(t, srv, "/projects/1/pipelines?ref=main").header.Values("X-Total"))
	r = get(t, srv, "/projects/1/pipelines?per_page=100&page=100")
	require.Len(t, r.ids(t), 100)
	require.Equal(t, "101", r.header.Get("X-Next-Page"))
	require.Equal(t, "99", r.header.Get("X-Prev-Page"))
	for _, name := range []string{"X-Total", "X-Total-Pages"} {
		require.Empty(t, r.header.Values(name))
	}
	got := links(t, r, "/projects/1/pipelines")
	require.Contains(t, got, "first")
	require.NotContains(t, got, "last")
	t.Log("two pages of 10,000 pipelines:", time.Since(start))
}

func TestListMine(t *testing.T) {
	srv := gitlabcitest.NewServer()
	srv.AddProject("group/lib")
	srv.AddPipeline("group/app", gitlabcitest.Pipeline{ID: 1, CreatedAt: day(5), Name: "old ID, new time"})
	srv.AddPipeline("group/lib", gitlabcitest.Pipeline{ID: 2, CreatedAt: day(2), Source: gitlabci.SourceWeb})
	srv.AddPipeline("group/app", gitlabcitest.Pipeline{ID: 3, CreatedAt: day(3), Source: gitlabci.SourceParentPipeline})
	srv.AddPipeline("group/app", gitlabcitest.Pipeline{ID: 4, CreatedAt: day(4), Username: "zoe"})
	srv.AddPipeline("group/app", gitlabcitest.Pipeline{ID: 5, CreatedAt: day(2)})
	for query, want := range map[string][]int{
		"":                       {1, 5, 2},
		"source=web":             {2},
		"per_page=100":           {1, 5, 2},
		"source=parent_pipeline": {3},
		"created_after=2024-03-05T12:00:00Z&order_by=created_at&sort=desc": {1},
		"created_before=2024-03-02T12:00:00Z":                              {5, 2},
		"page=2":                                                           {1, 5, 2},
	} {
		r := get(t, srv, "/pipelines?"+query)
		require.Equal(t, 200, r.status)
		require.Equal(t, want, r.ids(t), query)
		require.Empty(t, r.header.Get("Link"))
		for name := range r.header {
			require.NotContains(t, name, "Page")
			require.NotContains(t, name, "Cursor")
		}
	}
	o := get(t, srv, "/pipelines").list(t)[2]
	requireKeys(t, listedKeys+" project started_at finished_at duration queued_duration detailed_status", o)
	require.Equal(t, "Group / Lib", o.in("project")["name_with_namespace"])
	require.Equal(t, "group/lib", o.in("project")["path_with_namespace"])
	requireKeys(t, "id description name name_with_namespace path path_with_namespace created_at", o.in("project"))
}

func TestListMineRefusals(t *testing.T) {
	srv := gitlabcitest.NewServer()
	for query, want := range map[string]string{
		"per_page=0":      "per_page does not have a valid value",
		"per_page=101":    "per_page does not have a valid value",
		"order_by=id":     "order_by does not have a valid value",
		"sort=asc":        "sort does not have a valid value",
		"source=x":        "source does not have a valid value",
		"created_after=x": "created_after is invalid",
		"cursor=x":        "cursor is invalid",
		"cursor=e30%3D":   "cursor is invalid", // {}
	} {
		r := get(t, srv, "/pipelines?"+query)
		require.Equal(t, 400, r.status, query)
		require.Equal(t, object{"error": want}, r.object(t))
	}
}

func TestCursorPages(t *testing.T) {
	srv := many(5)
	query, previous := "per_page=2&source=push", ""
	pages := [][]int{{5, 4}, {3, 2}, {1}}
	for i, want := range pages {
		r := get(t, srv, "/pipelines?"+query)
		require.Equal(t, want, r.ids(t))
		require.Equal(t, i > 0, r.header.Get("X-Prev-Cursor") != "")
		next := r.header.Get("X-Next-Cursor")
		if i == len(pages)-1 {
			require.Empty(t, next)
			require.Empty(t, r.header.Values("Link"))
			previous = r.header.Get("X-Prev-Cursor")
			break
		}
		decoded, err := base64.URLEncoding.DecodeString(next)
		require.NoError(t, err)
		require.Contains(t, string(decoded), fmt.Sprintf(`"id":"%d","_kd":"n"`, want[len(want)-1]))
		query = "cursor=" + url.QueryEscape(next) + "&order_by=created_at&pagination=keyset&per_page=2&sort=desc&source=push"
		got := links(t, r, "/pipelines")
		require.Equal(t, map[string]string{"next": query}, got)
		// Newer pipelines do not shift the pages.
		srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
	}
	r := get(t, srv, "/pipelines?per_page=2&cursor="+url.QueryEscape(previous))
	require.Equal(t, []int{3, 2}, r.ids(t))
}

func TestSmallestCursorPage(t *testing.T) {
	require.Equal(t, []int{3}, get(t, many(3), "/pipelines?per_page=1").ids(t))
}

func TestCursorOfDeletedPipeline(t *testing.T) {
	srv := many(3)
	next := get(t, srv, "/pipelines?per_page=2").header.Get("X-Next-Cursor")
	send(t, srv, "DELETE", "/projects/1/pipelines/2", "")
	require.Equal(t, []int{1}, get(t, srv, "/pipelines?cursor="+url.QueryEscape(next)).ids(t))
	send(t, srv, "DELETE", "/projects/1/pipelines/1", "")
	require.Empty(t, get(t, srv, "/pipelines?cursor="+url.QueryEscape(next)).ids(t))

	before := base64.URLEncoding.EncodeToString([]byte(`{"created_at":"2999-01-01T00:00:00Z","id":"9","_kd":"p"}`))
	r := get(t, srv, "/pipelines?cursor="+url.QueryEscape(before))
	require.Empty(t, r.ids(t))
	require.Empty(t, r.header.Get("Link"))
}
