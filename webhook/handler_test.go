package webhook_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci/internal/testkit"
	"example.com/gitlabci/webhook"
)

// A receiver is a handler that keeps what its function is called with.
type receiver struct {
	*webhook.Handler

	mu     sync.Mutex
	events []string
	errs   []error
}

// receive makes a handler whose function calls work, if there is one, and succeeds
// otherwise.
func receive(t testing.TB, opts webhook.HandlerOptions, work func(context.Context, *webhook.Event) error) *receiver {
	r := &receiver{}
	opts.Error = func(_ *webhook.Event, err error) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.errs = append(r.errs, err)
	}
	v := newVerifier(t, webhook.SigningToken(vectorToken), webhook.SecretToken(secret))
	r.Handler = webhook.NewHandler(v, func(ctx context.Context, e *webhook.Event) error {
		r.mu.Lock()
		r.events = append(r.events, e.ID)
		r.mu.Unlock()
		if work == nil {
			return nil
		}
		return work(ctx, e)
	}, &opts)
	return r
}

// post sends a signed event and returns the status.
func (r *receiver) post(id string) int {
	return r.send(signedRequest(vectorToken, id, time.Now(), vectorBody))
}

func (r *receiver) send(request *http.Request) int {
	w := httptest.NewRecorder()
	r.ServeHTTP(w, request)
	return w.Code
}

func (r *receiver) handled() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string{}, r.events...)
}

func (r *receiver) reported() []error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]error{}, r.errs...)
}

// The response does not wait for the function, and an event is handled once.
func TestHandlerRespondsFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := receive(t, webhook.HandlerOptions{}, func(context.Context, *webhook.Event) error {
			time.Sleep(time.Hour)
			return nil
		})
		start := time.Now()
		require.Equal(t, 202, r.post("a"))
		require.Equal(t, 200, r.post("a"), "while it is being handled")
		require.Zero(t, time.Since(start))
		synctest.Wait()
		require.Equal(t, []string{"a"}, r.handled())
		time.Sleep(2 * time.Hour)
		require.Equal(t, 200, r.post("a"))
		require.NoError(t, r.Shutdown(t.Context()))
		require.Equal(t, []string{"a"}, r.handled())
		require.Empty(t, r.reported())
	})
}

// Each reason has its status.
func TestHandlerStatuses(t *testing.T) {
	now := time.Now()
	changed := func(change func(*http.Request)) *http.Request {
		r := signedRequest(vectorToken, "a", now, vectorBody)
		change(r)
		return r
	}
	for name, test := range map[string]struct {
		request *http.Request
		status  int
		err     error
	}{
		"a GET":             {changed(func(r *http.Request) { r.Method = http.MethodGet }), 405, nil},
		"nothing":           {newRequest(vectorBody), 401, webhook.ErrCredentials},
		"a wrong token":     {newRequest(vectorBody, "X-Gitlab-Token", "x"), 401, webhook.ErrToken},
		"a wrong signature": {signedRequest(otherToken, "a", now, vectorBody), 401, webhook.ErrSignature},
		"an old one":        {signedRequest(vectorToken, "a", now.Add(-time.Hour), vectorBody), 401, webhook.ErrTimestamp},
		"a downgrade": {changed(func(r *http.Request) {
			r.Header.Set("webhook-signature", "v1,")
			r.Header.Set("X-Gitlab-Token", secret)
		}), 401, webhook.ErrSignature},
		"large headers":       {changed(func(r *http.Request) { r.Header.Set("x", strings.Repeat("x", 16<<10)) }), 431, nil},
		"many headers":        {changed(func(r *http.Request) { r.Header["X"] = make([]string, 512) }), 431, nil},
		"a long URL":          {changed(func(r *http.Request) { r.RequestURI = strings.Repeat("x", 16<<10) }), 431, nil},
		"no JSON":             {signedRequest(vectorToken, "a", now, "<html>"), 400, webhook.ErrMalformed},
		"no body":             {signedRequest(vectorToken, "a", now, ""), 400, webhook.ErrMalformed},
		"an announced length": {changed(func(r *http.Request) { r.ContentLength = 25<<20 + 1 }), 413, webhook.ErrTooLarge},
		"a large body":        {changed(func(r *http.Request) { r.ContentLength, r.Body = -1, io.NopCloser(zeros{}) }), 413, webhook.ErrTooLarge},
		"a limit in between": {changed(func(r *http.Request) {
			r.Body = http.MaxBytesReader(httptest.NewRecorder(), r.Body, 10)
		}), 413, webhook.ErrTooLarge},
		"a broken body": {changed(func(r *http.Request) { r.Body = io.NopCloser(failing{io.ErrUnexpectedEOF}) }), 400, webhook.ErrMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			r := receive(t, webhook.HandlerOptions{}, nil)
			w := httptest.NewRecorder()
			r.ServeHTTP(w, test.request)
			require.Equal(t, test.status, w.Code)
			require.Len(t, r.reported(), 1)
			if test.err != nil {
				require.ErrorIs(t, r.reported()[0], test.err)
			}
			require.Equal(t, r.reported()[0].Error()+"\n", w.Body.String())
			require.Equal(t, 202, r.post("a"), "the handler still works, and the event is not known")
			require.NoError(t, r.Shutdown(t.Context()))
			require.Equal(t, []string{"a"}, r.handled())
		})
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

// A full queue refuses an event, and accepts it later.
func TestHandlerQueueIsFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		r := receive(t, webhook.HandlerOptions{Workers: 2, Queue: 3}, func(context.Context, *webhook.Event) error {
			<-release
			return nil
		})
		for i := range 5 {
			require.Equal(t, 202, r.post(strconv.Itoa(i)))
		}
		for range 2 {
			w := httptest.NewRecorder()
			r.ServeHTTP(w, signedRequest(vectorToken, "5", time.Now(), vectorBody))
			require.Equal(t, 503, w.Code)
			require.Equal(t, "10", w.Header().Get("Retry-After"))
		}
		synctest.Wait()
		require.Len(t, r.handled(), 2)
		close(release)
		synctest.Wait()
		require.Equal(t, 202, r.post("5"))
		require.NoError(t, r.Shutdown(t.Context()))
		require.ElementsMatch(t, []string{"0", "1", "2", "3", "4", "5"}, r.handled())
	})
}

// The memory for bodies is bounded, and returned.
func TestHandlerMemoryIsFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		r := receive(t, webhook.HandlerOptions{Workers: 1, MaxBytes: 300 << 10}, func(context.Context, *webhook.Event) error {
			<-release
			return errors.New("no success")
		})
		post := func(id string) int {
			return r.send(signedRequest(vectorToken, id, time.Now(), `"`+strings.Repeat("x", 100_000)+`"`))
		}
		for round := range 3 {
			for i := range 3 {
				require.Equal(t, 202, post(fmt.Sprint(round, i)))
			}
			require.Equal(t, 503, post("more"))
			require.Equal(t, 503, post("more"))
			require.Equal(t, 202, r.post(fmt.Sprint(round, "small")))
			for range 4 {
				release <- struct{}{}
				synctest.Wait()
			}
		}
		require.NoError(t, r.Shutdown(t.Context()))
		require.Len(t, r.handled(), 12)
	})
}

// The memory that a request takes for its body is returned, however it ends.
func TestHandlerReturnsMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := receive(t, webhook.HandlerOptions{MaxBytes: 1200 << 10}, nil)
		text := func(n int) string { return `"` + strings.Repeat("x", n) + `"` }
		for _, size := range []int{100, 100_000, 1100_000} {
			for _, length := range []int64{int64(size) + 2, -1} {
				send := func(r2 *http.Request) int {
					r2.ContentLength = length
					return r.send(r2)
				}
				id := fmt.Sprint(size, length)
				require.Equal(t, 202, send(signedRequest(vectorToken, id, time.Now(), text(size))))
				synctest.Wait()
				for n := range max(1, min(testkit.Fewer(15), 1_000_000/size)) {
					require.Equal(t, 200, send(signedRequest(vectorToken, id, time.Now(), text(size))), id)
					require.Equal(t, 400, send(signedRequest(vectorToken, "b", time.Now(), text(size)[1:]+" ")), id)
					require.Equal(t, 401, send(signedRequest(otherToken, "b", time.Now(), text(size))), id)
					require.Equal(t, 202, send(signedRequest(vectorToken, fmt.Sprint(id, n), time.Now(), text(size))), id)
					synctest.Wait()
				}
			}
		}
		require.NoError(t, r.Shutdown(t.Context()))
	})
}

// Bodies that took nothing while they were read take memory while they wait.
func TestHandlerMemoryOfSmallBodies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		r := receive(t, webhook.HandlerOptions{MaxBytes: 25_000}, func(context.Context, *webhook.Event) error {
			<-release
			return nil
		})
		post := func(id string) int {
			return r.send(signedRequest(vectorToken, id, time.Now(), `"`+strings.Repeat("x", 10_000)+`"`))
		}
		require.Equal(t, 202, post("a"))
		require.Equal(t, 202, post("b"))
		require.Equal(t, 503, post("c"))
		close(release)
		synctest.Wait()
		require.Equal(t, 202, post("c"))
		require.NoError(t, r.Shutdown(t.Context()))
	})
}

// An event that failed is handled when it is sent again, also if that was while it was being
// handled.
func TestHandlerFailures(t *testing.T) {
	failures := map[string]func() error{
		"an error": func() error { return errors.New("no luck") },
		"a panic":  func() error { panic("no luck") },
		"the end of the goroutine": func() error {
			runtime.Goexit()
			return nil
		},
	}
	for name, fail := range failures {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var calls atomic.Int32
				r := receive(t, webhook.HandlerOptions{Workers: 1}, func(context.Context, *webhook.Event) error {
					time.Sleep(time.Minute)
					if calls.Add(1) <= 2 {
						return fail()
					}
					return nil
				})
				require.Equal(t, 202, r.post("a"))
				require.Equal(t, 202, r.post("b"))
				time.Sleep(30 * time.Second)
				require.Equal(t, 200, r.post("a")) // being handled: fails, and is then handled again, and fails again
				time.Sleep(2 * time.Minute)
				require.Equal(t, []string{"a", "a", "b"}, r.handled())
				require.Len(t, r.reported(), 2)
				require.Equal(t, 202, r.post("a"))
				time.Sleep(5 * time.Minute)
				require.Equal(t, 200, r.post("a"))
				require.Equal(t, []string{"a", "a", "b", "a"}, r.handled())
				require.NoError(t, r.Shutdown(t.Context()))
			})
		})
	}
}

// The handler's own errors and those of functions are logged if nobody else wants them.
func TestHandlerLogs(t *testing.T) {
	var text bytes.Buffer
	defer slog.SetDefault(slog.Default())
	slog.SetDefault(slog.New(slog.NewTextHandler(&text, nil)))
	v := newVerifier(t, webhook.SigningToken(vectorToken))
	h := webhook.NewHandler(v, func(context.Context, *webhook.Event) error { return errors.New("no luck") }, nil)
	h.ServeHTTP(httptest.NewRecorder(), newRequest("{}"))
	h.ServeHTTP(httptest.NewRecorder(), signedRequest(vectorToken, "a", time.Now(), vectorBody))
	require.NoError(t, h.Shutdown(t.Context()))
	require.Contains(t, text.String(), "no signature or token")
	require.Contains(t, text.String(), `event.event="pipeline 31 is success" event.project="" event.id=a error="no luck"`)
}

// A panic in the function for errors does not stop the workers either.
func TestHandlerErrorPanics(t *testing.T) {
	var text bytes.Buffer
	defer slog.SetDefault(slog.Default())
	slog.SetDefault(slog.New(slog.NewTextHandler(&text, nil)))
	var calls atomic.Int32
	v := newVerifier(t, webhook.SigningToken(vectorToken))
	h := webhook.NewHandler(v, func(context.Context, *webhook.Event) error {
		calls.Add(1)
		return errors.New("no luck")
	}, &webhook.HandlerOptions{Workers: 1, Error: func(*webhook.Event, error) { panic("in Error") }})
	for i := range 3 {
		h.ServeHTTP(httptest.NewRecorder(), signedRequest(vectorToken, strconv.Itoa(i), time.Now(), vectorBody))
	}
	require.NoError(t, h.Shutdown(t.Context()))
	require.EqualValues(t, 3, calls.Load())
	require.Contains(t, text.String(), "Error panicked")
}

func TestNewHandlerNeedsAFunction(t *testing.T) {
	require.Panics(t, func() { webhook.NewHandler(newVerifier(t, webhook.SecretToken(secret)), nil, nil) })
	require.Panics(t, func() { webhook.NewHandler(nil, func(context.Context, *webhook.Event) error { return nil }, nil) })
}

func TestShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := receive(t, webhook.HandlerOptions{Workers: 2}, func(context.Context, *webhook.Event) error {
			time.Sleep(time.Minute)
			return nil
		})
		for i := range 6 {
			require.Equal(t, 202, r.post(strconv.Itoa(i)))
		}
		start := time.Now()
		done := make(chan error)
		go func() { done <- r.Shutdown(t.Context()) }()
		time.Sleep(time.Second)
		require.Equal(t, 503, r.post("late"))
		require.NoError(t, <-done)
		require.Equal(t, 3*time.Minute, time.Since(start))
		require.Len(t, r.handled(), 6)
		require.NoError(t, r.Shutdown(t.Context()), "again")
	})
}

// If there is no time left, contexts of functions end, and events that wait are reported.
func TestShutdownGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := receive(t, webhook.HandlerOptions{Workers: 2}, func(ctx context.Context, _ *webhook.Event) error {
			<-ctx.Done()
			return ctx.Err()
		})
		for i := range 6 {
			require.Equal(t, 202, r.post(strconv.Itoa(i)))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		require.ErrorIs(t, r.Shutdown(ctx), context.DeadlineExceeded)
		synctest.Wait()
		require.Len(t, r.handled(), 2)
		require.Len(t, r.reported(), 6)
		require.NoError(t, r.Shutdown(t.Context()), "nothing is left")
	})
}

// Functions that ignore their context hold back no report, and finish without the rest.
func TestShutdownReportsBeforeItReturns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := receive(t, webhook.HandlerOptions{Workers: 2}, func(context.Context, *webhook.Event) error {
			time.Sleep(time.Hour)
			return nil
		})
		for i := range 6 {
			require.Equal(t, 202, r.post(strconv.Itoa(i)))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		require.ErrorIs(t, r.Shutdown(ctx), context.DeadlineExceeded)
		require.Len(t, r.reported(), 4)
		require.NoError(t, r.Shutdown(t.Context()), "when the functions have ended")
		require.Len(t, r.handled(), 2)
		require.Len(t, r.reported(), 4)
	})
}

// A handler that has nothing left to do is shut down, although there is no time.
func TestShutdownWhenIdle(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 20 {
		require.NoError(t, receive(t, webhook.HandlerOptions{}, nil).Shutdown(ctx))
	}
}
