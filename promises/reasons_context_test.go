package promises_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/internal/testkit"
)

// polling are the ways to wait for something.
var polling = map[string]func(context.Context, *gitlabci.Client) error{
	"Wait": func(ctx context.Context, c *gitlabci.Client) error {
		return testkit.Done(c.Pipelines.Wait(ctx, "group/app", 7, nil))
	},
	"Watch": func(ctx context.Context, c *gitlabci.Client) error {
		return testkit.Drain(c.Pipelines.Watch(ctx, "group/app", 7, nil))
	},
	"Run": func(ctx context.Context, c *gitlabci.Client) error {
		return testkit.Done(c.Pipelines.Run(ctx, "group/app", "main", nil))
	},
	"Find": func(ctx context.Context, c *gitlabci.Client) error {
		return testkit.Done(c.Pipelines.Find(ctx, "group/app", &gitlabci.FindPipelineOptions{Ref: "main", Wait: true}))
	},
	"FollowLog": func(ctx context.Context, c *gitlabci.Client) error {
		return testkit.Done(c.Jobs.FollowLog(ctx, "group/app", 7, io.Discard, nil))
	},
}

// afterCreate is a step that lets Run begin, and does what follows to all other requests.
func afterCreate(step http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			testkit.Respond(201, `{"id":7,"project_id":2,"status":"created"}`, "Content-Type", "application/json")(w, r)
			return
		}
		step(w, r)
	}
}

// A call that waits says in its error why polls failed until the deadline, in the error of
// the deadline.
func TestDeadlineSaysWhyPollsFailed(t *testing.T) {
	t.Parallel()
	unavailable := testkit.Respond(502, "<title>GitLab is not responding</title>", "Content-Type", "text/html")
	hanging := 0
	for cause, step := range map[string]http.HandlerFunc{
		"502 Bad Gateway":           unavailable,
		"500 Internal Server Error": testkit.Respond(500, `{"message":"500 Internal Server Error"}`, "Content-Type", "application/json"),
		"429 Too Many Requests":     testkit.Respond(429, "Retry later", "Content-Type", "text/plain", "Retry-After", "7"),
		"GitLab is not responding": func(w http.ResponseWriter, r *http.Request) { // and then nothing
			if hanging++; hanging%2 == 0 {
				testkit.Silent(w, r)
				return
			}
			unavailable(w, r)
		},
	} {
		for name, wait := range polling {
			for _, retries := range []int{0, 1, 4} {
				t.Run(name+" after "+cause, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						hanging = 0
						client := testkit.NewScript(afterCreate(step)).Client(t, gitlabci.WithRetries(retries))
						ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
						defer cancel()
						err := wait(ctx, client)
						require.ErrorIs(t, err, context.DeadlineExceeded)
						require.ErrorContains(t, err, cause)
						requirePrefixOnce(t, err)
						_, responded := errors.AsType[*gitlabci.APIError](err)
						require.True(t, responded)
					})
				})
			}
		}
	}
}

// A call whose first attempt failed and whose second one hangs has both in its error.
func TestDeadlineSaysWhatAnEarlierAttemptGot(t *testing.T) {
	t.Parallel()
	for name, call := range testkit.Calls {
		synctest.Test(t, func(t *testing.T) {
			first := testkit.Respond(429, `{"message":"slow down"}`, "Content-Type", "application/json", "Retry-After", "1")
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			err := call(ctx, testkit.NewScript(first, testkit.Silent).Client(t))
			require.ErrorIs(t, err, context.DeadlineExceeded, name)
			require.ErrorIs(t, err, gitlabci.ErrRateLimited, name)
			require.ErrorContains(t, err, "context deadline exceeded (after: 429 Too Many Requests: slow down", name)
			requirePrefixOnce(t, err)
		})
	}
}

// The cause of a context, such as the signal that ends a program, is in every error of
// its end, beside the context's own error.
func TestCauseOfTheEnd(t *testing.T) {
	t.Parallel()
	signal := errors.New("terminated signal received")
	empty := testkit.Respond(200, `[]`, "Content-Type", "application/json")
	steps := map[string]http.HandlerFunc{
		"while it hangs":      testkit.Silent,
		"in the backoff":      testkit.Respond(429, `{}`, "Content-Type", "application/json", "Retry-After", "20"),
		"held at the gate":    testkit.Respond(429, "Retry later", "Content-Type", "text/plain", "Retry-After", "20"),
		"between polls":       empty,
		"in an endless body":  testkit.Stall,
		"of a broken attempt": testkit.Reset,
	}
	for when, step := range steps {
		for name, wait := range polling {
			t.Run(name+" "+when, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					step := step
					if when == "between polls" && name != "Find" {
						step = runningForever
					}
					requireCause(t, signal, testkit.NewScript(afterCreate(step)), wait)
				})
			})
		}
		for name, call := range testkit.Calls {
			if when == "between polls" || when == "of a broken attempt" {
				continue
			}
			t.Run(name+" "+when, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { requireCause(t, signal, testkit.NewScript(step), call) })
			})
		}
	}
}

// runningForever is a step: a pipeline that never finishes, and its jobs.
func runningForever(w http.ResponseWriter, r *http.Request) {
	job := `{"id":7,"name":"a","status":"running","started_at":"2026-01-01T00:00:00Z","pipeline":{"id":7,"project_id":2,"status":"running"}}`
	switch r.URL.Path {
	case "/api/v4/projects/group/app/pipelines/7/jobs":
		testkit.Respond(200, "["+job+"]", "Content-Type", "application/json")(w, r)
	case "/api/v4/projects/group/app/jobs/7/trace":
		testkit.Respond(200, "", "Content-Type", "text/plain")(w, r)
	default:
		testkit.Respond(200, job, "Content-Type", "application/json")(w, r)
	}
}

func requireCause(t *testing.T, cause error, s *testkit.Script, wait func(context.Context, *gitlabci.Client) error) {
	t.Helper()
	ctx, stop := context.WithCancelCause(t.Context())
	time.AfterFunc(3*time.Second, func() { stop(cause) })
	err := wait(ctx, s.Client(t))
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, err, cause)
	require.ErrorContains(t, err, cause.Error())
	requirePrefixOnce(t, err)
}

// The error of each method has the cause, at any time: before anything was sent, and in a
// body that stalls.
func TestCauseInEveryMethod(t *testing.T) {
	t.Parallel()
	signal := errors.New("terminated signal received")
	for name, method := range testkit.Methods {
		for when, step := range map[string]http.HandlerFunc{"hanging": testkit.Silent, "in a body": testkit.Stall} {
			t.Run(name+" "+when, func(t *testing.T) {
				if method.IsFile() && when == "in a body" {
					step = testkit.OfType("application/octet-stream", step)
				}
				synctest.Test(t, func(t *testing.T) {
					requireCause(t, signal, testkit.NewScript(step), func(ctx context.Context, c *gitlabci.Client) error {
						_, err := method.Call(ctx, c, testkit.App)
						return err
					})
				})
			})
		}
	}
}

// localZip has what extraction treats in its own ways.
func localZip(t *testing.T) []byte {
	t.Helper()
	return testkit.Zip(t,
		testkit.ZipEntry{Name: "d/", Mode: fs.ModeDir | 0o755},
		testkit.ZipEntry{Name: "d/small", Content: "x"},
		testkit.ZipEntry{Name: "d/large", Content: strings.Repeat("0123456789abcdef", 100_000), Store: true},
		testkit.ZipEntry{Name: "link", Content: "d/small", Mode: fs.ModeSymlink | 0o777},
		testkit.ZipEntry{Name: "other", Content: "d/large", Mode: fs.ModeSymlink | 0o777})
}

// A readerFunc is an archive whose every read calls it first.
type readerFunc struct {
	io.ReaderAt
	read func()
}

func (r readerFunc) ReadAt(p []byte, off int64) (int, error) {
	r.read()
	return r.ReaderAt.ReadAt(p, off)
}

// The error of an extraction has the cause even if nothing is requested: the archive is in
// a file, or was copied. The context ends at each step of the extraction.
func TestCauseInLocalArchives(t *testing.T) {
	t.Parallel()
	signal := errors.New("terminated signal received")
	data := localZip(t)
	client := testkit.ZipClient(t, data)
	type extraction func(ctx context.Context, dir string, step func()) error
	for name, extract := range map[string]extraction{
		"file, at a read": func(ctx context.Context, dir string, step func()) error {
			return testkit.Done(gitlabci.ExtractZip(ctx, readerFunc{bytes.NewReader(data), step}, int64(len(data)), dir, &gitlabci.ExtractOptions{Concurrency: 1}))
		},
		"file, at a write": func(ctx context.Context, dir string, step func()) error {
			opts := &gitlabci.ExtractOptions{Concurrency: 1, Progress: func(int64, int64) { step() }}
			return testkit.Done(gitlabci.ExtractZip(ctx, bytes.NewReader(data), int64(len(data)), dir, opts))
		},
		"copy, at a write": func(ctx context.Context, dir string, step func()) error {
			opts := &gitlabci.ExtractOptions{Concurrency: 1, Progress: func(int64, int64) { step() }}
			return testkit.Done(client.Artifacts.Extract(ctx, "group/app", gitlabci.JobID(7), dir, opts))
		},
	} {
		steps := 0
		require.NoError(t, extract(t.Context(), t.TempDir(), func() { steps++ }))
		require.Greater(t, steps, 5, name)
		for at := range steps + 1 {
			if at > 0 && at < steps && !testkit.Sampled(at, 2) {
				continue
			}
			ctx, end := context.WithCancelCause(t.Context())
			seen := 0
			step := func() {
				if seen++; seen == at {
					end(signal)
				}
			}
			if at == 0 {
				end(signal)
			}
			if err := extract(ctx, t.TempDir(), step); err != nil {
				requireBoth(t, signal, err)
			} else {
				require.Equal(t, steps, at, "%s: only after the last step is it too late", name)
			}
		}
	}
}

func requireBoth(t *testing.T, cause, err error) {
	t.Helper()
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, err, cause)
	require.ErrorContains(t, err, "context canceled: "+cause.Error())
	require.Equal(t, 1, strings.Count(err.Error(), cause.Error()), err.Error())
	requirePrefixOnce(t, err)
}

// An endingBody calls ended at its end.
type endingBody struct {
	io.ReadCloser
	ended func()
}

func (b endingBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err == io.EOF {
		b.ended()
	}
	return n, err
}

// The error of a download that was complete, but not checked yet, has the cause.
func TestCauseWhileACopyIsChecked(t *testing.T) {
	t.Parallel()
	signal := errors.New("terminated signal received")
	zips := mixZips(t)
	synctest.Test(t, func(t *testing.T) {
		ctx, end := context.WithCancelCause(t.Context())
		s := &mixServer{files: zips, which: mixSwaps["stays"], cut: 1_800_000, cuts: 1, ranges: true}
		client := s.client(t, gitlabci.WithMiddleware(func(next http.RoundTripper) http.RoundTripper {
			return testkit.RoundTripper(func(r *http.Request) (*http.Response, error) {
				resp, err := next.RoundTrip(r)
				if err == nil && resp.StatusCode == http.StatusPartialContent {
					resp.Body = endingBody{resp.Body, func() { end(signal) }}
				}
				return resp, err
			})
		}))
		_, err := mixSave(t, ctx, client, gitlabci.JobID(7), nil)
		requireBoth(t, signal, err)
		require.Equal(t, 2, s.n)
	})
}

// The errors of an open archive have the cause.
func TestCauseInAnOpenArchive(t *testing.T) {
	t.Parallel()
	signal := errors.New("terminated signal received")
	ctx, end := context.WithCancelCause(t.Context())
	archive, err := testkit.ZipClient(t, localZip(t)).Artifacts.Archive(ctx, "group/app", gitlabci.JobID(7), nil)
	require.NoError(t, err)
	defer archive.Close()
	file, err := archive.Open("d/large")
	require.NoError(t, err)
	_, err = file.Read(make([]byte, 10))
	require.NoError(t, err)
	end(signal)
	for name, read := range map[string]func() error{
		"Open":     func() error { return testkit.Done(archive.Open("d/small")) },
		"Stat":     func() error { return testkit.Done(archive.Stat("d/small")) },
		"Lstat":    func() error { return testkit.Done(archive.Lstat("d/small")) },
		"ReadLink": func() error { return testkit.Done(archive.ReadLink("link")) },
		"ReadDir":  func() error { return testkit.Done(archive.ReadDir("d")) },
		"ReadFile": func() error { return testkit.Done(archive.ReadFile("d/small")) },
		"Sub":      func() error { return testkit.Done(fs.ReadFile(archive, "d/large")) },
		"Read":     func() error { return testkit.Done(io.Copy(io.Discard, file)) },
	} {
		err := read()
		require.ErrorIs(t, err, context.Canceled, name)
		require.ErrorIs(t, err, signal, name)
	}
}

// A tree is read by concurrent calls. If the deadline ends them all, the error is that of
// the one that had failed before.
func TestDeadlineOfATreeSaysWhatFailed(t *testing.T) {
	t.Parallel()
	for _, part := range []string{"/pipelines/7", "/pipelines/7/jobs", "/pipelines/7/bridges"} {
		synctest.Test(t, func(t *testing.T) {
			var failed atomic.Bool
			script := testkit.NewScript(func(w http.ResponseWriter, r *http.Request) {
				if strings.HasSuffix(r.URL.Path, part) && failed.CompareAndSwap(false, true) {
					w.WriteHeader(http.StatusBadGateway)
					return
				}
				testkit.Silent(w, r)
			})
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			_, err := script.Client(t).Pipelines.Tree(ctx, "group/app", 7)
			require.True(t, failed.Load(), part)
			require.ErrorIs(t, err, context.DeadlineExceeded, part)
			require.ErrorContains(t, err, "(after: 502 Bad Gateway)", part)
		})
	}
}
