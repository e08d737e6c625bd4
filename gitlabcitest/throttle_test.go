package gitlabcitest_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci/gitlabcitest"
)

// rateLimit is what a response says of a throttle.
func rateLimit(r reply) map[string]string {
	limit := map[string]string{}
	for _, name := range []string{
		"RateLimit-Limit", "RateLimit-Name", "RateLimit-Observed", "RateLimit-Remaining", "RateLimit-Reset",
		"RateLimit-ResetTime", "Retry-After",
	} {
		if value := r.header.Get(name); value != "" {
			limit[name] = value
		}
	}
	return limit
}

func TestThrottle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := gitlabcitest.NewServer(gitlabcitest.WithThrottle(gitlabcitest.Throttle{Limit: 2}))
		time.Sleep(20 * time.Second) // of the minute from 2000-01-01 00:00:00 UTC on
		limit := map[string]string{
			"RateLimit-Limit": "2", "RateLimit-Name": "throttle_authenticated_api", "RateLimit-Observed": "1",
			"RateLimit-Remaining": "1", "RateLimit-Reset": "946684860",
		}
		require.Equal(t, limit, rateLimit(get(t, srv, "/nowhere")))
		limit["RateLimit-Observed"], limit["RateLimit-Remaining"] = "2", "0"
		require.Equal(t, limit, rateLimit(get(t, srv, "/projects/1/pipelines")))

		limit["RateLimit-Observed"] = "3"
		limit["RateLimit-ResetTime"], limit["Retry-After"] = "Sat, 01 Jan 2000 00:01:00 GMT", "40"
		refused := send(t, srv, http.MethodPost, "/projects/1/pipeline?ref=main", "")
		require.Equal(t, 429, refused.status)
		require.Equal(t, "text/plain", refused.header.Get("Content-Type"))
		require.Equal(t, gitlabcitest.BodyThrottled, refused.body)
		require.Equal(t, limit, rateLimit(refused))
		require.False(t, srv.Requests()[2].Executed)
		require.False(t, srv.Requests()[2].Fault)

		time.Sleep(40*time.Second - time.Nanosecond)
		require.Equal(t, "1", get(t, srv, "/projects/1/pipelines").header.Get("Retry-After"))
		time.Sleep(time.Nanosecond)
		next := get(t, srv, "/projects/1/pipelines")
		require.Empty(t, next.list(t), "nothing was carried out")
		require.Equal(t, "1", next.header.Get("RateLimit-Observed"))
		require.Equal(t, "946684920", next.header.Get("RateLimit-Reset"))
	})
}

func TestThrottleSettings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := gitlabcitest.NewServer(gitlabcitest.WithThrottle(gitlabcitest.Throttle{
			Name: "throttle_ours", Limit: 101, Period: time.Hour, Body: "Slow down",
		}))
		first := rateLimit(get(t, srv, "/pipelines"))
		require.Equal(t, "2", first["RateLimit-Limit"], "a minute's, rounded up")
		require.Equal(t, "100", first["RateLimit-Remaining"])
		require.Equal(t, "throttle_ours", first["RateLimit-Name"])
		anonymous := send(t, srv, http.MethodGet, "/pipelines", "", "anonymous")
		require.Equal(t, "throttle_ours", rateLimit(anonymous)["RateLimit-Name"])
		for range 100 {
			require.Equal(t, 200, get(t, srv, "/pipelines").status)
		}
		refused := get(t, srv, "/pipelines")
		require.Equal(t, "Slow down", refused.body)
		require.Equal(t, "3600", refused.header.Get("Retry-After"))
	})
}

func TestThrottleByToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := gitlabcitest.NewServer(gitlabcitest.WithThrottle(gitlabcitest.Throttle{Limit: 1}))
		for _, tt := range []struct {
			path, header, name, observed string
		}{
			{"/pipelines", "Private-Token: fake-token", "throttle_authenticated_api", "1"},
			{"/pipelines", "Authorization: Bearer fake-token", "throttle_authenticated_api", "2"},
			{"/pipelines", "Authorization: Basic bWF5YTpmYWtlLXRva2Vu", "throttle_authenticated_api", "3"},
			{"/pipelines", "Private-Token: unknown", "throttle_authenticated_api", "1"},
			{"/job", "Job-Token: fake-job-token-1", "throttle_authenticated_api", "1"},
			{"/pipelines?private_token=one", "anonymous", "throttle_authenticated_api", "1"},
			{"/pipelines?access_token=two", "anonymous", "throttle_authenticated_api", "1"},
			{"/pipelines?job_token=three", "anonymous", "throttle_authenticated_api", "1"},
			{"/pipelines", "anonymous", "throttle_unauthenticated_api", "1"},
			{"/job", "anonymous", "throttle_unauthenticated_api", "2"},
		} {
			limit := rateLimit(send(t, srv, http.MethodGet, tt.path, "", tt.header))
			require.Equal(t, tt.name, limit["RateLimit-Name"], tt)
			require.Equal(t, tt.observed, limit["RateLimit-Observed"], tt)
		}
	})
}

// TestThrottleAndFaults: what GitLab never sees it cannot count.
func TestThrottleAndFaults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := gitlabcitest.NewServer(gitlabcitest.WithThrottle(gitlabcitest.Throttle{Limit: 9}))
		srv.Fault(gitlabcitest.Fault{Status: 502, Times: 1})
		srv.Fault(gitlabcitest.Fault{Status: 502, Times: 1, Executed: true})
		require.Empty(t, rateLimit(get(t, srv, "/pipelines")))
		require.Empty(t, rateLimit(get(t, srv, "/pipelines")))
		require.Equal(t, "2", rateLimit(get(t, srv, "/pipelines"))["RateLimit-Observed"])
	})
}

func TestNoThrottle(t *testing.T) {
	require.Empty(t, rateLimit(get(t, gitlabcitest.NewServer(), "/pipelines")))
}

// TestClientWaitsForTheThrottle: it waits for the next period and loses nothing.
func TestClientWaitsForTheThrottle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := gitlabcitest.NewServer(gitlabcitest.WithThrottle(gitlabcitest.Throttle{Limit: 3}))
		client, start := srv.Client(), time.Now()
		for range 5 {
			_, err := client.Pipelines.Create(t.Context(), "group/app", "main", nil)
			require.NoError(t, err)
		}
		require.Equal(t, time.Minute, time.Since(start))
		require.Len(t, get(t, srv, "/projects/1/pipelines").list(t), 5)
	})
}
