package follow_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
	"example.com/gitlabci/internal/testkit"
)

// A storage responds 416 to a request for bytes behind the end of a log. That
// is no failure: it says that the log is shorter than it was.
func TestFollowLogIsNotSatisfiable(t *testing.T) {
	for _, after := range []string{"", "short\n", testkit.NumberedLines(900)} {
		t.Run(fmt.Sprint(len(after)), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				begun, before := time.Now(), testkit.NumberedLines(1000)
				s := testkit.NewScript(func(w http.ResponseWriter, r *http.Request) {
					log, status := before, gitlabci.StatusRunning
					if time.Since(begun) > 3500*time.Millisecond {
						log = after
					}
					if time.Since(begun) > time.Minute {
						status = gitlabci.StatusSuccess
					}
					if !strings.HasSuffix(r.URL.Path, "trace") {
						testkit.Respond(200, fmt.Sprintf(`{"id":7,"status":%q,"started_at":"2026-01-01T00:00:00Z"}`, status))(w, r)
						return
					}
					storedLog(log)(w, r)
				})
				var out strings.Builder
				job, err := s.Client(t).Jobs.FollowLog(t.Context(), "group/app", 7, &out, nil)
				require.NoError(t, err)
				require.Equal(t, gitlabci.StatusSuccess, job.Status)
				require.Equal(t, before+changedLine(0)+after, out.String())
			})
		})
	}
}

// storedLog is a step: a log of which storage sends parts, or 416.
func storedLog(log string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		offset, limit := 0, len(log)
		fmt.Sscan(r.URL.Query().Get("byte_offset"), &offset)
		fmt.Sscan(r.URL.Query().Get("byte_limit"), &limit)
		if r.URL.RawQuery != "" && offset >= len(log) {
			testkit.Respond(http.StatusRequestedRangeNotSatisfiable, "")(w, r)
			return
		}
		testkit.Log(log[offset:min(offset+limit, len(log))])(w, r)
	}
}

// On an old server, a long log is requested rarely, also while its end is in doubt; a log
// that has become short is requested often.
func TestFollowLogOfOldServersInDoubt(t *testing.T) {
	const megabytes = 5
	log := strings.Repeat("0123456\n", megabytes<<17+100)
	for after, pause := range map[string]float64{log[:len(log)-10] + "z\n": megabytes, "": 1} {
		synctest.Test(t, func(t *testing.T) {
			f := newFollowing(gitlabcitest.Job{Status: gitlabci.StatusRunning, Log: log}, gitlabcitest.WithVersion("18.0"))
			var at []time.Time
			f.opts.Poll = func(gitlabci.FollowPoll) {
				switch at = append(at, time.Now()); len(at) {
				case 3:
					f.srv.SetLog(1, after)
				case 10:
					f.srv.SetJobStatus(1, gitlabci.StatusSuccess)
				}
			}
			_, err := f.run(t.Context())
			require.NoError(t, err)
			require.Len(t, f.back, 1)
			for i := 4; i < 10; i++ {
				require.InDelta(t, pause, at[i].Sub(at[i-1]).Seconds(), 0.1)
			}
		})
	}
}

// Lines about changes that follow one another have no empty line between them.
func TestFollowLogChangesTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFollowing(gitlabcitest.Job{Status: gitlabci.StatusRunning, Log: "abc"})
		time.AfterFunc(3*time.Second, func() { f.srv.SetLog(1, "ab") })
		time.AfterFunc(time.Minute, func() { f.srv.SetLog(1, "ax") })
		time.AfterFunc(2*time.Minute, func() { f.srv.SetLog(1, "ay") })
		time.AfterFunc(3*time.Minute, func() { f.srv.SetJobStatus(1, gitlabci.StatusSuccess) })
		_, err := f.run(t.Context())
		require.NoError(t, err)
		require.Equal(t, "abc\n"+changedLine(2)+changedLine(1)+"x\n"+changedLine(1)+"y", f.out.String())
	})
}

// Once the runner has had its last word, the next poll is the last.
func TestFollowLogEndsAtTheVerdict(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFollowing(gitlabcitest.Job{Status: gitlabci.StatusRunning})
		begun := time.Now()
		for second := range 60 {
			time.AfterFunc(time.Duration(second)*time.Second+time.Millisecond, func() { f.srv.AppendLog(1, "line\n") })
		}
		time.AfterFunc(time.Minute+time.Millisecond, func() {
			f.srv.AppendLog(1, "Job succeeded\n")
			f.srv.SetJobStatus(1, gitlabci.StatusSuccess)
		})
		_, err := f.run(t.Context())
		require.NoError(t, err)
		require.Equal(t, 62*time.Second, time.Since(begun), "one poll has the verdict, the next the job's")
	})
}

// unframed is a step: a log that ends where the connection ends.
func unframed(log string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		conn, buffer, err := w.(http.Hijacker).Hijack()
		if err != nil {
			panic(err)
		}
		defer conn.Close()
		fmt.Fprintf(buffer, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n%s", log)
		buffer.Flush()
	}
}

// A log that ends where the connection ends may have been cut, and is not complete before
// something proves it: its verdict, or its size.
func TestFollowLogCutWithoutLength(t *testing.T) {
	const started = `"started_at":"2026-01-01T00:00:00Z","finished_at":"1999-01-01T00:00:00Z"`
	plain, whole := testkit.NumberedLines(100), testkit.NumberedLines(100)+"\x1b[0KJob succeeded\n"
	for name, test := range map[string]struct {
		log, artifacts string
		sent           int // bytes
		framed         bool
		cut            bool
	}{
		"with the verdict":        {whole, `[]`, len(whole), false, false},
		"of the archived size":    {plain, fmt.Sprintf(`[{"file_type":"trace","size":%d}]`, len(plain)), len(plain), false, false},
		"without proof":           {plain, `[]`, len(plain), false, true},
		"cut":                     {whole, `[]`, 600, false, true},
		"shorter than archived":   {plain, fmt.Sprintf(`[{"file_type":"trace","size":%d}]`, len(plain)), 600, false, true},
		"with frames":             {plain, `[]`, len(plain), true, false},
		"framed, and shorter too": {plain, fmt.Sprintf(`[{"file_type":"trace","size":%d}]`, len(plain)), 600, true, true},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := testkit.NewScript(func(w http.ResponseWriter, r *http.Request) {
				switch {
				case !strings.HasSuffix(r.URL.Path, "trace"):
					testkit.Respond(200, `{"id":7,"status":"failed",`+started+`,"artifacts":`+test.artifacts+`}`)(w, r)
				case test.framed:
					testkit.Log(test.log[:test.sent])(w, r)
				default:
					unframed(test.log[:test.sent])(w, r)
				}
			})
			var out strings.Builder
			_, err := s.Client(t).Jobs.FollowLog(t.Context(), "group/app", 7, &out, nil)
			require.Equal(t, test.log[:test.sent], out.String(), name)
			if test.cut {
				require.ErrorIs(t, err, io.ErrUnexpectedEOF, name)
				return
			}
			require.NoError(t, err, name)
		})
	}
	// A log that is complete the next time is complete.
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		s := testkit.NewScript(func(w http.ResponseWriter, r *http.Request) {
			if !strings.HasSuffix(r.URL.Path, "trace") {
				testkit.Respond(200, `{"id":7,"status":"failed",`+started+`}`)(w, r)
				return
			}
			asked++
			unframed(whole[:min(asked*600, len(whole))])(w, r)
		})
		var out strings.Builder
		_, err := s.Client(t).Jobs.FollowLog(t.Context(), "group/app", 7, &out, nil)
		require.NoError(t, err)
		require.Equal(t, whole, out.String())
	})
}
