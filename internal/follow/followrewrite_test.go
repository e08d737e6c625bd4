package follow_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
	"example.com/gitlabci/internal/testkit"
)

// changedLine is what is written where a log has changed.
func changedLine(from int) string {
	return fmt.Sprintf("[log rewritten by the server; continuing from byte %d]\n", from)
}

// What has changed is written again, from where it changed or, if that is not known, from
// the start.
func TestFollowLogRewritten(t *testing.T) {
	t.Parallel()
	log := testkit.NumberedLines(1000) // of 12 bytes each
	tests := map[string]struct {
		before, after string
		from          int
	}{
		"another tail":              {log + "half a li", log + "another\n", len(log)},
		"a tail that is longer":     {log + "half a li", log + "half of the\n" + strings.Repeat("new\n", 1000), len(log) + 5},
		"a shorter tail":            {log + "and more\n", log, len(log)},
		"shorter by more":           {log, log[:1200], 0},
		"changed further back":      {log, strings.Replace(log, "line 000100", "LINE", 1), 0},
		"erased":                    {log, "", 0},
		"another log":               {log, "other\n" + log, 0},
		"the first of few bytes":    {"one\n", "two\n", 0},
		"the last of few bytes":     {"one", "on the way", 2},
		"no more of few bytes":      {"one\ntwo\n", "one\n", 4},
		"one byte for a long one":   {log, "x", 0},
		"two bytes for a long one":  {log, "xy", 0},
		"all but the last kilobyte": {log, log[:len(log)-1024], 0},
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
					f := newFollowing(gitlabcitest.Job{Status: gitlabci.StatusRunning, Log: test.before}, options...)
					time.AfterFunc(3500*time.Millisecond, func() { f.srv.SetLog(1, test.after) })
					time.AfterFunc(time.Minute, func() {
						f.srv.AppendLog(1, "the end\n")
						f.srv.SetJobStatus(1, gitlabci.StatusSuccess)
					})
					job, err := f.run(t.Context())
					require.NoError(t, err)
					require.Equal(t, gitlabci.StatusSuccess, job.Status)
					require.Equal(t, []int64{int64(test.from)}, f.back)
					line := changedLine(test.from)
					if !strings.HasSuffix(test.before, "\n") {
						line = "\n" + line
					}
					require.Equal(t, test.before+line+(test.after + "the end\n")[test.from:], f.out.String())
					require.Equal(t, int64(len(test.after)+len("the end\n")), f.polls[len(f.polls)-1].Offset)
				})
			})
		}
	}
}

// Someone erases the log of a job that has finished, while it is waited for.
func TestFollowLogErased(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := testkit.NumberedLines(1000)
		f := newFollowing(gitlabcitest.Job{Script: gitlabcitest.Script{Runs: time.Minute, Log: log, LogLag: 20 * time.Second}})
		client := f.srv.Client()
		time.AfterFunc(70*time.Second, func() { client.Jobs.Erase(t.Context(), "group/app", 1) })
		job, err := f.run(t.Context())
		require.NoError(t, err)
		require.False(t, job.ErasedAt.IsZero())
		require.Equal(t, []int64{0}, f.back)
		require.True(t, strings.HasSuffix(f.out.String(), changedLine(0)))
	})
}

// A program that continues behind the end of the log finds out that it is another.
func TestFollowLogFromBehindTheEnd(t *testing.T) {
	for server, options := range followServers() {
		for _, log := range []string{"", "x", "xy", testkit.NumberedLines(10), testkit.NumberedLines(1000)} {
			t.Run(fmt.Sprint(len(log), ", ", server), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					f := newFollowing(gitlabcitest.Job{Status: gitlabci.StatusFailed, Log: log, StartedAt: time.Now().Add(-time.Hour), FinishedAt: time.Now().Add(-time.Minute)}, options...)
					f.opts.From = 20_000
					_, err := f.run(t.Context())
					require.NoError(t, err)
					require.Equal(t, []int64{0}, f.back)
					require.Equal(t, changedLine(0)+log, f.out.String())
				})
			})
		}
	}
}

// A single response that suggests a change is not believed.
func TestFollowLogDoubts(t *testing.T) {
	for name, fault := range map[string]gitlabcitest.Fault{
		"empty":   {Break: gitlabcitest.BreakTruncate, Times: 7},
		"shorter": {Break: gitlabcitest.BreakTruncate, After: 100, Times: 7},
		"other":   {Status: http.StatusOK, Body: strings.Repeat("back soon\n", 500), Times: 7},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				log := testkit.NumberedLines(1000)
				f := newFollowing(gitlabcitest.Job{Script: gitlabcitest.Script{Runs: time.Minute, Log: log}})
				fault.Route, fault.Nth = testkit.LogRoute, 15
				f.srv.Fault(fault)
				_, err := f.run(t.Context())
				require.NoError(t, err)
				require.Empty(t, f.back)
				require.Equal(t, log, f.out.String())
			})
		})
	}
}

// While a server is upgraded, one node knows byte_offset and another does not.
func TestFollowLogOfAServerThatIsUpgraded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := []byte(testkit.NumberedLines(2000))
		begun, asked := time.Now(), 0
		s := testkit.NewScript(func(w http.ResponseWriter, r *http.Request) {
			ran := min(time.Since(begun), time.Minute)
			shown := log[:int64(ran)*int64(len(log))/int64(time.Minute)]
			if !strings.HasSuffix(r.URL.Path, "trace") {
				testkit.Respond(200, map[bool]string{true: `{"id":7,"status":"success","started_at":"2026-01-01T00:00:00Z"}`, false: `{"id":7,"status":"running"}`}[ran == time.Minute])(w, r)
				return
			}
			var offset, limit int
			fmt.Sscan(r.URL.Query().Get("byte_offset"), &offset)
			fmt.Sscan(r.URL.Query().Get("byte_limit"), &limit)
			if asked++; asked%3 != 0 {
				shown = shown[min(offset, len(shown)):]
				if limit > 0 {
					shown = shown[:min(limit, len(shown))]
				}
			}
			testkit.Log(string(shown))(w, r)
		})
		var out strings.Builder
		opts := &gitlabci.FollowOptions{Rewritten: func(int64) { t.Error("it was not") }}
		_, err := s.Client(t).Jobs.FollowLog(t.Context(), "group/app", 7, &out, opts)
		require.NoError(t, err)
		require.Equal(t, string(log), out.String())
	})
}

// Responses to ranges with newer flags are believed where they agree.
func TestFollowLogRanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFollowing(gitlabcitest.Job{Script: gitlabcitest.Script{Runs: time.Minute, Log: testkit.NumberedLines(20_000)}},
			gitlabcitest.WithVersion("18.0"), gitlabcitest.WithLogRanges())
		_, err := f.run(t.Context())
		require.NoError(t, err)
		require.Equal(t, testkit.NumberedLines(20_000), f.out.String())
		partial := 0
		for _, r := range f.srv.Requests() {
			if r.Status == http.StatusPartialContent {
				partial++
			}
		}
		require.Positive(t, partial)
		require.Less(t, f.polls[len(f.polls)-1].Read, int64(2000), "the last one need not be of all")
	})
}

// A mirror keeps the log as it is now: it gets the bytes, and calls of Rewritten.
type mirror struct {
	log  []byte
	line bool // whether the line that says so comes next
}

func (m *mirror) Write(p []byte) (int, error) {
	if m.line {
		m.line = false
		return len(p), nil
	}
	m.log = append(m.log, p...)
	return len(p), nil
}

func (m *mirror) rewritten(from int64) { m.log, m.line = m.log[:from], true }

// Whatever happens to the end of a log, a program that obeys Rewritten has the same log
// when the job has finished.
func TestFollowLogMirrors(t *testing.T) {
	t.Parallel()
	var seeds []uint64
	for _, first := range testkit.OneOf([]uint64{0, 4, 8}) {
		seeds = append(seeds, first, first+1, first+2, first+3) // one of each kind
	}
	if testkit.UnderRace() {
		seeds = testkit.OneOf(seeds)
	}
	for _, seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				random := rand.New(rand.NewPCG(seed, 1))
				options := [][]gitlabcitest.Option{nil, {gitlabcitest.WithVersion("18.0")}}[seed%2]
				f := newFollowing(gitlabcitest.Job{Status: gitlabci.StatusRunning}, options...)
				if seed%4 > 1 {
					addFollowFaults(f.srv, seed)
				}
				var mu sync.Mutex // of truth, and of random
				truth := ""
				mu.Lock()
				for range 20 {
					time.AfterFunc(time.Duration(1+random.IntN(600))*time.Second, func() {
						mu.Lock()
						defer mu.Unlock()
						truth = mutateLog(random, truth)
						f.srv.SetLog(1, truth)
					})
				}
				mu.Unlock()
				time.AfterFunc(11*time.Minute, func() { f.srv.SetJobStatus(1, gitlabci.StatusSuccess) })
				var copied mirror
				_, err := f.srv.Client().Jobs.FollowLog(t.Context(), "group/app", 1, &copied, &gitlabci.FollowOptions{Rewritten: copied.rewritten})
				require.NoError(t, err)
				mu.Lock()
				defer mu.Unlock()
				require.Equal(t, truth, string(copied.log))
			})
		})
	}
}

// mutateLog changes a log within its last bytes, or all of it.
func mutateLog(random *rand.Rand, log string) string {
	var text strings.Builder
	for range random.IntN(300) {
		fmt.Fprintf(&text, "line %d\n", random.Int())
	}
	kept := len(log) - random.IntN(min(900, len(log))+1)
	switch random.IntN(8) {
	case 0:
		return ""
	case 1:
		return text.String()
	case 2:
		return log[:kept]
	case 3, 4:
		return log[:kept] + text.String()
	default:
		return log + text.String()
	}
}

// A response that was cut off is not the end of a log.
func TestFollowLogCutOffAtItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFollowing(gitlabcitest.Job{Status: gitlabci.StatusFailed, Log: testkit.NumberedLines(100)})
		f.srv.Fault(gitlabcitest.Fault{Route: testkit.LogRoute, Break: gitlabcitest.BreakTruncate, After: 50, Times: 1})
		_, err := f.run(t.Context())
		require.NoError(t, err)
		require.Equal(t, testkit.NumberedLines(100), f.out.String())
	})
}

// A log that still grows has not ended, however long ago the job has finished.
func TestFollowLogGrowsAfterItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		s := testkit.NewScript(func(w http.ResponseWriter, r *http.Request) {
			if !strings.HasSuffix(r.URL.Path, "trace") {
				testkit.Respond(200, `{"id":7,"status":"failed","started_at":"2000-01-01T00:00:00Z","finished_at":"1999-01-01T00:00:00Z"}`)(w, r)
				return
			}
			testkit.Log(testkit.NumberedLines(min(10, 1+int(time.Since(begun)/time.Second))))(w, r)
		})
		var out strings.Builder
		_, err := s.Client(t).Jobs.FollowLog(t.Context(), "group/app", 7, &out, nil)
		require.NoError(t, err)
		require.Equal(t, testkit.NumberedLines(10), out.String())
	})
}

// Two failures in a row are not many, however rare the polls are.
func TestFollowLogOutlivesRareFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFollowing(gitlabcitest.Job{Script: gitlabcitest.Script{Runs: 3 * time.Hour, Log: testkit.NumberedLines(100)}})
		f.srv.Fault(gitlabcitest.Fault{Route: testkit.LogRoute, Status: 500, Nth: 2, Times: 2})
		f.opts.MinInterval = 20 * time.Minute
		_, err := f.run(t.Context(), gitlabci.WithRetries(0))
		require.NoError(t, err)
		require.Equal(t, testkit.NumberedLines(100), f.out.String())
	})
}

// Lines that are all alike do not show where in a log they are. So the response of a
// server that sends the whole log in place of a part is recognized by its length.
func TestFollowLogOfLinesAlikeFromAFleet(t *testing.T) {
	for name, lengths := range map[string]bool{"with lengths": true, "without lengths": false} {
		for _, older := range []int{2, 3, 5} {
			synctest.Test(t, func(t *testing.T) {
				log := []byte(strings.Repeat("downloading...\n", 2000))
				begun, asked := time.Now(), 0
				s := testkit.NewScript(func(w http.ResponseWriter, r *http.Request) {
					ran := min(time.Since(begun), time.Minute)
					shown := log[:int64(ran)*int64(len(log))/int64(time.Minute)]
					if !strings.HasSuffix(r.URL.Path, "trace") {
						testkit.Respond(200, map[bool]string{true: `{"id":7,"status":"success","started_at":"2026-01-01T00:00:00Z"}`, false: `{"id":7,"status":"running"}`}[ran == time.Minute])(w, r)
						return
					}
					if asked++; asked%older != 0 {
						shown = slice(shown, r)
					}
					if !lengths {
						testkit.Log(string(shown[:len(shown)/2]))(w, r)
						w.(http.Flusher).Flush()
						w.Write(shown[len(shown)/2:])
						return
					}
					testkit.Log(string(shown))(w, r)
				})
				var out strings.Builder
				opts := &gitlabci.FollowOptions{Rewritten: func(int64) { t.Error("it was not") }}
				_, err := s.Client(t).Jobs.FollowLog(t.Context(), "group/app", 7, &out, opts)
				require.NoError(t, err, name)
				require.Equal(t, len(log), out.Len(), name)
			})
		}
	}
}

// slice is the part of a log that a newer server sends.
func slice(log []byte, r *http.Request) []byte {
	offset, limit := 0, len(log)
	fmt.Sscan(r.URL.Query().Get("byte_offset"), &offset)
	fmt.Sscan(r.URL.Query().Get("byte_limit"), &limit)
	offset = min(offset, len(log))
	return log[offset:min(offset+limit, len(log))]
}

// More than one part may have as many bytes as GitLab sends in one response.
func TestFollowLogGrowsByMoreThanAPart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := testkit.NumberedLines(400_000) // of 4.8 MB
		f := newFollowing(gitlabcitest.Job{Status: gitlabci.StatusRunning, Log: log[:3000]})
		time.AfterFunc(5*time.Second, func() { f.srv.AppendLog(1, log[3000:]) })
		time.AfterFunc(time.Minute, func() { f.srv.SetJobStatus(1, gitlabci.StatusSuccess) })
		_, err := f.run(t.Context())
		require.NoError(t, err)
		require.Equal(t, log, f.out.String())
		require.Less(t, f.received(), int64(len(log))*102/100)
		require.Empty(t, f.back)
	})
}
