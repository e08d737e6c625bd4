package follow

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci/internal/rest"
)

// A script is a server whose job finishes after a minute. Its functions replace what
// they are named for.
type script struct {
	begun  time.Time
	log    func(ran time.Duration) string
	whole  bool // it does not know byte_offset
	ranges bool // it knows Range
	open   func(query url.Values, header http.Header) (*rest.Response, error)
	job    func(ran time.Duration) (Job, error)

	requests []string
	jobs     int
}

var (
	errFinal   = errors.New("no such job")
	errPassing = errors.New("back soon")
	errPastEnd = errors.New("416")
	errLimited = errors.New("come back in 7 seconds")
)

func (s *script) Explain(err error) Failure {
	switch {
	case errors.Is(err, errFinal):
		return Failure{Final: true}
	case errors.Is(err, errPastEnd):
		return Failure{Status: http.StatusRequestedRangeNotSatisfiable, Met: true}
	case errors.Is(err, errLimited):
		return Failure{Wait: 7 * time.Second, Met: true}
	}
	return Failure{Met: true}
}

func (s *script) Job(context.Context) (Job, error) {
	s.jobs++
	ran := time.Since(s.begun)
	if s.job != nil {
		return s.job(ran)
	}
	return Job{Begun: true, Finished: ran >= time.Minute, Ago: ran - time.Minute, Archived: -1}, nil
}

func (s *script) Open(_ context.Context, query url.Values, header http.Header) (*rest.Response, error) {
	s.requests = append(s.requests, strings.TrimSpace(query.Encode()+" "+header.Get("Range")))
	if s.open != nil {
		return s.open(query, header)
	}
	log := s.log(time.Since(s.begun))
	from, limit, status := 0, len(log), http.StatusOK
	if !s.whole {
		fmt.Sscan(query.Get("byte_offset"), &from)
		fmt.Sscan(query.Get("byte_limit"), &limit)
	}
	if n, _ := fmt.Sscanf(header.Get("Range"), "bytes=%d-", &from); n == 1 && s.ranges {
		status = http.StatusPartialContent
	} else if n == 1 {
		from = 0
	}
	if from > len(log) {
		return nil, errPastEnd
	}
	log = log[from:]
	return response(status, log[:min(limit, len(log))], "Content-Range", fmt.Sprintf("bytes %d-9/9", from)), nil
}

func response(status int, body string, header ...string) *rest.Response {
	resp := &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}
	for i := 0; i < len(header); i += 2 {
		resp.Header.Set(header[i], header[i+1])
	}
	return &rest.Response{Response: resp, From: "GET /trace"}
}

// standard are options as the public ones have them by default.
func standard() Options {
	return Options{Name: "the log of job 7", MinInterval: time.Second, MaxInterval: 10 * time.Second, Linger: 30 * time.Second, GiveUpAfter: 10 * time.Minute}
}

// following follows a script's log, under a clock of its own.
func following(t *testing.T, s *script, o Options, verify func(out string, polls []Poll, err error)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s.begun = time.Now()
		var out strings.Builder
		var polls []Poll
		o.Poll = func(p Poll) { polls = append(polls, p) }
		ctx, cancel := context.WithTimeout(t.Context(), 24*time.Hour)
		defer cancel()
		err := Log(ctx, s, &out, o)
		verify(out.String(), polls, err)
	})
}

// lines are a log of at most 10,000 lines of 12 bytes.
func lines(n int) string { return numbered()[:12*n] }

var numbered = sync.OnceValue(func() string {
	var text strings.Builder
	for i := range 10_000 {
		fmt.Fprintf(&text, "line %06d\n", i)
	}
	return text.String()
})

// growing is a log that has more lines each second.
func growing(ran time.Duration) string { return lines(int(min(ran, time.Minute)/time.Second) * 100) }

func TestLogIsCopiedOnce(t *testing.T) {
	for name, test := range map[string]struct {
		server script
		want   []string // the first requests
	}{
		"byte offsets": {script{}, []string{"", "byte_limit=1&byte_offset=0", "byte_limit=2399&byte_offset=1376", "byte_limit=3599&byte_offset=2576"}},
		"whole logs":   {script{whole: true}, []string{"", "byte_limit=1&byte_offset=0", "bytes=2576-", ""}},
		"ranges":       {script{whole: true, ranges: true}, []string{"", "byte_limit=1&byte_offset=0", "bytes=2576-", "bytes=3776-"}},
	} {
		t.Run(name, func(t *testing.T) {
			test.server.log = growing
			following(t, &test.server, standard(), func(out string, polls []Poll, err error) {
				require.NoError(t, err)
				require.Equal(t, growing(time.Minute), out)
				require.Equal(t, int64(len(out)), polls[len(polls)-1].Offset)
				require.Subset(t, test.server.requests, test.want)
			})
		})
	}
}

// A log that is rewritten is copied again from where it differs, after a line that
// says so.
func TestLogIsRewritten(t *testing.T) {
	before := lines(1000)
	for name, test := range map[string]struct {
		after string
		from  int
	}{
		"another end":          {before[:len(before)-200] + "other\n", len(before) - 200},
		"less than before":     {before[:len(before)-200], len(before) - 200},
		"erased":               {"", 0},
		"different throughout": {strings.ToUpper(before), 0},
	} {
		for _, whole := range []bool{false, true} {
			t.Run(fmt.Sprint(name, ", whole ", whole), func(t *testing.T) {
				s := &script{whole: whole, log: func(ran time.Duration) string {
					if ran < 5*time.Second {
						return before
					}
					return test.after
				}}
				o, back := standard(), []int64{}
				o.Rewritten = func(from int64) { back = append(back, from) }
				following(t, s, o, func(out string, _ []Poll, err error) {
					require.NoError(t, err)
					require.Equal(t, []int64{int64(test.from)}, back)
					line := fmt.Sprintf("[log rewritten by the server; continuing from byte %d]\n", test.from)
					require.Equal(t, before+line+test.after[test.from:], out)
				})
			})
		}
	}
}

// A response that was cut off, or is not a log, does not make a log a rewritten one.
func TestLogIsNotRewrittenByBadResponses(t *testing.T) {
	for name, body := range map[string]string{"empty": "", "short": "line", "other": strings.Repeat("no ", 2000)} {
		t.Run(name, func(t *testing.T) {
			s := &script{log: growing}
			wrong := 7
			s.open = func(query url.Values, header http.Header) (*rest.Response, error) {
				if time.Since(s.begun) > 20*time.Second && wrong > 0 {
					wrong--
					return response(http.StatusOK, body), nil
				}
				open := s.open
				defer func() { s.open = open }()
				s.open = nil
				return s.Open(t.Context(), query, header)
			}
			o := standard()
			o.Rewritten = func(int64) { t.Error("it was not") }
			following(t, s, o, func(out string, _ []Poll, err error) {
				require.NoError(t, err)
				require.Zero(t, wrong)
				require.Equal(t, growing(time.Minute), out)
			})
		})
	}
}

func TestLogEnds(t *testing.T) {
	at := func(j Job) func(time.Duration) (Job, error) {
		return func(time.Duration) (Job, error) { return j, nil }
	}
	for name, test := range map[string]struct {
		job  func(time.Duration) (Job, error)
		log  string
		took time.Duration
	}{
		"with the runner's verdict":        {at(Job{Begun: true, Finished: true, Archived: -1}), "Job succeeded\n", 0},
		"with a colored verdict":           {at(Job{Begun: true, Finished: true, Archived: -1}), "\x1b[31;1mERROR: Job failed: exit code 1\n\x1b[0;m", 0},
		"with a stamped verdict":           {at(Job{Begun: true, Finished: true, Archived: -1}), "2026-01-01T00:00:00.000000Z 00O Job succeeded\n", 0},
		"with the archived size":           {at(Job{Begun: true, Finished: true, Archived: 3}), "end", 0},
		"with nothing archived":            {at(Job{Begun: true, Finished: true, Archived: 0}), "", 0},
		"when it was never begun":          {at(Job{Finished: true, Archived: -1}), "", 0},
		"when it was erased":               {at(Job{Begun: true, Finished: true, Logless: true, Archived: -1}), "", 0},
		"long after the job":               {at(Job{Begun: true, Finished: true, Ago: time.Hour, Archived: -1}), "", 0},
		"whatever the job's clock says":    {at(Job{Begun: true, Finished: true, Ago: -24 * time.Hour, Archived: -1}), "end", 7 * time.Second},
		"when the job's log stops growing": {at(Job{Begun: true, Finished: true, Ago: time.Hour, Archived: -1}), "end", time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			following(t, &script{job: test.job, log: func(time.Duration) string { return test.log }}, standard(), func(out string, polls []Poll, err error) {
				require.NoError(t, err)
				require.Equal(t, test.log, out)
				require.Len(t, polls, 1+int(test.took/time.Second))
			})
		})
	}
}

// A log without a length may have been cut short. That is an error only if a log is expected,
// and only once it grows no more.
func TestLogWithoutALength(t *testing.T) {
	for name, test := range map[string]struct {
		log     string
		logless bool
	}{"it grew": {"end", false}, "none is expected": {"", true}} {
		t.Run(name, func(t *testing.T) {
			s := &script{job: func(time.Duration) (Job, error) {
				return Job{Begun: true, Finished: true, Logless: test.logless, Ago: time.Hour, Archived: -1}, nil
			}}
			s.open = func(url.Values, http.Header) (*rest.Response, error) {
				resp := response(http.StatusOK, test.log)
				resp.ContentLength, resp.ProtoMajor = -1, 1
				return resp, nil
			}
			following(t, s, standard(), func(_ string, polls []Poll, err error) {
				if test.logless {
					require.NoError(t, err)
					require.Len(t, polls, 1)
					return
				}
				require.ErrorIs(t, err, io.ErrUnexpectedEOF)
				require.NoError(t, polls[0].Err)
				require.ErrorIs(t, polls[1].Err, io.ErrUnexpectedEOF)
			})
		})
	}
}

// Where each poll downloads the whole log, a long log is polled less often.
func TestLongLogsArePolledLessOften(t *testing.T) {
	for name, test := range map[string]struct {
		whole bool
		polls int
	}{"whole": {true, 14}, "by offsets": {false, 63}} {
		t.Run(name, func(t *testing.T) {
			full := strings.Repeat("x", 5<<20) + growing(time.Minute) + "Job succeeded\n"
			s := &script{whole: test.whole, log: func(ran time.Duration) string {
				if ran < time.Minute {
					return full[:5<<20+len(growing(ran))]
				}
				return full
			}}
			following(t, s, standard(), func(_ string, polls []Poll, err error) {
				require.NoError(t, err)
				require.InDelta(t, test.polls, len(polls), 2)
			})
		})
	}
}

func TestLogFails(t *testing.T) {
	fails := func(err error) func(url.Values, http.Header) (*rest.Response, error) {
		return func(url.Values, http.Header) (*rest.Response, error) { return nil, err }
	}
	sends := func(resp *rest.Response) func(url.Values, http.Header) (*rest.Response, error) {
		return func(url.Values, http.Header) (*rest.Response, error) {
			resp.Body = io.NopCloser(strings.NewReader("text"))
			return resp, nil
		}
	}
	for name, test := range map[string]struct {
		open func(url.Values, http.Header) (*rest.Response, error)
		text string
		took time.Duration
	}{
		"for good":            {fails(errFinal), "no such job", 0},
		"for long":            {fails(errPassing), "back soon (the last of 65 polls that failed within 10m1s)", 10 * time.Minute},
		"with longer waits":   {fails(errLimited), "come back in 7 seconds (the last of", 10 * time.Minute},
		"with pages":          {sends(response(200, "", "Content-Type", "text/html")), "gitlabci: GET /trace: the response has content type \"text/html\": this is a page", 10 * time.Minute},
		"with messages":       {sends(response(200, "", "Content-Type", "application/json")), "gitlabci: GET /trace: the response has content type \"application/json\", not that of the requested file", 10 * time.Minute},
		"with other parts":    {sends(response(206, "", "Content-Range", "bytes 5-8/9")), `the part of the log has the Content-Range "bytes 5-8/9", not from byte 0 on`, 10 * time.Minute},
		"with other statuses": {sends(response(202, "")), "202 Accepted is neither the log nor a part of it", 10 * time.Minute},
		"with packed logs":    {sends(response(200, "", "Content-Encoding", "br")), `the log is compressed by "br" on its way`, 10 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			s := &script{open: test.open, job: func(time.Duration) (Job, error) { return Job{Begun: true, Archived: -1}, nil }}
			following(t, s, standard(), func(out string, polls []Poll, err error) {
				require.ErrorContains(t, err, test.text)
				require.Empty(t, out)
				took := time.Since(s.begun)
				require.GreaterOrEqual(t, took, test.took)
				require.LessOrEqual(t, took, test.took+10*time.Second)
				require.Error(t, polls[len(polls)-1].Err)
			})
		})
	}
}

// Failures with successes between them are not counted together, however long the job runs.
func TestLogOutlivesFailures(t *testing.T) {
	s := &script{log: func(time.Duration) string { return "Job succeeded\n" }}
	s.job = func(ran time.Duration) (Job, error) {
		if s.jobs%3 > 0 {
			return Job{}, errPassing
		}
		return Job{Begun: true, Finished: ran > time.Hour, Archived: -1}, nil
	}
	following(t, s, standard(), func(out string, polls []Poll, err error) {
		require.NoError(t, err)
		require.Equal(t, "Job succeeded\n", out)
		require.Greater(t, len(polls), 100)
	})
}

// The end of the context says what failed before it, if anything did.
func TestLogIsInterrupted(t *testing.T) {
	for name, test := range map[string]struct {
		failure error
		want    string
	}{
		"in a wait":            {nil, "gitlabci: following the log of job 7: context deadline exceeded"},
		"in a wait after":      {errPassing, "gitlabci: following the log of job 7: context deadline exceeded (after: back soon)"},
		"in a request of ours": {context.DeadlineExceeded, "context deadline exceeded"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
				defer cancel()
				s := &script{begun: time.Now(), log: growing, job: func(time.Duration) (Job, error) { return Job{Begun: true, Archived: -1}, test.failure }}
				err := Log(ctx, s, io.Discard, standard())
				require.ErrorIs(t, err, context.DeadlineExceeded)
				require.EqualError(t, err, test.want)
			})
		})
	}
}
