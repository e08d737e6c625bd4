package follow_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
	"example.com/gitlabci/internal/testkit"
)

// A following is a log that is followed on a fake, and what came of it.
type following struct {
	srv   *gitlabcitest.Server
	out   bytes.Buffer
	polls []gitlabci.FollowPoll
	back  []int64 // where the log was rewritten from
	opts  gitlabci.FollowOptions
	took  time.Duration
}

// newFollowing has one job, 1, on a server.
func newFollowing(job gitlabcitest.Job, options ...gitlabcitest.Option) *following {
	f := &following{srv: gitlabcitest.NewServer(options...)}
	job.ID = 1
	f.srv.AddPipeline("group/app", gitlabcitest.Pipeline{}).AddJob(job)
	return f
}

func (f *following) run(ctx context.Context, options ...gitlabci.Option) (*gitlabci.Job, error) {
	opts := f.opts
	opts.Poll = func(p gitlabci.FollowPoll) {
		f.polls = append(f.polls, p)
		if f.opts.Poll != nil {
			f.opts.Poll(p)
		}
	}
	opts.Rewritten = func(from int64) { f.back = append(f.back, from) }
	start := time.Now()
	job, err := f.srv.Client(options...).Jobs.FollowLog(ctx, "group/app", 1, &f.out, &opts)
	f.took = time.Since(start)
	return job, err
}

// received returns how many bytes of logs came, by the count of the polls.
func (f *following) received() (n int64) {
	for _, p := range f.polls {
		n += p.Read
	}
	return n
}

func (f *following) requests(route string) (n int) {
	for _, r := range f.srv.Requests() {
		if r.Route == route {
			n++
		}
	}
	return n
}

// followServers are those that respond in different ways.
func followServers() map[string][]gitlabcitest.Option {
	return map[string][]gitlabcitest.Option{
		"newest":          nil,
		"with ranges":     {gitlabcitest.WithLogRanges()},
		"old":             {gitlabcitest.WithVersion("18.11")},
		"old with ranges": {gitlabcitest.WithVersion("15.0"), gitlabcitest.WithLogRanges()},
	}
}

func TestFollowLog(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		script gitlabcitest.Script
		status gitlabci.Status
	}{
		"a success":              {gitlabcitest.Script{Queues: 20 * time.Second, Runs: time.Minute, Log: testkit.NumberedLines(3000)}, gitlabci.StatusSuccess},
		"a failure":              {gitlabcitest.Script{Runs: time.Minute, Log: testkit.NumberedLines(500), Result: gitlabci.StatusFailed}, gitlabci.StatusFailed},
		"canceled":               {gitlabcitest.Script{Runs: time.Minute, Log: testkit.NumberedLines(50), Result: gitlabci.StatusCanceled}, gitlabci.StatusCanceled},
		"all at once":            {gitlabcitest.Script{Log: testkit.NumberedLines(3000), Result: gitlabci.StatusFailed}, gitlabci.StatusFailed},
		"no log":                 {gitlabcitest.Script{Runs: time.Minute}, gitlabci.StatusSuccess},
		"one byte":               {gitlabcitest.Script{Runs: time.Minute, Log: "x"}, gitlabci.StatusSuccess},
		"nothing but one letter": {gitlabcitest.Script{Runs: time.Minute, Log: strings.Repeat("x\n", 20_000)}, gitlabci.StatusSuccess},
		"a log that lags":        {gitlabcitest.Script{Runs: time.Minute, Log: testkit.NumberedLines(600), LogLag: 25 * time.Second}, gitlabci.StatusSuccess},
		"a log that comes late":  {gitlabcitest.Script{Runs: time.Second, Log: testkit.NumberedLines(6), LogLag: 25 * time.Second}, gitlabci.StatusSuccess},
		"silent for long":        {gitlabcitest.Script{Runs: 10 * time.Minute, Log: "one\ntwo\n"}, gitlabci.StatusSuccess},
		"never runs":             {gitlabcitest.Script{Queues: 5 * time.Minute, NeverRuns: true}, gitlabci.StatusFailed},
	}
	n := 0
	for _, server := range testkit.SortedKeys(followServers()) {
		for _, name := range testkit.SortedKeys(tests) { // an odd number, so every other server for each
			if n++; !testkit.Sampled(n, 2) {
				continue
			}
			test, options := tests[name], followServers()[server]
			t.Run(name+", "+server, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					f := newFollowing(gitlabcitest.Job{Script: test.script}, options...)
					job, err := f.run(t.Context())
					require.NoError(t, err)
					require.Equal(t, test.status, job.Status)
					require.Equal(t, test.script.Log, f.out.String())
					require.Empty(t, f.back)
				})
			})
		}
	}
}

// While a log grows only what is new travels, and the last 1 KiB, and nobody
// asks for the job.
func TestFollowLogRequestsLittle(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFollowing(gitlabcitest.Job{Script: gitlabcitest.Script{Runs: 5 * time.Minute, Log: testkit.NumberedLines(30_000)}})
		_, err := f.run(t.Context())
		require.NoError(t, err)
		require.LessOrEqual(t, f.received(), int64(f.out.Len()+len(f.polls)<<10))
		require.Less(t, f.requests(testkit.JobRoute), 10)
		require.InDelta(t, 300, f.requests(testkit.LogRoute), 10)
	})
}

func TestFollowLogIntervals(t *testing.T) {
	for name, test := range map[string]struct {
		opts gitlabci.FollowOptions
		want []float64 // seconds between polls, of a job that waits
	}{
		"by default": {gitlabci.FollowOptions{}, []float64{1, 1.5, 2.25, 3.375, 5.0625, 7.59375, 10, 10}},
		"own":        {gitlabci.FollowOptions{MinInterval: 4 * time.Second, MaxInterval: 8 * time.Second}, []float64{4, 6, 8, 8}},
		"rare":       {gitlabci.FollowOptions{MinInterval: time.Minute}, []float64{60, 60}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFollowing(gitlabcitest.Job{Status: gitlabci.StatusManual})
				f.opts = test.opts
				var at []time.Time
				ctx, cancel := context.WithCancel(t.Context())
				f.opts.Poll = func(p gitlabci.FollowPoll) {
					require.Equal(t, gitlabci.StatusManual, p.Job.Status)
					if at = append(at, time.Now()); len(at) > len(test.want) {
						cancel()
					}
				}
				job, err := f.run(ctx)
				require.ErrorIs(t, err, context.Canceled)
				require.Equal(t, gitlabci.StatusManual, job.Status)
				for i, want := range test.want {
					require.InDelta(t, want, at[i+1].Sub(at[i]).Seconds(), 0.001)
				}
				require.Zero(t, f.requests(testkit.LogRoute), "there is none yet")
			})
		})
	}
}

// On an old server, a long log is requested less often.
func TestFollowLogOfOldServers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const megabytes = 5
		f := newFollowing(gitlabcitest.Job{Status: gitlabci.StatusRunning, Log: strings.Repeat("0123456\n", megabytes<<17)}, gitlabcitest.WithVersion("18.0"))
		var at []time.Time
		f.opts.Poll = func(gitlabci.FollowPoll) {
			switch at = append(at, time.Now()); {
			case len(at) < 5:
				f.srv.AppendLog(1, "x\n")
			case len(at) == 5:
				f.srv.SetJobStatus(1, gitlabci.StatusSuccess)
			}
		}
		_, err := f.run(t.Context())
		require.NoError(t, err)
		require.InDelta(t, 1, at[1].Sub(at[0]).Seconds(), 0.1)
		require.InDelta(t, megabytes, at[3].Sub(at[2]).Seconds(), 0.1)
	})
}

// A finished job takes two requests.
func TestFollowLogOfFinishedJobs(t *testing.T) {
	for name, job := range map[string]gitlabcitest.Job{
		"archived": {Log: testkit.NumberedLines(10), Status: gitlabci.StatusFailed},
		"skipped":  {Status: gitlabci.StatusSkipped},
		"canceled": {Status: gitlabci.StatusCanceled, CreatedAt: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFollowing(job)
				got, err := f.run(t.Context())
				require.NoError(t, err)
				require.Equal(t, job.Status, got.Status)
				require.Equal(t, job.Log, f.out.String())
				require.Zero(t, f.took)
				require.LessOrEqual(t, len(f.srv.Requests()), 2)
			})
		})
	}
}

// What ends a log: that it is archived, the runner's verdict, or silence.
func TestFollowLogEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, test := range []struct {
			end    string
			linger time.Duration
			least  time.Duration
			most   time.Duration
		}{
			{"make: done\n", 0, 30 * time.Second, 45 * time.Second},
			{"make: done\n", time.Minute, time.Minute, 75 * time.Second},
			{"Job succeeded\n$ make\n", 0, 30 * time.Second, 45 * time.Second},
			{"echo Job succeeded\n", 0, 30 * time.Second, 45 * time.Second},
			{"Job succeeded\n", 0, 0, 5 * time.Second},
			{"\x1b[32;1mJob succeeded\x1b[0;m\n", 0, 0, 5 * time.Second},
			{"section_end:1:a\r\x1b[0K\n\x1b[31;1mERROR: Job failed: exit code 2\n\x1b[0;m", 0, 0, 5 * time.Second},
			{"2024-05-22T12:43:46.962646Z 00O \x1b[31;1mERROR: Job failed (system failure): no \xff\n2024-05-22T12:43:46.962647Z 00O+\x1b[0;m\n", 0, 0, 5 * time.Second},
		} {
			finished := time.Now().UTC().Format(time.RFC3339)
			s := testkit.NewScript(func(w http.ResponseWriter, r *http.Request) {
				if strings.HasSuffix(r.URL.Path, "trace") {
					testkit.Log("line\n"+test.end)(w, r)
					return
				}
				testkit.Respond(200, `{"id":7,"status":"success","started_at":"`+finished+`","finished_at":"`+finished+`"}`)(w, r)
			})
			began, out := time.Now(), &bytes.Buffer{}
			_, err := s.Client(t).Jobs.FollowLog(t.Context(), "group/app", 7, out, &gitlabci.FollowOptions{Linger: test.linger})
			require.NoError(t, err)
			require.Equal(t, "line\n"+test.end, out.String())
			require.GreaterOrEqual(t, time.Since(began), test.least, test.end)
			require.LessOrEqual(t, time.Since(began), test.most, test.end)
		}
	})
}

func TestFollowLogFrom(t *testing.T) {
	t.Parallel()
	log := testkit.NumberedLines(5000)
	n := 0
	for _, server := range testkit.SortedKeys(followServers()) {
		for _, from := range []int64{1, 1000, 1024, 1025, 30_000, int64(len(log)) - 1, int64(len(log))} { // an odd number
			if n++; !testkit.Sampled(n, 2) {
				continue
			}
			options := followServers()[server]
			t.Run(fmt.Sprint(from, ", ", server), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					f := newFollowing(gitlabcitest.Job{Script: gitlabcitest.Script{Runs: time.Minute, Log: log}}, options...)
					time.Sleep(time.Duration(from) * time.Minute / time.Duration(len(log)))
					time.Sleep(time.Second)
					f.opts.From = from
					_, err := f.run(t.Context())
					require.NoError(t, err)
					require.Equal(t, log[from:], f.out.String())
					require.Equal(t, int64(len(log)), f.polls[len(f.polls)-1].Offset)
				})
			})
		}
	}
}

func TestFollowLogRefuses(t *testing.T) {
	for name, opts := range map[string]gitlabci.FollowOptions{
		"From":                 {From: -1},
		"MinInterval":          {MinInterval: -1},
		"MaxInterval":          {MaxInterval: -1},
		"Linger":               {Linger: -1},
		"GiveUpAfter":          {GiveUpAfter: -1},
		"less than the MinInt": {MinInterval: 2, MaxInterval: 1},
	} {
		s := testkit.NewScript(testkit.OK)
		job, err := s.Client(t).Jobs.FollowLog(t.Context(), "group/app", 7, &bytes.Buffer{}, &opts)
		require.ErrorIs(t, err, gitlabci.ErrInvalid)
		require.ErrorContains(t, err, name)
		require.Nil(t, job)
		require.Empty(t, s.Received())
	}
	_, err := testkit.NewScript(testkit.OK).Client(t).Jobs.FollowLog(t.Context(), "group/app", 7, nil, nil)
	require.ErrorContains(t, err, "the writer is nil")
}

// A runner or the network may cut a log anywhere; its bytes are the same.
func TestFollowLogUnderFaults(t *testing.T) {
	t.Parallel()
	n := 0
	for server, options := range followServers() {
		for _, retries := range []int{0, 4} {
			if n++; !testkit.Sampled(n, 1) {
				continue
			}
			t.Run(fmt.Sprint(server, ", retries ", retries), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					log := testkit.NumberedLines(5000)
					f := newFollowing(gitlabcitest.Job{Script: gitlabcitest.Script{Runs: 5 * time.Minute, Log: log, LogLag: 10 * time.Second}}, options...)
					addFollowFaults(f.srv, 1)
					_, err := f.run(t.Context(), gitlabci.WithRetries(retries))
					require.NoError(t, err)
					require.True(t, log == f.out.String(), "%d bytes for %d", f.out.Len(), len(log))
					require.Empty(t, f.back)
				})
			})
		}
	}
}

// addFollowFaults makes a fifth of all requests fail, in many ways.
func addFollowFaults(srv *gitlabcitest.Server, seed uint64) {
	faults := []gitlabcitest.Fault{
		{Status: 500}, {Status: 502}, {Status: 429, Header: http.Header{"Retry-After": {"2"}}}, {Status: 429, Body: gitlabcitest.BodyEndpointLimited},
		{Status: 200, Body: "<html><title>Log in</title></html>"},
		{Break: gitlabcitest.BreakResetUnread}, {Break: gitlabcitest.BreakResetUnanswered}, {Break: gitlabcitest.BreakStallHeader},
		{Break: gitlabcitest.BreakResetBody, After: 1}, {Break: gitlabcitest.BreakResetBody, After: 1500}, {Break: gitlabcitest.BreakResetBody, After: 100_000},
		{Break: gitlabcitest.BreakTruncate}, {Break: gitlabcitest.BreakTruncate, After: 1}, {Break: gitlabcitest.BreakTruncate, After: 500}, {Break: gitlabcitest.BreakTruncate, After: 2000},
		{Break: gitlabcitest.BreakStall, After: 1200}, {Break: gitlabcitest.BreakDrip, After: 10, Piece: 700, Delay: time.Millisecond},
	}
	rand.New(rand.NewPCG(seed, 1)).Shuffle(len(faults), func(i, j int) { faults[i], faults[j] = faults[j], faults[i] })
	for i, fault := range faults {
		fault.Chance, fault.Seed = 0.2/float64(len(faults)), seed*100+uint64(i)
		srv.Fault(fault)
	}
}

func TestFollowLogErrors(t *testing.T) {
	t.Parallel()
	n := 0
	for name, test := range map[string]struct {
		fault gitlabcitest.Fault
		want  error
		least time.Duration
	}{
		"401":                {gitlabcitest.Fault{Status: 401}, gitlabci.ErrUnauthorized, 0},
		"403":                {gitlabcitest.Fault{Status: 403}, gitlabci.ErrForbidden, 0},
		"404":                {gitlabcitest.Fault{Status: 404}, gitlabci.ErrNotFound, time.Minute}, // a replica may lag
		"401 of a proxy":     {gitlabcitest.Fault{Status: 401, Body: "<title>no</title>"}, gitlabci.ErrUnauthorized, 0},
		"404 of a proxy":     {gitlabcitest.Fault{Status: 404, Body: "no backend"}, gitlabci.ErrNotFound, 10 * time.Minute},
		"500":                {gitlabcitest.Fault{Status: 500}, nil, 10 * time.Minute},
		"limited":            {gitlabcitest.Fault{Status: 429, Header: http.Header{"Retry-After": {"3600"}}}, gitlabci.ErrRateLimited, 10 * time.Minute},
		"resets":             {gitlabcitest.Fault{Break: gitlabcitest.BreakResetUnanswered}, nil, 10 * time.Minute},
		"silence":            {gitlabcitest.Fault{Break: gitlabcitest.BreakStallHeader}, gitlabci.ErrStalled, 10 * time.Minute},
		"a page":             {gitlabcitest.Fault{Status: 200, Body: "<html><title>Log in</title></html>"}, nil, 10 * time.Minute},
		"a part unasked":     {gitlabcitest.Fault{Status: 206, Body: "part", Header: http.Header{"Content-Range": {"bytes 5-8/9"}}}, nil, 10 * time.Minute},
		"created":            {gitlabcitest.Fault{Status: 201, Body: "part"}, nil, 10 * time.Minute},
		"compressed unasked": {gitlabcitest.Fault{Header: http.Header{"Content-Encoding": {"br"}}}, nil, 10 * time.Minute},
	} {
		if n++; !testkit.Sampled(n, 1) {
			continue
		}
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFollowing(gitlabcitest.Job{Status: gitlabci.StatusRunning, Log: testkit.NumberedLines(10)})
				test.fault.Route, test.fault.Nth = testkit.LogRoute, 3
				f.srv.Fault(test.fault)
				job, err := f.run(t.Context())
				require.Error(t, err)
				if test.want != nil {
					require.ErrorIs(t, err, test.want)
				}
				require.Equal(t, gitlabci.StatusRunning, job.Status, "as last seen")
				require.Equal(t, testkit.NumberedLines(10), f.out.String())
				require.GreaterOrEqual(t, f.took, test.least)
				if test.least == 0 {
					require.Less(t, f.took, 10*time.Second)
				}
				require.Error(t, f.polls[len(f.polls)-1].Err)
				if errors.Is(err, gitlabci.ErrRateLimited) {
					require.Less(t, len(f.polls), 15, "it waits for as long as it may")
				}
			})
		})
	}
}

var errFull = errors.New("no space left")

// A fullWriter takes so many bytes.
type fullWriter struct {
	bytes.Buffer
	room int
	err  error
}

func (w *fullWriter) Write(p []byte) (int, error) {
	if len(p) <= w.room {
		w.room -= len(p)
		return w.Buffer.Write(p)
	}
	n, _ := w.Buffer.Write(p[:w.room])
	w.room = 0
	return n, w.err
}

func TestFollowLogToAFullDisk(t *testing.T) {
	for _, wrong := range []error{errFull, nil} {
		synctest.Test(t, func(t *testing.T) {
			f := newFollowing(gitlabcitest.Job{Script: gitlabcitest.Script{Runs: time.Minute, Log: testkit.NumberedLines(1000)}})
			w := &fullWriter{room: 5000, err: wrong}
			var last gitlabci.FollowPoll
			_, err := f.srv.Client().Jobs.FollowLog(t.Context(), "group/app", 1, w, &gitlabci.FollowOptions{Poll: func(p gitlabci.FollowPoll) { last = p }})
			want := cmp.Or(wrong, io.ErrShortWrite)
			require.ErrorIs(t, err, want)
			require.EqualError(t, err, "gitlabci: following the log of job 1: the writer: "+want.Error())
			require.Equal(t, err, last.Err)
			require.Equal(t, testkit.NumberedLines(1000)[:5000], w.String())
			require.Equal(t, int64(5000), last.Offset)
		})
	}
}

func TestFollowLogCanceled(t *testing.T) {
	log := testkit.NumberedLines(36_000)
	for name, fault := range map[string]*gitlabcitest.Fault{
		"between polls":   nil,
		"in the response": {Route: testkit.LogRoute, Break: gitlabcitest.BreakStall, After: 1100, Nth: 20},
		"before it":       {Route: testkit.LogRoute, Break: gitlabcitest.BreakStallHeader, Nth: 20},
		"in a retry":      {Route: testkit.LogRoute, Status: 500, Nth: 20},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFollowing(gitlabcitest.Job{Script: gitlabcitest.Script{Runs: time.Hour, Log: log}})
				if fault != nil {
					f.srv.Fault(*fault)
				}
				ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second+500*time.Millisecond)
				defer cancel()
				job, err := f.run(ctx)
				require.ErrorIs(t, err, context.DeadlineExceeded)
				require.Regexp(t, "following the log of job 1: |/jobs/1/trace: ", err.Error(), "which of several")
				require.Equal(t, gitlabci.StatusRunning, job.Status)
				require.Equal(t, 30*time.Second+500*time.Millisecond, f.took)
				require.NotEmpty(t, f.out.String())
				require.True(t, strings.HasPrefix(log, f.out.String()))
			})
		})
	}
}

// The job continues during an outage: some minutes of it lose nothing.
func TestFollowLogThroughAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFollowing(gitlabcitest.Job{Script: gitlabcitest.Script{Runs: 12 * time.Minute, Log: testkit.NumberedLines(1200)}})
		time.AfterFunc(2*time.Minute, func() {
			withdraw := f.srv.Fault(gitlabcitest.Fault{Status: 502})
			time.AfterFunc(8*time.Minute, withdraw)
		})
		_, err := f.run(t.Context())
		require.NoError(t, err)
		require.Equal(t, testkit.NumberedLines(1200), f.out.String())
		require.True(t, slices.ContainsFunc(f.polls, func(p gitlabci.FollowPoll) bool { return p.Err != nil }))
	})
}
