package promises_test

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/internal/testkit"
)

// A list that is read for one result ends, even if the server has new items on each page.
func TestListsReadForOneResultEnd(t *testing.T) {
	t.Parallel()
	const size = 10_000 // of a page
	lists := map[string]string{
		"Jobs.FindByName": "the jobs of pipeline 7", "Pipelines.Find": "the pipelines of project group/app",
		"Variables.Set": "/projects/group%2Fapp/variables", "Statuses.Set": "the pipelines of project group/app",
	}
	for _, name := range testkit.OneOf(slices.Sorted(maps.Keys(lists))) {
		ctx, cancel := context.WithCancel(t.Context())
		requests := 0
		s := testkit.NewScript(func(w http.ResponseWriter, r *http.Request) {
			if requests++; requests > 40 {
				cancel()
			}
			page := 1
			fmt.Sscan(r.URL.Query().Get("page"), &page)
			list := []byte("[")
			for id := (1000 - page) * size; id > (999-page)*size; id-- {
				list = fmt.Appendf(list, `{"id":%d,"key":"%[1]d"},`, id)
			}
			testkit.Respond(200, string(list[:len(list)-1])+"]", "X-Next-Page", fmt.Sprint(page+1))(w, r)
		})
		require.EqualError(t, testkit.Call(name)(ctx, s.Client(t)), "gitlabci: the list of "+lists[name]+" does not end: 100000 items were read", name)
		cancel()
	}
}

// A poll of WatchAll ends, even if each page has a later time than the one before.
func TestWatchAllOfAListWithoutAnEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		requests, begun := 0, time.Now()
		client, err := gitlabci.NewClient(gitlabci.WithToken(testkit.Token), gitlabci.WithTransport(testkit.RoundTripper(func(r *http.Request) (*http.Response, error) {
			if requests++; requests == 3000 {
				cancel()
			}
			at := begun.Add(time.Duration(requests) * time.Second).UTC().Format(time.RFC3339)
			resp := respondJSON(r, `[{"id":7,"status":"running","updated_at":"`+at+`"}]`)
			resp.Header.Set("X-Next-Page", "2")
			return resp, nil
		})))
		require.NoError(t, err)
		events := 0
		var end error
		for _, err := range client.Pipelines.WatchAll(ctx, "group/app", &gitlabci.WatchAllOptions{Since: begun, GiveUpAfter: time.Second}) {
			events++
			end = err
		}
		require.ErrorContains(t, end, "the list of the pipelines of project group/app does not end: 1001 pages in a row have nothing new")
		require.Equal(t, 2, events)
	})
}
