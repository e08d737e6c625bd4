package promises_test

import (
	"context"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/internal/testkit"
	"example.com/gitlabci/webhook"
)

// A fleet is a server with pipelines that run for an hour by the clock, and that sends an
// event for each change.
type fleet struct {
	begun    time.Time
	members  []*member
	requests atomic.Int64
}

// A member is one of the fleet's pipelines.
type member struct {
	project gitlabci.ProjectID
	id      gitlabci.PipelineID
	changes []memberChange

	mu   sync.Mutex
	at   int // changes that body has
	body string
	jobs [6]gitlabci.Status
	now  gitlabci.Status // of the pipeline

	seen map[gitlabci.JobID]time.Duration // when its last status was, since the beginning
}

type memberChange struct {
	after  time.Duration
	job    int // or -1 for the pipeline
	status gitlabci.Status
}

func (m *member) jobID(i int) gitlabci.JobID { return gitlabci.JobID(int64(m.id)*10 + int64(i)) }

// newFleet has pipelines with three stages of two jobs, which take an hour at most.
func newFleet(pipelines, projects int, random *rand.Rand) *fleet {
	f := &fleet{begun: time.Now()}
	for i := range pipelines {
		m := &member{
			project: gitlabci.ProjectNumber(int64(1 + i%projects)), id: gitlabci.PipelineID(1_000_000 + i),
			at: -1, now: gitlabci.StatusRunning, seen: map[gitlabci.JobID]time.Duration{},
		}
		at := upTo(random, time.Minute)
		for stage := range 3 {
			end := at
			for job := 2 * stage; job < 2*stage+2; job++ {
				m.jobs[job] = gitlabci.StatusCreated
				begin := at + time.Second + upTo(random, 10*time.Second)
				done := begin + 14*time.Minute + upTo(random, 10*time.Minute)
				result := []gitlabci.Status{gitlabci.StatusSuccess, gitlabci.StatusSuccess, gitlabci.StatusFailed}[random.IntN(3)]
				m.changes = append(m.changes, memberChange{at, job, gitlabci.StatusPending}, memberChange{begin, job, gitlabci.StatusRunning}, memberChange{done, job, result})
				end = max(end, done)
			}
			at = end
		}
		m.changes = append(m.changes, memberChange{at + time.Second/2, -1, gitlabci.StatusFailed})
		f.members = append(f.members, m)
	}
	return f
}

func (f *fleet) client(t testing.TB) *gitlabci.Client {
	client, err := gitlabci.NewClient(gitlabci.WithToken(testkit.Token), gitlabci.WithTransport(testkit.RoundTripper(f.respond)))
	require.NoError(t, err)
	return client
}

func (f *fleet) respond(req *http.Request) (*http.Response, error) {
	f.requests.Add(1)
	_, path, _ := strings.Cut(req.URL.Path, "/pipelines/")
	path, _, _ = strings.Cut(path, "/")
	id, _ := strconv.Atoi(path)
	m := f.members[id-1_000_000]
	body, version := m.jobsAt(time.Since(f.begun))
	resp := &http.Response{
		StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: req, ContentLength: int64(len(body)),
		Header: http.Header{"Content-Type": {"application/json"}, "Etag": {fmt.Sprintf(`W/"%d"`, version)}},
		Body:   io.NopCloser(strings.NewReader(body)),
	}
	if req.Header.Get("If-None-Match") == resp.Header.Get("ETag") {
		resp.StatusCode, resp.Body, resp.ContentLength = http.StatusNotModified, http.NoBody, 0
	}
	return resp, nil
}

// jobsAt is the list of the jobs at a time since the beginning, and how many changes it has.
func (m *member) jobsAt(since time.Duration) (body string, version int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, change := range m.changes {
		if change.after <= since {
			version++
		}
	}
	if version == m.at {
		return m.body, version
	}
	jobs, pipeline := m.jobs, m.now
	latest := [6]time.Duration{}
	for _, change := range m.changes {
		switch {
		case change.after > since:
		case change.job < 0:
			pipeline = change.status
		case change.after >= latest[change.job]:
			jobs[change.job], latest[change.job] = change.status, change.after
		}
	}
	var list []string
	for i, status := range jobs {
		list = append(list, fmt.Sprintf(`{"id":%d,"name":"job %d","stage":"s%d","status":%q,"pipeline":{"id":%d,"project_id":%s,"status":%q,"updated_at":"2026-01-01T00:00:%02dZ"}}`,
			m.jobID(i), i, i/2, status, m.id, m.project, pipeline, version))
	}
	m.at, m.body = version, "["+strings.Join(list, ",")+"]"
	return m.body, version
}

// send delivers the event of each change to a hub, after a delay for each time that it
// comes.
func (f *fleet) send(hub *webhook.Hub, delays func() []time.Duration) {
	for _, m := range f.members {
		for _, change := range m.changes {
			event := &webhook.Event{Kind: webhook.KindJob, Job: &webhook.Job{PipelineID: m.id}}
			if change.job < 0 {
				event = &webhook.Event{Kind: webhook.KindPipeline, Pipeline: &webhook.Pipeline{ID: m.id}}
			}
			for _, delay := range delays() {
				time.AfterFunc(time.Until(f.begun.Add(change.after+delay)), func() { _ = hub.Handle(context.Background(), event) })
			}
		}
	}
}

// watch watches all pipelines to their ends, and returns how late the last statuses of
// jobs were seen, at most. No change may come twice.
func (f *fleet) watch(t *testing.T, opts *gitlabci.WatchOptions) (latest time.Duration) {
	t.Helper()
	client := f.client(t)
	var all sync.WaitGroup
	for _, m := range f.members {
		all.Go(func() {
			reported := map[string]bool{}
			for event, err := range client.Pipelines.Watch(t.Context(), m.project, m.id, opts) {
				if err != nil {
					t.Error(err)
					return
				}
				text := testkit.EventText(event)
				if reported[text] {
					t.Errorf("%s twice", text)
				}
				if reported[text] = true; event.Job != nil && event.Status.Finished() {
					m.seen[event.Job.ID] = time.Since(f.begun)
				}
			}
		})
	}
	all.Wait()
	for _, m := range f.members {
		for _, change := range m.changes {
			if change.job < 0 || !change.status.Finished() {
				continue
			}
			at, seen := m.seen[m.jobID(change.job)]
			require.True(t, seen, "%d, %d", m.id, change.job)
			latest = max(latest, at-change.after)
		}
	}
	return latest
}

// pollsOfPlainWatch is how many requests a pipeline takes without events.
func pollsOfPlainWatch(t *testing.T) (polls float64) {
	synctest.Test(t, func(t *testing.T) {
		n := max(3, testkit.Fewer(9))
		f := newFleet(n, 1, rand.New(rand.NewPCG(1, 20)))
		require.Less(t, f.watch(t, nil), 16*time.Second)
		polls = float64(f.requests.Load()) / float64(n)
	})
	return polls
}

var wokenPipelines = flag.Int("wakes.pipelines", 60, "how many pipelines TestWakesOfManyPipelines watches, 20 a project")

// Sixty pipelines of three projects for an hour, or 1,000 of 50 with
// -wakes.pipelines 1000: with less than a tenth of the requests of polling, each job is seen
// within two seconds, and within five minutes if events are lost, late or sent twice.
func TestWakesOfManyPipelines(t *testing.T) {
	polling := pollsOfPlainWatch(t)
	for name, test := range map[string]struct {
		delays func(random *rand.Rand) []time.Duration
		latest time.Duration
	}{
		"all come": {func(random *rand.Rand) []time.Duration {
			return []time.Duration{upTo(random, 300*time.Millisecond)}
		}, 2 * time.Second},
		"lost, late, repeated": {func(random *rand.Rand) []time.Duration {
			prompt, late := upTo(random, 300*time.Millisecond), upTo(random, 10*time.Minute)
			return [][]time.Duration{nil, {prompt, prompt + late/10}, {late}, {prompt}, {prompt}, {prompt}, {prompt}, {prompt}, {prompt}, {prompt}}[random.IntN(10)]
		}, 5*time.Minute + time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				random := rand.New(rand.NewPCG(2, 20))
				n := *wokenPipelines
				if testkit.UnderRace() {
					n = 24
				}
				f, hub := newFleet(n, max(1, n/20), random), webhook.NewHub()
				f.send(hub, func() []time.Duration { return test.delays(random) })
				require.Less(t, f.watch(t, &gitlabci.WatchOptions{Wake: hub}), test.latest)
				woken := float64(f.requests.Load()) / float64(n)
				t.Logf("%.1f requests a pipeline, %.1f without events", woken, polling)
				require.Less(t, woken, polling/10)
			})
		})
	}
}

var watchedPipelines = flag.Int("watched.pipelines", 200, "how many pipelines TestWatchesAreSmall watches")

// A quietServer has pipelines of 50 jobs, none of which changes.
type quietServer struct {
	requests atomic.Int64
	body     string // with # in place of the pipeline's ID
}

func newQuietServer() *quietServer {
	sha := strings.Repeat("0123456789", 4)
	var jobs []string
	for i := range 50 {
		url := fmt.Sprintf("https://gitlab.example.com/group/app/-/jobs/%d", 9_000_000_000-int64(i))
		jobs = append(jobs, fmt.Sprintf(`{"id":%d,"name":"rspec %d/50","stage":"test","status":"running","ref":"main","web_url":%q,`+
			`"commit":{"id":%q,"title":"Weed the beds","author_name":"Ana"},"user":{"id":7,"username":"ana","name":"Ana"},`+
			`"pipeline":{"id":#,"iid":51,"project_id":7,"sha":%[4]q,"ref":"main","status":"running","source":"push",`+
			`"created_at":"2026-01-01T00:00:00Z","updated_at":"2026-01-01T00:00:09Z","web_url":"https://gitlab.example.com/group/app/-/pipelines/#"}}`,
			9_000_000_000-int64(i), i+1, url, sha))
	}
	return &quietServer{body: "[" + strings.Join(jobs, ",") + "]"}
}

func (s *quietServer) respond(req *http.Request) (*http.Response, error) {
	s.requests.Add(1)
	_, path, _ := strings.Cut(req.URL.Path, "/pipelines/")
	id, _, _ := strings.Cut(path, "/")
	etag := `W/"` + id + `"`
	if req.Header.Get("If-None-Match") != etag {
		resp := respondJSON(req, strings.ReplaceAll(s.body, "#", id))
		resp.Header.Set("ETag", etag)
		return resp, nil
	}
	resp := respondJSON(req, "")
	resp.StatusCode, resp.Body = http.StatusNotModified, http.NoBody
	return resp, nil
}

// A watched pipeline is one goroutine and a few kilobytes. With -watched.pipelines 10000, ten
// thousand of them must take no more than 64 MiB, and the log has the figures.
func TestWatchesAreSmall(t *testing.T) {
	n := *watchedPipelines
	if testkit.UnderRace() {
		t.Skip("the race detector takes memory of its own")
	}
	testkit.Needs64Bits(t)
	for name, events := range map[string]bool{"polling": false, "events": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, hub, opts := newQuietServer(), webhook.NewHub(), &gitlabci.WatchOptions{}
				if events {
					opts.Wake = hub
				}
				client, err := gitlabci.NewClient(gitlabci.WithToken(testkit.Token), gitlabci.WithTransport(testkit.RoundTripper(s.respond)))
				require.NoError(t, err)
				ctx, stop := context.WithCancel(t.Context())
				var all sync.WaitGroup
				before := used()
				for i := range n {
					time.Sleep(time.Millisecond) // or all of them would hold a response
					all.Go(func() {
						_ = testkit.Drain(client.Pipelines.Watch(ctx, "group/app", gitlabci.PipelineID(1_000_000+i), opts))
					})
				}
				time.Sleep(time.Minute)
				for i := range n {
					require.NoError(t, hub.Handle(ctx, &webhook.Event{Pipeline: &webhook.Pipeline{ID: gitlabci.PipelineID(1_000_000 + i)}}))
				}
				time.Sleep(time.Minute + time.Second/3)
				synctest.Wait()
				after := used()
				taken := after.bytes - before.bytes
				t.Logf("%d pipelines: %d bytes and %.2f goroutines each, %.1f requests each in two minutes", n, taken/n,
					float64(after.goroutines-before.goroutines)/float64(n), float64(s.requests.Load())/float64(n))
				stop()
				all.Wait()
				require.LessOrEqual(t, taken, n*(64<<20)/10_000+512<<10, "and what a client has once")
				require.LessOrEqual(t, after.goroutines-before.goroutines, n+10)
			})
		})
	}
}

// All pipelines of many projects cost one request a project and poll, however many run.
func TestWatchAllOfManyProjects(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := testkit.Fewer(12)
		projects := map[string]*changingProject{}
		for i := range n {
			p := &changingProject{}
			for j, row := range p.add(50) {
				p.change(row, time.Duration(j)*time.Second, 0, gitlabci.StatusRunning)
				p.change(row, time.Duration(10+j)*time.Minute, 0, gitlabci.StatusSuccess)
			}
			projects[strconv.Itoa(i+1)] = p
		}
		client, err := gitlabci.NewClient(gitlabci.WithToken(testkit.Token), gitlabci.WithTransport(testkit.RoundTripper(func(req *http.Request) (*http.Response, error) {
			return projects[strings.Split(req.URL.Path, "/")[4]].respond(req)
		})))
		require.NoError(t, err)
		opts := &gitlabci.WatchAllOptions{Since: time.Now(), MinInterval: time.Minute, MaxInterval: time.Minute}
		ctx, stop := context.WithTimeout(t.Context(), 65*time.Minute+time.Second/3)
		defer stop()
		var all sync.WaitGroup
		var finished atomic.Int64
		before := used()
		for i := range n {
			all.Go(func() {
				for event, err := range client.Pipelines.WatchAll(ctx, gitlabci.ProjectNumber(int64(i+1)), opts) {
					if err == nil && event.Status.Finished() {
						finished.Add(1)
					}
				}
			})
		}
		time.Sleep(5*time.Minute + time.Second/3)
		synctest.Wait()
		requests := 0
		for _, p := range projects {
			requests += len(p.queries())
		}
		after := used()
		t.Logf("%d projects: %d bytes and %d goroutines each, %.1f requests each in five minutes", n,
			(after.bytes-before.bytes)/n, (after.goroutines-before.goroutines)/n, float64(requests)/float64(n))
		require.InDelta(t, 6, float64(requests)/float64(n), 0.7, "one at first, and one a minute or a little less")
		all.Wait()
		require.Equal(t, int64(50*n), finished.Load())
	})
}

type usage struct{ bytes, goroutines int }

// used is what is in use, without what stacks no longer need: a collection halves those at
// most.
func used() usage {
	for range 3 {
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return usage{int(m.HeapAlloc + m.StackInuse), runtime.NumGoroutine()}
}
