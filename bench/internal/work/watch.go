package work

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"example.com/gitlabci"
	"example.com/gitlabci/bench/internal/served"
)

// watch watches many pipelines at the same time for a while, in which none of them
// changes, and measures what each takes of memory. The time is a test's: it passes only
// while every watcher waits, so that none of them is amid a request when the memory is
// measured.
func watch(ctx context.Context, t Task) (found Result, err error) {
	ended := make(chan struct{})
	all := func(string, string) (bool, error) { return true, nil }
	test := func(test *testing.T) {
		synctest.Test(test, func(*testing.T) { found, err = watchFor(ctx, t) })
		close(ended)
		select {} // where Main would end the process
	}
	go testing.Main(all, []testing.InternalTest{{Name: "watch", F: test}}, nil, nil)
	<-ended
	return found, err
}

func watchFor(ctx context.Context, t Task) (Result, error) {
	var server quietServer
	client, err := newOurs(t, gitlabci.WithTransport(&server))
	if err != nil {
		return Result{}, err
	}
	before := memoryHeld()
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var watchers sync.WaitGroup
	for i := range t.Size {
		time.Sleep(time.Millisecond) // or each would have a whole response in memory
		watchers.Go(func() {
			for _, err := range client.Pipelines.Watch(ctx, project, gitlabci.PipelineID(served.FirstWatched+int64(i)), nil) {
				if err != nil {
					stop(err) // only the first one counts
				}
			}
		})
	}
	time.Sleep(t.For)
	synctest.Wait()
	after := memoryHeld()
	found := Result{
		Seconds:  t.For.Seconds(),
		Requests: server.requests.Load(), Whole: server.whole.Load(),
		Held: after.HeapAlloc - before.HeapAlloc, Stacks: after.StackInuse - before.StackInuse,
	}
	err = context.Cause(ctx)
	stop(nil)
	watchers.Wait()
	if err == nil && found.Whole != int64(t.Size) {
		err = fmt.Errorf("%d whole responses came, instead of %d", found.Whole, t.Size)
	}
	return found, err
}

// memoryHeld is the memory in use, without garbage and without what stacks no longer need:
// a collection halves those at most.
func memoryHeld() (m runtime.MemStats) {
	for range 3 {
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return m
}

// A quietServer has pipelines whose jobs do not change.
type quietServer struct{ requests, whole atomic.Int64 }

func (s *quietServer) RoundTrip(req *http.Request) (*http.Response, error) {
	s.requests.Add(1)
	_, id, _ := strings.Cut(req.URL.Path, "/pipelines/")
	pipeline, err := strconv.ParseInt(strings.TrimSuffix(id, "/jobs"), 10, 64)
	if err != nil {
		return nil, err
	}
	tag := fmt.Sprintf(`W/"%d"`, pipeline)
	resp := &http.Response{
		StatusCode: http.StatusNotModified, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {"application/json"}, "Etag": {tag}},
		Body:   http.NoBody, Request: req,
	}
	if req.Header.Get("If-None-Match") != tag {
		s.whole.Add(1)
		body := served.WatchedPage(pipeline)
		resp.StatusCode, resp.ContentLength, resp.Body = http.StatusOK, int64(len(body)), io.NopCloser(bytes.NewReader(body))
	}
	return resp, nil
}
