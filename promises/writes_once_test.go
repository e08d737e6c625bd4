package promises_test

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/internal/testkit"
)

const refusedStream = 7 // REFUSED_STREAM of RFC 9113, 7: the request was not processed

// onceCalls are the writes that must not happen twice.
var onceCalls = map[string]func(context.Context, *gitlabci.Client) error{
	"create":    testkit.Calls["create"],
	"retry":     testkit.Calls["retry"],
	"retry job": testkit.Call("Jobs.Retry"),
	"retry job with inputs": func(ctx context.Context, c *gitlabci.Client) error {
		_, err := c.Jobs.Retry(ctx, "group/app", 9, &gitlabci.RetryJobOptions{Inputs: map[string]any{"tier": 1}})
		return err
	},
	"play":          testkit.Call("Jobs.Play"),
	"play or retry": testkit.Call("Jobs.PlayOrRetry"),
	"erase":         testkit.Call("Jobs.Erase"),
	"do":            posted("/projects/7/issues", `{"title":"x"}`),
}

// onceOptions are settings with which retries take almost no time.
func onceOptions(retries int) []gitlabci.Option {
	return []gitlabci.Option{gitlabci.WithRetries(retries), gitlabci.WithMaxWait(time.Millisecond)}
}

// frameFaults are all ways in which an HTTP/2 server can fail a request, including
// those that say that it was not processed.
func frameFaults() map[string]func(*testkit.FrameConn, uint32) {
	faults := map[string]func(*testkit.FrameConn, uint32){}
	for code := range uint32(16) {
		faults[fmt.Sprintf("reset %d", code)] = func(c *testkit.FrameConn, stream uint32) { c.Reset(stream, code) }
		faults[fmt.Sprintf("reset %d after 103", code)] = func(c *testkit.FrameConn, stream uint32) {
			c.Send(testkit.FrameHeaders, testkit.FlagEndHeaders, stream, testkit.Status103)
			c.Reset(stream, code)
		}
	}
	for _, code := range []uint32{0, 1, 2, 11} {
		for name, offset := range map[string]uint32{"of it": 0, "after it": 1 << 20} {
			faults[fmt.Sprintf("goaway %d %s", code, name)] = func(c *testkit.FrameConn, stream uint32) {
				c.GoAway(stream+offset, code)
				c.Close()
			}
		}
		faults[fmt.Sprintf("goaway %d unprocessed", code)] = func(c *testkit.FrameConn, stream uint32) {
			c.GoAway(stream-1, code)
			c.Close()
		}
	}
	return faults
}

// someFrameFaults are one of every few frameFaults, others in each run.
func someFrameFaults(every int) map[string]func(*testkit.FrameConn, uint32) {
	all := frameFaults()
	names := testkit.SortedKeys(all)
	for i, name := range names {
		if !testkit.Sampled(i*13%len(names), every) { // so that one of every three has each kind of them
			delete(all, name)
		}
	}
	return all
}

// A request that the server may have processed is sent on one connection only, and
// its outcome is unknown.
func TestWritesOverHTTP2HappenOnce(t *testing.T) {
	var fail func(*testkit.FrameConn, uint32)
	server := testkit.NewFrameServer(t, func(c *testkit.FrameConn, stream uint32, _ int) { fail(c, stream) })
	patient, rash := server.Client(t, onceOptions(4)...), server.Client(t, onceOptions(0)...)
	for fault, do := range someFrameFaults(3) {
		fail = do
		refused := strings.Contains(fault, "unprocessed") || fault == fmt.Sprint("reset ", refusedStream)
		for name, call := range onceCalls {
			server.Requests.Store(0)
			err := call(t.Context(), patient)
			require.Error(t, err)
			if !refused {
				require.ErrorIs(t, err, gitlabci.ErrOutcomeUnknown, "%s, %s", name, fault)
				require.EqualValues(t, 1, server.Requests.Load(), "%s, %s", name, fault)
			}
			require.LessOrEqual(t, server.Requests.Load(), int64(3), "%s, %s", name, fault)
		}
		server.Requests.Store(0)
		require.Error(t, testkit.Calls["create"](t.Context(), rash))
		require.EqualValues(t, 1, server.Requests.Load(), "%s without retries", fault)
	}
}

// A request that the server refuses is retried by the usual rules if the refusal can be
// distinguished from other failures. That is so for requests with a body.
func TestWritesThatAServerRefusesAreSentAgain(t *testing.T) {
	for _, fault := range []string{"reset 7", "goaway 0 unprocessed"} {
		fail := frameFaults()[fault]
		server := testkit.NewFrameServer(t, func(c *testkit.FrameConn, stream uint32, request int) {
			if request == 1 {
				fail(c, stream)
				return
			}
			c.Succeed(stream)
		})
		require.NoError(t, testkit.Calls["create"](t.Context(), server.Client(t, onceOptions(4)...)), fault)
		require.EqualValues(t, 2, server.Requests.Load(), fault)
	}
	refusing := testkit.NewFrameServer(t, func(c *testkit.FrameConn, stream uint32, _ int) { c.Reset(stream, refusedStream) })
	err := testkit.Calls["create"](t.Context(), refusing.Client(t, onceOptions(9)...))
	require.Error(t, err)
	require.NotErrorIs(t, err, gitlabci.ErrOutcomeUnknown, "the server says each time that it did not process the request")
	require.EqualValues(t, 3, refusing.Requests.Load())
}

// Requests that may be repeated are retried as often as the client is configured,
// and not by net/http.
func TestRepeatableCallsOverHTTP2KeepToWithRetries(t *testing.T) {
	var fail func(*testkit.FrameConn, uint32)
	server := testkit.NewFrameServer(t, func(c *testkit.FrameConn, stream uint32, _ int) { fail(c, stream) })
	patient, rash := server.Client(t, onceOptions(4)...), server.Client(t, onceOptions(0)...)
	for fault, do := range someFrameFaults(3) {
		fail = do
		for name, tries := range map[string]int64{"get": 5, "delete": 5, "cancel": 3, "rename": 5} {
			server.Requests.Store(0)
			require.Error(t, testkit.Calls[name](t.Context(), patient))
			require.LessOrEqual(t, server.Requests.Load(), tries, "%s, %s", name, fault)
			server.Requests.Store(0)
			require.Error(t, testkit.Calls[name](t.Context(), rash))
			require.EqualValues(t, 1, server.Requests.Load(), "%s, %s, without retries", name, fault)
		}
	}
}

// If the connection ends anywhere in the response, the write is not a success, and
// is not sent again.
func TestWritesOverHTTP2OfWhichTheResponseIsCutOff(t *testing.T) {
	whole := testkit.FrameSuccess(1)
	cut := 0
	server := testkit.NewFrameServer(t, func(c *testkit.FrameConn, stream uint32, _ int) {
		c.Write(whole[:cut])
		c.Close()
	})
	client := server.Client(t, onceOptions(4)...)
	for cut = range len(whole) + 1 {
		server.Requests.Store(0)
		err := onceCalls["create"](t.Context(), client)
		if cut == len(whole) {
			require.NoError(t, err)
		} else {
			require.ErrorIs(t, err, gitlabci.ErrOutcomeUnknown, "after %d bytes", cut)
		}
		require.EqualValues(t, 1, server.Requests.Load(), "after %d bytes", cut)
	}
}

// A status that is not valid for a write leaves its outcome unknown.
func TestWritesWithAnUnclearStatus(t *testing.T) {
	t.Parallel()
	statuses := []string{
		"101 Switching Protocols", "000 ", "300 Multiple Choices", "302 Found", "304 Not Modified", "308 Permanent Redirect",
		"600 Unheard Of", "999 ",
	}
	for _, status := range statuses {
		for name, call := range onceCalls {
			server := testkit.NewRawServer(t, "HTTP/1.1 "+status+"\r\nContent-Length: 0\r\n\r\n")
			require.ErrorIs(t, call(t.Context(), server.Client(t, onceOptions(4)...)), gitlabci.ErrOutcomeUnknown, "%s: %s", name, status)
			require.EqualValues(t, 1, server.Requests.Load(), "%s: %s", name, status)
		}
	}
}

// Over HTTP/1.1, too, a connection can end anywhere, whether new or kept alive.
func TestWritesOverHTTP1HappenOnce(t *testing.T) {
	t.Parallel()
	const whole = "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 8\r\n\r\n{\"id\":7}"
	for _, kept := range []bool{false, true} {
		for i, name := range testkit.SortedKeys(onceCalls) {
			call := onceCalls[name]
			for cut := range len(whole) + 1 {
				if cut < len(whole) && !testkit.Sampled(cut+i, 6) {
					continue
				}
				server := testkit.NewRawServer(t, whole)
				client := server.Client(t, onceOptions(4)...)
				if kept {
					require.NoError(t, testkit.Calls["get"](t.Context(), client))
				}
				server.Requests.Store(0)
				server.Cut.Store(int64(cut))
				err := call(t.Context(), client)
				if cut == len(whole) {
					require.NoError(t, err)
				} else {
					require.Error(t, err)
				}
				if name != "do" && cut < len(whole) { // Do returns before the whole body arrives
					require.ErrorIs(t, err, gitlabci.ErrOutcomeUnknown, "%s after %d bytes", name, cut)
				}
				require.EqualValues(t, 1, server.Requests.Load(), "%s after %d bytes, kept: %v", name, cut, kept)
			}
		}
	}
}

// If a kept-alive connection turns out to be closed, a read is sent at most one more time.
// A write that was not sent costs nothing.
func TestReadsOverHTTP1KeepToWithRetries(t *testing.T) {
	t.Parallel()
	for name := range maps.Keys(testkit.Calls) {
		server := testkit.NewRawServer(t, "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n{\"id\":7}")
		client := server.Client(t, onceOptions(0)...)
		for range 3 { // connections
			require.NoError(t, testkit.Calls["get"](t.Context(), client))
		}
		server.Requests.Store(0)
		server.Cut.Store(0)
		require.Error(t, testkit.Calls[name](t.Context(), client))
		most := int64(1)
		if name == "get" {
			most = 2
		}
		require.LessOrEqual(t, server.Requests.Load(), most, name)
	}
}

// Even if many kept-alive connections turn out to be closed, net/http sends a read only one
// more time, not once per connection.
func TestReadsOverManyConnectionsKeepToWithRetries(t *testing.T) {
	t.Parallel()
	const connections = 8
	var requests atomic.Int64
	var closes atomic.Bool
	var all sync.WaitGroup
	all.Add(connections)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		if closes.Load() {
			testkit.Reset(w, r)
		}
		all.Done()
		all.Wait() // so that each request has a connection of its own
		testkit.Respond(200, `{"id":7}`, "Content-Type", "application/json")(w, r)
	}))
	defer server.Close()
	client, err := gitlabci.NewClient(append(onceOptions(0), gitlabci.WithBaseURL(server.URL), gitlabci.WithToken(testkit.Token))...)
	require.NoError(t, err)
	var calls sync.WaitGroup
	for range connections {
		calls.Go(func() { _ = testkit.Calls["get"](t.Context(), client) })
	}
	calls.Wait()
	require.EqualValues(t, connections, requests.Swap(0))
	closes.Store(true)
	require.Error(t, testkit.Calls["get"](t.Context(), client))
	require.EqualValues(t, 2, requests.Load())
}
