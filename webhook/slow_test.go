package webhook_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci/internal/memnet"
	"example.com/gitlabci/internal/testkit"
	"example.com/gitlabci/webhook"
)

// serve serves a handler without a socket.
func serve(t *testing.T, h http.Handler) *http.Client {
	t.Helper()
	network := &memnet.Network{}
	network.Handle("receiver.example.com", h)
	transport := network.Transport()
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// textOf is a body of so many bytes.
func textOf(bytes int) string { return `"` + strings.Repeat("x", bytes-2) + `"` }

// dripping is a forged request whose body has so many bytes immediately, and then some more
// with each drip, until it is closed.
func dripping(bytes, more int, drip time.Duration) (r *http.Request, body io.Closer) {
	read, write := io.Pipe()
	go func() {
		_, err := io.WriteString(write, strings.Repeat("x", bytes))
		for err == nil {
			time.Sleep(drip)
			_, err = io.WriteString(write, strings.Repeat("x", more))
		}
	}()
	r = signedRequest(otherToken, "slow", time.Now(), "")
	r.Body, r.ContentLength = read, -1
	return r, read
}

// status sends a request by a client, and returns the status of the response, or 0 if the
// server has hung up on a body that it does not want.
func status(t *testing.T, client *http.Client, r *http.Request) int {
	response, err := client.Do(r.WithContext(t.Context()))
	if err != nil {
		return 0
	}
	require.NoError(t, response.Body.Close())
	return response.StatusCode
}

// A body that does not arrive ends before GitLab would give up. No drip comes when the server
// hangs up, after 8 s: the client might see that, and not the response.
func TestHandlerSlowBodies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := receive(t, webhook.HandlerOptions{}, nil)
		client := serve(t, r)
		for _, drip := range []time.Duration{700 * time.Millisecond, time.Hour} {
			request, body := dripping(1, 1, drip)
			start := time.Now()
			require.Equal(t, 408, status(t, client, request))
			require.Less(t, time.Since(start), 10*time.Second)
			require.NoError(t, body.Close())
			time.Sleep(2 * time.Hour) // the writer ends
		}
		require.NoError(t, r.Shutdown(t.Context()))
		require.Empty(t, r.handled())
	})
}

// Strangers that send slowly, with whatever length, cannot keep out what arrives
// immediately: they make room.
func TestHandlerSlowStrangers(t *testing.T) {
	type strangersCase struct {
		strangers, bytes, more int
		length                 int64
		drip                   time.Duration
	}
	for _, test := range testkit.OneUnderRace([]strangersCase{
		{280, 20 << 10, 1, 32 << 10, time.Second}, // each takes 32 KiB
		{9, 900 << 10, 1, 920 << 10, time.Second}, // all of the 8 MiB
		{9, 900 << 10, 12 << 10, -1, 100 * time.Millisecond},
		{13, 1100 << 10, 1, 2 << 20, time.Second}, // all of the 25 MiB
		{13, 17 << 10, 1, 2 << 20, time.Second},   // which only say so
		{4, 1100 << 10, 40 << 10, -1, 100 * time.Millisecond},
	}) {
		t.Run(fmt.Sprint(test.strangers, " of ", test.bytes, " and ", test.more), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := receive(t, webhook.HandlerOptions{}, nil)
				client := serve(t, r)
				defer time.Sleep(time.Minute) // the writers end
				results := make(chan int, test.strangers)
				for range test.strangers {
					request, body := dripping(test.bytes, test.more, test.drip)
					defer body.Close()
					request.ContentLength = test.length
					go func() { results <- status(t, client, request) }()
				}
				synctest.Wait() // until all have sent their first bytes
				for _, size := range []int{20 << 10, 900 << 10, 2 << 20} {
					start := time.Now()
					require.Equal(t, 202, status(t, client, signedRequest(vectorToken, fmt.Sprint(size), time.Now(), textOf(size))), size)
					require.LessOrEqual(t, time.Since(start), time.Second)
				}
				for range test.strangers {
					require.Contains(t, []int{401, 408, 503, 0}, <-results)
				}
				require.NoError(t, r.Shutdown(t.Context()))
				require.Len(t, r.handled(), 3)
			})
		})
	}
}

// A slow body is refused only if another request needs its memory.
func TestHandlerSlowBodyAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := receive(t, webhook.HandlerOptions{}, nil)
		client := serve(t, r)
		defer time.Sleep(time.Minute) // the writer ends
		text := textOf(1200 << 10)
		read, write := io.Pipe()
		go func() {
			for part := 0; part < len(text); part += 200 << 10 {
				write.Write([]byte(text[part:min(part+200<<10, len(text))]))
				time.Sleep(time.Second)
			}
			write.Close()
		}()
		request := signedRequest(vectorToken, "slow", time.Now(), text)
		request.Body = read
		require.Equal(t, 202, status(t, client, request))
		require.NoError(t, r.Shutdown(t.Context()))
	})
}

// A ResponseWriter without deadlines, such as that of a middleware, cannot stop a Read. A
// body that drips then makes room with its next byte.
func TestHandlerSlowStrangersWithoutDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := receive(t, webhook.HandlerOptions{MaxBytes: 600 << 10}, nil)
		defer time.Sleep(time.Minute) // the writer ends
		request, body := dripping(500<<10, 1, 700*time.Millisecond)
		defer body.Close()
		result := make(chan int, 1)
		go func() { result <- r.send(request) }()
		synctest.Wait()
		require.Equal(t, 202, r.send(signedRequest(vectorToken, "a", time.Now(), textOf(200<<10))))
		require.Equal(t, 503, <-result)
		require.ErrorIs(t, r.reported()[0], webhook.ErrBusy)
		require.ErrorContains(t, r.reported()[0], "too slowly")
		require.NoError(t, r.Shutdown(t.Context()))
	})
}

// Large bodies take 25 MiB together, until the function has returned. The next one waits
// for a second, and small ones do not.
func TestHandlerLargeBodies(t *testing.T) {
	testkit.NotUnderRace(t) // other tests wait for memory with less of it
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		r := receive(t, webhook.HandlerOptions{Workers: 20}, func(_ context.Context, e *webhook.Event) error {
			if len(e.Raw) > 1000 {
				<-release
			}
			return nil
		})
		large := func(id string, length int64) int {
			request := signedRequest(vectorToken, id, time.Now(), textOf(2<<20))
			request.ContentLength = length
			return r.send(request)
		}
		for i := range 12 {
			require.Equal(t, 202, large(strconv.Itoa(i), 2<<20))
		}
		for _, length := range []int64{2 << 20, -1} {
			start := time.Now()
			require.Equal(t, 503, large("b", length))
			require.Equal(t, time.Second, time.Since(start))
		}
		require.Equal(t, 202, r.post("small"))
		second := make(chan int)
		go func() { second <- large("b", 2<<20) }()
		time.Sleep(time.Second / 2)
		release <- struct{}{}
		require.Equal(t, 202, <-second)
		for range 12 {
			release <- struct{}{}
		}
		synctest.Wait()
		require.Equal(t, 202, large("c", -1), "whose length is not known")
		require.Equal(t, 202, large("d", 2<<20))
		close(release)
		require.NoError(t, r.Shutdown(t.Context()))
		require.Len(t, r.handled(), 16)
	})
}

// A wait for memory ends with the request.
func TestHandlerWaitEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := receive(t, webhook.HandlerOptions{MaxBytes: 20_000}, func(ctx context.Context, _ *webhook.Event) error {
			<-ctx.Done()
			return nil
		})
		require.Equal(t, 202, r.send(signedRequest(vectorToken, "a", time.Now(), textOf(10_001))))
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		start := time.Now()
		w := httptest.NewRecorder()
		r.ServeHTTP(w, signedRequest(vectorToken, "b", time.Now(), textOf(10_001)).WithContext(ctx))
		require.Equal(t, 503, w.Code)
		require.Equal(t, 300*time.Millisecond, time.Since(start))
		start = time.Now()
		require.Equal(t, 503, r.send(signedRequest(vectorToken, "c", time.Now(), textOf(20_001))))
		require.Zero(t, time.Since(start), "for which there is never room")
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		require.Error(t, r.Shutdown(gone))
	})
}
