package work

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"example.com/gitlabci"
	"example.com/gitlabci/bench/internal/served"
	"example.com/gitlabci/webhook"
)

// A busyServer has pipelines that run. Each changes once: one of its jobs ends.
type busyServer struct {
	begun     time.Time
	during    time.Duration
	pipelines int

	requests, whole, polls atomic.Int64
}

func newBusyServer(pipelines int, during time.Duration) *busyServer {
	return &busyServer{begun: time.Now(), during: during, pipelines: pipelines}
}

// changes is when a pipeline changes: early enough for a poll to follow.
func (s *busyServer) changes(i int) time.Time {
	_, share := math.Modf(float64(i) * math.Phi)
	return s.begun.Add(time.Duration((0.2 + 0.5*share) * float64(s.during)))
}

// send has a hub receive the event of each change.
func (s *busyServer) send(hub *webhook.Hub) {
	for i := range s.pipelines {
		event := &webhook.Event{Kind: webhook.KindJob, Job: &webhook.Job{PipelineID: gitlabci.PipelineID(served.FirstWatched + int64(i))}}
		time.AfterFunc(time.Until(s.changes(i)), func() { _ = hub.Handle(context.Background(), event) }) // it never fails
	}
}

func (s *busyServer) RoundTrip(req *http.Request) (*http.Response, error) {
	s.requests.Add(1)
	body, tag, next, err := s.respond(req)
	if err != nil {
		return nil, err
	}
	resp := &http.Response{
		StatusCode: http.StatusNotModified, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {"application/json"}, "Etag": {tag}, "Date": {time.Now().UTC().Format(http.TimeFormat)}},
		Body:   http.NoBody, Request: req,
	}
	if next {
		resp.Header.Set("Link", fmt.Sprintf("<%s&page=2>; rel=\"next\"", req.URL))
	} else {
		s.polls.Add(1) // each ends with a page that is the last one
	}
	if req.Header.Get("If-None-Match") != tag {
		s.whole.Add(1)
		whole := body()
		resp.StatusCode, resp.ContentLength, resp.Body = http.StatusOK, int64(len(whole)), io.NopCloser(bytes.NewReader(whole))
	}
	return resp, nil
}

// respond returns the body of a response, its ETag, and whether there is another page.
func (s *busyServer) respond(req *http.Request) (body func() []byte, tag string, next bool, err error) {
	path := strings.Split(strings.TrimPrefix(req.URL.Path, "/api/v4/projects/"), "/")
	if path[len(path)-1] == "pipelines" {
		after, err := time.Parse(time.RFC3339, req.URL.Query().Get("updated_after"))
		if err != nil {
			return nil, "", false, err
		}
		number, err := strconv.Atoi(path[0])
		list, next := s.changedSince(number, after)
		return func() []byte { return list }, fmt.Sprintf(`W/"%x"`, list[max(0, len(list)-600):]), next, err
	}
	id, err := strconv.ParseInt(path[len(path)-2], 10, 64)
	ended := !s.changes(int(id - served.FirstWatched)).After(time.Now())
	return func() []byte { return served.WatchedPage(id, ended) }, fmt.Sprintf(`W/"%d %t"`, id, ended), false, err
}

// changedSince is a page of the pipelines of a project that have changed since a time.
func (s *busyServer) changedSince(project int, after time.Time) (page []byte, next bool) {
	type change struct {
		at   time.Time
		text string
	}
	var changes []change
	for i := (project - 1) * ProjectPipelines; i < project*ProjectPipelines; i++ {
		at, status := s.begun, "running"
		if end := s.changes(i); !end.After(time.Now()) {
			at, status = end, "success"
		}
		if at.Before(after) {
			continue
		}
		changes = append(changes, change{at, served.ChangedPipeline(served.FirstWatched+int64(i), status, at)})
	}
	slices.SortFunc(changes, func(a, b change) int { return a.at.Compare(b.at) })
	var texts []string
	for _, one := range changes[:min(100, len(changes))] {
		texts = append(texts, one.text)
	}
	return []byte("[" + strings.Join(texts, ",") + "]"), len(changes) > 100
}
