package remote_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
	"example.com/gitlabci/internal/testkit"
)

const (
	mendArchive = "GET /projects/:id/jobs/:job_id/artifacts"
	mendMember  = "GET /projects/:id/jobs/:job_id/artifacts/*artifact_path"
	mendLog     = "GET /projects/:id/jobs/:job_id/trace"
)

// mendNoise is a large file.
var mendNoise = testkit.Noise(600_000)

// mendServer has a job with a large archive, or one with a large member, and a
// large log.
func mendServer(member bool, opts ...gitlabcitest.Option) (*gitlabcitest.Server, gitlabci.JobID) {
	srv := gitlabcitest.NewServer(opts...)
	job := gitlabcitest.Job{Name: "unit", Log: mendNoise, Archive: []byte(mendNoise), FinishedAt: time.Now().Add(-time.Hour)}
	if member {
		job.Archive, job.Artifacts = nil, fstest.MapFS{"big.bin": {Data: []byte(mendNoise)}}
	}
	return srv, srv.AddPipeline("group/app", gitlabcitest.Pipeline{Ref: "main"}).AddJob(job).ID
}

// mendBreaks are what breaks a body, each a little further on.
func mendBreaks(route string, whole bool) []gitlabcitest.Fault {
	const some = 60_000
	var faults []gitlabcitest.Fault
	for i, kind := range []gitlabcitest.Break{gitlabcitest.BreakResetBody, gitlabcitest.BreakStall, gitlabcitest.BreakResetBody, gitlabcitest.BreakResetUnanswered, gitlabcitest.BreakStall} {
		f := gitlabcitest.Fault{Route: route, Break: kind, Times: 1, After: some}
		if whole {
			f.After *= int64(i + 1)
		}
		if kind == gitlabcitest.BreakResetUnanswered {
			f.After = 0
		}
		faults = append(faults, f)
	}
	return append(faults, gitlabcitest.Fault{Route: route, Status: 502, Times: 1})
}

func TestMendFromTheFake(t *testing.T) {
	type options = []gitlabcitest.Option
	stored := func(s gitlabcitest.Storage) options { return options{gitlabcitest.WithStorage(s)} }
	tests := map[string]struct {
		opts   options
		route  string
		way    string
		ranges bool
	}{
		"disk":              {nil, mendArchive, "archive", false},
		"disk, strong ETag": {options{gitlabcitest.WithStrongETags()}, mendArchive, "archive", true},
		"latest, disk":      {nil, "GET /projects/:id/jobs/artifacts/:ref_name/download", "latest", false},
		"storage":           {stored(gitlabcitest.Storage{Strict: true, Lifetime: time.Second}), gitlabcitest.StorageRoute, "archive", true},
		"storage, latest":   {stored(gitlabcitest.Storage{Strict: true, Lifetime: time.Second}), gitlabcitest.StorageRoute, "latest", true},
		"storage, proxied":  {stored(gitlabcitest.Storage{Strict: true, Proxied: true}), mendArchive, "archive", true},
		"no ranges":         {stored(gitlabcitest.Storage{Strict: true, NoRanges: true}), gitlabcitest.StorageRoute, "archive", false},
		"member":            {nil, mendMember, "member", false},
		"member, ETag":      {options{gitlabcitest.WithStrongETags()}, mendMember, "member", false},
		"log":               {nil, mendLog, "log", false},
		"log with ranges":   {options{gitlabcitest.WithLogRanges()}, mendLog, "log", false}, // "Last-Modified: 0"
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv, job := mendServer(test.way == "member", test.opts...)
				for _, fault := range mendBreaks(test.route, !test.ranges) {
					srv.Fault(fault)
				}
				file, err := mendFrom(t.Context(), srv.Client(), job, test.way)
				require.NoError(t, err)
				got, err := io.ReadAll(file)
				require.NoError(t, err)
				require.True(t, mendNoise == string(got), "%d bytes", len(got))
				require.NoError(t, file.Close())
				sent := int64(0)
				for _, r := range srv.Requests() {
					if r.Status == http.StatusPartialContent {
						sent++
					}
				}
				require.Equal(t, test.ranges, sent > 0)
			})
		})
	}
}

func mendFrom(ctx context.Context, c *gitlabci.Client, job gitlabci.JobID, way string) (io.ReadCloser, error) {
	switch way {
	case "log":
		return c.Jobs.Log(ctx, "group/app", job)
	case "member":
		return c.Artifacts.OpenFile(ctx, "group/app", job, "big.bin", nil)
	case "latest":
		return c.Artifacts.Open(ctx, "group/app", gitlabci.LatestArtifacts{Ref: "main", Job: "unit"}, nil)
	}
	return c.Artifacts.Open(ctx, "group/app", job, nil)
}

// Every body is cut after the same piece; the download resumes each time.
func TestMendManyTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv, job := mendServer(false, gitlabcitest.WithStorage(gitlabcitest.Storage{Strict: true, Lifetime: time.Second}))
		srv.Fault(gitlabcitest.Fault{Route: gitlabcitest.StorageRoute, Break: gitlabcitest.BreakResetBody, After: 20_000})
		var got bytes.Buffer
		_, err := srv.Client(gitlabci.WithRetries(1)).Artifacts.Download(t.Context(), "group/app", job, &got, nil)
		require.NoError(t, err)
		require.True(t, mendNoise == got.String())
		require.Equal(t, 2*((len(mendNoise)+19_999)/20_000), len(srv.Requests()), "to GitLab and to the storage, for each piece")
	})
}

// A truncated part is one more interruption: only the first response has the size.
func TestMendTruncatedPart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv, job := mendServer(false, gitlabcitest.WithStrongETags())
		srv.Fault(gitlabcitest.Fault{Route: mendArchive, Break: gitlabcitest.BreakResetBody, After: 1000, Times: 1})
		srv.Fault(gitlabcitest.Fault{Route: mendArchive, Break: gitlabcitest.BreakTruncate, After: 1000, Times: 2})
		srv.Fault(gitlabcitest.Fault{Route: mendArchive, Break: gitlabcitest.BreakDrip, Delay: 59 * time.Second, Piece: 200_000})
		var got bytes.Buffer
		_, err := srv.Client().Artifacts.Download(t.Context(), "group/app", job, &got, nil)
		require.NoError(t, err)
		require.True(t, mendNoise == got.String())
		require.Len(t, srv.Requests(), 4)
	})
}

// Between two tries another job became the latest, or the artifacts went.
func TestMendChanges(t *testing.T) {
	next := func(srv *gitlabcitest.Server) {
		srv.AddPipeline("group/app", gitlabcitest.Pipeline{Ref: "main"}).AddJob(gitlabcitest.Job{
			Name: "unit", Archive: append([]byte("other"), mendNoise[5:]...), FinishedAt: time.Now().Add(-time.Minute),
		})
	}
	erase := func(srv *gitlabcitest.Server) {
		jobs, _ := srv.Client().Jobs.List(context.Background(), "group/app", nil)
		srv.Client().Jobs.Erase(context.Background(), "group/app", jobs.Items[0].ID)
	}
	for name, test := range map[string]struct {
		opts   []gitlabcitest.Option
		way    string
		change func(*gitlabcitest.Server)
		err    string
		is     error
	}{
		"latest, ETag":    {[]gitlabcitest.Option{gitlabcitest.WithStrongETags()}, "latest", next, "has changed meanwhile: it has another ETag", nil},
		"latest, date":    {nil, "latest", next, "has changed meanwhile: it has another ETag or date", nil},
		"latest, storage": {[]gitlabcitest.Option{gitlabcitest.WithStorage(gitlabcitest.Storage{Strict: true, NoRanges: true})}, "latest", next, "has changed meanwhile: it has another ETag", nil},
		"erased":          {nil, "archive", erase, "404 Not Found (after 100000 of 600000 bytes: ", gitlabci.ErrNotFound},
		"erased log":      {nil, "log", erase, "has changed meanwhile: it has 0 bytes now", nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv, job := mendServer(false, test.opts...)
				route := map[string]string{"latest": "GET /projects/:id/jobs/artifacts/:ref_name/download", "archive": mendArchive, "log": mendLog}[test.way]
				if name == "latest, storage" {
					route = gitlabcitest.StorageRoute
				}
				srv.Fault(gitlabcitest.Fault{Route: route, Break: gitlabcitest.BreakResetBody, After: 100_000, Times: 1})
				file, err := mendFrom(t.Context(), srv.Client(), job, test.way)
				require.NoError(t, err)
				defer file.Close()
				_, err = io.ReadFull(file, make([]byte, 50_000))
				require.NoError(t, err)
				test.change(srv)
				_, err = io.ReadAll(file)
				require.ErrorContains(t, err, test.err)
				require.True(t, test.is == nil || errors.Is(err, test.is), "%v", err)
			})
		})
	}
}

// Close ends a Read immediately, whatever it waits for: bytes, a response, or the time
// until the next attempt.
func TestMendClosed(t *testing.T) {
	for name, then := range map[string]http.HandlerFunc{
		"bytes": testkit.Stall, "a response": testkit.Silent, "the next try": testkit.Respond(503, "", "Retry-After", "100"),
	} {
		synctest.Test(t, func(t *testing.T) {
			s := testkit.NewScript(testkit.FirstPart(), then)
			file, err := s.Client(t).Artifacts.Open(t.Context(), "group/app", gitlabci.JobID(7), nil)
			require.NoError(t, err)
			time.AfterFunc(10*time.Second, func() { file.Close() })
			start := time.Now()
			_, err = io.ReadAll(file)
			require.Error(t, err, name)
			require.True(t, errors.Is(err, fs.ErrClosed) || errors.Is(err, context.Canceled), "%v", err)
			require.LessOrEqual(t, time.Since(start), 10*time.Second)
			synctest.Wait() // for Close to return
			_, err = file.Read(make([]byte, 1))
			require.ErrorIs(t, err, fs.ErrClosed)
		})
	}
}

// A wait that the context's deadline would cut is not begun, and a canceled
// one ends.
func TestMendObeysTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, then := range []http.HandlerFunc{testkit.Stall, testkit.Silent, testkit.FirstPart("ETag", `"a"`)} {
			s := testkit.NewScript(testkit.FirstPart("ETag", `"a"`), then)
			ctx, cancel := context.WithCancel(t.Context())
			var opts gitlabci.OpenOptions
			opts.Progress = func(done, _ int64) { time.AfterFunc(time.Nanosecond, cancel) }
			start := time.Now()
			_, err := s.Client(t).Artifacts.Download(ctx, "group/app", gitlabci.JobID(7), io.Discard, &opts)
			require.ErrorIs(t, err, context.Canceled)
			require.NotErrorIs(t, err, fs.ErrClosed)
			require.Equal(t, time.Nanosecond, time.Since(start))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Nanosecond)
		defer cancel()
		start := time.Now()
		_, err := testkit.NewScript(testkit.FirstPart()).Client(t).Artifacts.Download(ctx, "group/app", gitlabci.JobID(7), io.Discard, nil)
		require.Error(t, err)
		require.LessOrEqual(t, time.Since(start), time.Nanosecond)
	})
}
