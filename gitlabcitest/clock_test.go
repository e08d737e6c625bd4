package gitlabcitest_test

import (
	"math"
	"net/http"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
)

func TestWithSpeed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := gitlabcitest.NewServer(gitlabcitest.WithSpeed(60))
		start := time.Now()
		time.Sleep(time.Second)
		job := srv.AddPipeline("group/app", gitlabcitest.Pipeline{}).AddJob(gitlabcitest.Job{Script: gitlabcitest.Script{Runs: time.Hour}})
		require.Equal(t, gitlabci.StatusRunning, status(t, srv, job.ID))
		time.Sleep(time.Minute - 1)
		require.Equal(t, gitlabci.StatusRunning, status(t, srv, job.ID))
		time.Sleep(time.Microsecond) // the server's clock is as fine as that
		require.Equal(t, gitlabci.StatusSuccess, status(t, srv, job.ID))

		ended, err := srv.Client().Jobs.Get(t.Context(), "group/app", job.ID)
		require.NoError(t, err)
		require.Equal(t, time.Hour, ended.Duration.Duration())
		require.True(t, start.Add(time.Minute).Equal(ended.StartedAt), "%v is not a minute of the server's after %v", ended.StartedAt, start)
	})
}

func status(t *testing.T, srv *gitlabcitest.Server, id gitlabci.JobID) gitlabci.Status {
	t.Helper()
	job, err := srv.Client().Jobs.Get(t.Context(), "group/app", id)
	require.NoError(t, err)
	return job.Status
}

func TestSpeedOfEverythingElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		srv := gitlabcitest.NewServer(gitlabcitest.WithSpeed(100), gitlabcitest.WithStorage(gitlabcitest.Storage{Lifetime: 100 * time.Second}),
			gitlabcitest.WithThrottle(gitlabcitest.Throttle{Limit: 1000}))
		token := "Private-Token: " + srv.AddToken(gitlabcitest.Token{ExpiresAt: start.Add(1000 * time.Second)})
		srv.AddPipeline("group/app", gitlabcitest.Pipeline{}).AddJob(gitlabcitest.Job{ID: 1, Artifacts: files()})
		signed := location(t, srv, http.MethodGet, byID)
		require.Equal(t, 200, fetch(t, srv, http.MethodGet, signed).status)
		require.Equal(t, 200, send(t, srv, http.MethodGet, byID+"/tree", "", token).status)

		time.Sleep(11 * time.Second)
		r := fetch(t, srv, http.MethodGet, signed)
		require.Equal(t, 403, r.status)
		require.Equal(t, start.Add(1100*time.Second).UTC().Format(http.TimeFormat), r.header.Get("Date"))
		require.Contains(t, send(t, srv, http.MethodGet, byID, "", token).body, "Token is expired")

		r = get(t, srv, "/projects/1/pipelines")
		date, err := http.ParseTime(r.header.Get("Date"))
		require.NoError(t, err)
		reset, err := strconv.ParseInt(r.header.Get("RateLimit-Reset"), 10, 64)
		require.NoError(t, err)
		require.LessOrEqual(t, time.Unix(reset, 0).Sub(date), time.Minute, "both are by one clock")
		require.Positive(t, time.Unix(reset, 0).Sub(date))
	})
}

// Receivers compare the time of a signature with their own clock.
func TestHooksAreSignedInRealTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv, got := gitlabcitest.NewServer(gitlabcitest.WithSpeed(60)), &receiver{}
		defer srv.Close()
		srv.AddHook("group/app", gitlabcitest.Hook{Handler: got, SigningToken: signingToken})
		srv.OnCreate("group/app", gitlabcitest.Pipeline{}, twoJobs...)
		time.Sleep(time.Hour)
		_, err := srv.Client().Pipelines.Create(t.Context(), "group/app", "main", nil)
		require.NoError(t, err)
		time.Sleep(time.Minute)
		require.Contains(t, got.statuses(), "pipeline failed")
		for _, one := range got.all() {
			requireSigned(t, one)
			signed, err := strconv.ParseInt(one.header.Get("webhook-timestamp"), 10, 64)
			require.NoError(t, err)
			require.WithinDuration(t, one.at, time.Unix(signed, 0), time.Second)
		}
	})
}

func TestWithSpeedMisuse(t *testing.T) {
	for n, text := range map[float64]string{0: "0", -1: "-1", 1001: "1001", math.Inf(1): "+Inf", math.NaN(): "NaN"} {
		require.PanicsWithValue(t, "gitlabcitest: WithSpeed: "+text+" is not above 0 and at most 1000", func() { gitlabcitest.WithSpeed(n) })
	}
	gitlabcitest.WithSpeed(0.1)
	gitlabcitest.WithSpeed(1000)
}
