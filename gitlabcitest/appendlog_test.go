package gitlabcitest_test

import (
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
)

func TestLogStopsWithItsJob(t *testing.T) {
	script := gitlabcitest.Script{Runs: 30 * time.Second, Cancels: 20 * time.Second, Log: "a\nb\nc\n", LogLag: time.Second}
	for name, stop := range map[string]func(*testing.T, *gitlabcitest.Server){
		"canceled": func(t *testing.T, srv *gitlabcitest.Server) { post(t, srv, "/projects/1/jobs/1/cancel") },
		"failed": func(_ *testing.T, srv *gitlabcitest.Server) {
			srv.FailJob(1, gitlabci.FailureReasonRunnerSystemFailure)
		},
		"ended": func(_ *testing.T, srv *gitlabcitest.Server) { srv.SetJobStatus(1, gitlabci.StatusSuccess) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := gitlabcitest.NewServer()
				srv.AddPipeline("group/app", gitlabcitest.Pipeline{}).AddJob(gitlabcitest.Job{ID: 1, Script: script})
				time.Sleep(20 * time.Second)
				stop(t, srv)
				logs{{0.9, "a\n"}, {1, "a\nb\n"}, {3600, "a\nb\n"}}.follow(t, srv)
			})
		})
		t.Run(name+", and nobody looks", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := gitlabcitest.NewServer()
				srv.AddPipeline("group/app", gitlabcitest.Pipeline{}).AddJob(gitlabcitest.Job{ID: 1, Script: script})
				time.Sleep(20 * time.Second)
				stop(t, srv)
				logs{{3600, "a\nb\n"}}.follow(t, srv)
			})
		})
	}
}

func TestAppendLogAndSetLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := gitlabcitest.NewServer()
		script := gitlabcitest.Script{Runs: 30 * time.Second, Log: "a\nb\nc\n"}
		srv.AddPipeline("group/app", gitlabcitest.Pipeline{}).AddJob(gitlabcitest.Job{ID: 1, Script: script})
		srv.AppendLog(1, "0\n")
		time.Sleep(10 * time.Second)
		srv.AppendLog(1, "between\n")
		logs{{0, "0\na\nbetween\n"}, {10, "0\na\nbetween\nb\n"}}.follow(t, srv)
		time.Sleep(10 * time.Second)
		srv.SetLog(1, "short ")
		logs{{0, "short "}}.follow(t, srv)
		srv.AppendLog(1, "and sweet")
		require.Equal(t, "sweet", get(t, srv, "/projects/1/jobs/1/trace?byte_offset=10").body)
		srv.SetLog(1, "")
		require.Equal(t, []any{}, get(t, srv, "/projects/1/jobs/1").object(t)["artifacts"])
		logs{{3600, ""}}.follow(t, srv)
	})
}

// The part of a log that was sent does not change.
func TestLogWhileItIsRead(t *testing.T) {
	srv := oneJob(gitlabcitest.Job{Status: gitlabci.StatusRunning, Log: strings.Repeat("x", 1<<20)})
	body, err := srv.Client().Jobs.Log(t.Context(), "group/app", 1)
	require.NoError(t, err)
	defer body.Close()
	srv.AppendLog(1, "more")
	srv.SetLog(1, "less")
	srv.AppendLog(1, "more")
	sent, err := io.ReadAll(body)
	require.NoError(t, err)
	require.Equal(t, strings.Repeat("x", 1<<20), string(sent))
	require.Equal(t, "lessmore", get(t, srv, "/projects/1/jobs/1/trace").body)
}
