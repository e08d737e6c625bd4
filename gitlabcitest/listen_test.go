package gitlabcitest_test

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
)

func listener(t *testing.T, address string) net.Listener {
	t.Helper()
	socket, err := net.Listen("tcp", address)
	require.NoError(t, err)
	t.Cleanup(func() { socket.Close() })
	return socket
}

func TestStartOn(t *testing.T) {
	api := listener(t, "127.0.0.1:0")
	address := "http://" + api.Addr().String()
	srv := gitlabcitest.NewServer(gitlabcitest.WithExternalURL(address))
	added := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
	started, err := srv.StartOn(api, nil)
	require.NoError(t, err)
	require.Equal(t, address, started)

	client, err := gitlabci.NewClient(gitlabci.WithBaseURL(started), gitlabci.WithToken(srv.Token()))
	require.NoError(t, err)
	pipeline, err := client.Pipelines.Get(t.Context(), "group/app", added.ID)
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(pipeline.WebURL, address+"/group/app/"), pipeline.WebURL)

	other := listener(t, "127.0.0.1:0")
	_, err = srv.StartOn(other, nil)
	require.EqualError(t, err, "gitlabcitest: the server listens already")
	require.ErrorIs(t, other.Close(), net.ErrClosed)
	srv.Close()
	require.ErrorIs(t, api.Close(), net.ErrClosed)
}

func TestStartOnWithStorage(t *testing.T) {
	srv := storageServer(gitlabcitest.Storage{})
	storage := listener(t, "0.0.0.0:0")
	started, err := srv.StartOn(listener(t, "127.0.0.1:0"), storage)
	require.NoError(t, err)
	defer srv.Close()

	client, err := gitlabci.NewClient(gitlabci.WithBaseURL(started), gitlabci.WithToken(srv.Token()))
	require.NoError(t, err)
	n, err := client.Artifacts.Download(t.Context(), "group/app", gitlabci.JobID(1), new(strings.Builder), nil)
	require.NoError(t, err)
	require.Positive(t, n)
	sent := srv.Requests()
	require.Equal(t, gitlabcitest.StorageRoute, sent[1].Route)
	_, port, err := net.SplitHostPort(storage.Addr().String())
	require.NoError(t, err)
	require.Equal(t, "127.0.0.1:"+port, sent[1].Host, "by which the client came, though it listens on all")
	srv.Close()
	require.ErrorIs(t, storage.Close(), net.ErrClosed)
}

func TestStartOnMisuse(t *testing.T) {
	const complaint = "gitlabcitest: StartOn: a listener for the storage goes with WithStorage, and neither without the other"
	api := listener(t, "127.0.0.1:0")
	require.PanicsWithValue(t, complaint, func() { storageServer(gitlabcitest.Storage{}).StartOn(api, nil) })
	require.PanicsWithValue(t, complaint, func() { gitlabcitest.NewServer().StartOn(api, api) })
}

func TestWithOnRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var lines []string
		srv := gitlabcitest.NewServer(gitlabcitest.WithRequestLog(0), gitlabcitest.WithOnRequest(func(r gitlabcitest.Request, took time.Duration) {
			mu.Lock()
			defer mu.Unlock()
			lines = append(lines, fmt.Sprint(r.Method, " ", r.Path, " ", r.Query.Encode(), " ", r.Status, " ", r.Executed, " ", took))
		}))
		get(t, srv, "/pipelines?a=b")
		srv.Fault(gitlabcitest.Fault{Route: "GET /projects/:id/jobs", Break: gitlabcitest.BreakStallHeader, Delay: time.Second, Times: 1})
		get(t, srv, "/projects/1/jobs")
		srv.Fault(gitlabcitest.Fault{Break: gitlabcitest.BreakResetUnanswered, Times: 1})
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, gitlabcitest.URL+"/api/v4/projects/group%2Fapp/jobs", nil)
		require.NoError(t, err)
		_, err = srv.Transport().RoundTrip(req)
		require.Error(t, err)
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		require.Equal(t, []string{
			"GET /api/v4/pipelines a=b 200 true 0s",
			"GET /api/v4/projects/1/jobs  200 true 1s",
			"GET /api/v4/projects/group%2Fapp/jobs  0 false 0s",
		}, lines)
		require.Empty(t, srv.Requests())
	})
	require.PanicsWithValue(t, "gitlabcitest: WithOnRequest: there is no function", func() { gitlabcitest.WithOnRequest(nil) })
}
