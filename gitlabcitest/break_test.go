package gitlabcitest_test

import (
	"context"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
)

// An outcome is what a plain client sees of a request.
type outcome struct {
	status int
	length int64           // as announced
	body   string          // as far as it came
	took   []time.Duration // from the start: the header, and each part of the body
	err    error
}

// create asks for a pipeline with a plain http.Client.
func create(ctx context.Context, t *testing.T, transport http.RoundTripper, base, token string) (o outcome) {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, base+"/api/v4/projects/1/pipeline", strings.NewReader(`{"ref":"main"}`))
	require.NoError(t, err)
	req.Header.Set("Private-Token", token)
	req.Header.Set("Content-Type", "application/json")
	start := time.Now()
	resp, err := (&http.Client{Transport: transport}).Do(req)
	o.took = append(o.took, time.Since(start))
	if err != nil {
		o.err = err
		return o
	}
	defer resp.Body.Close()
	o.status, o.length = resp.StatusCode, resp.ContentLength
	buffer := make([]byte, 1<<16)
	for o.err == nil {
		var n int
		n, o.err = resp.Body.Read(buffer)
		o.body += string(buffer[:n])
		if n > 0 {
			o.took = append(o.took, time.Since(start))
		}
	}
	if o.err == io.EOF {
		o.err = nil
	}
	return o
}

func createInMemory(t *testing.T, srv *gitlabcitest.Server) outcome {
	t.Helper()
	return create(t.Context(), t, srv.Transport(), gitlabcitest.URL, srv.Token())
}

func TestBreaks(t *testing.T) {
	const digits, minute = "0123456789", time.Minute
	tests := map[string]struct {
		fault gitlabcitest.Fault
		want  outcome
	}{
		"ResetUnread":     {gitlabcitest.Fault{Break: gitlabcitest.BreakResetUnread}, outcome{took: []time.Duration{0}, err: io.EOF}},
		"ResetUnanswered": {gitlabcitest.Fault{Break: gitlabcitest.BreakResetUnanswered}, outcome{took: []time.Duration{0}, err: io.EOF}},
		"ResetBody": {
			gitlabcitest.Fault{Status: 201, Body: digits, Break: gitlabcitest.BreakResetBody, After: 4},
			outcome{201, 10, "0123", []time.Duration{0, 0}, io.ErrUnexpectedEOF},
		},
		"ResetBody at once": {
			gitlabcitest.Fault{Status: 201, Body: digits, Break: gitlabcitest.BreakResetBody},
			outcome{201, 10, "", []time.Duration{0}, io.ErrUnexpectedEOF},
		},
		"ResetBody after the end": {
			gitlabcitest.Fault{Status: 201, Body: digits, Break: gitlabcitest.BreakResetBody, After: 10},
			outcome{201, 10, digits, []time.Duration{0, 0}, nil},
		},
		"Truncate": {
			gitlabcitest.Fault{Status: 201, Body: digits, Break: gitlabcitest.BreakTruncate, After: 9},
			outcome{201, 9, "012345678", []time.Duration{0, 0}, nil},
		},
		"Truncate to nothing": {
			gitlabcitest.Fault{Status: 201, Body: digits, Break: gitlabcitest.BreakTruncate},
			outcome{201, 0, "", []time.Duration{0}, nil},
		},
		"Truncate after the end": {
			gitlabcitest.Fault{Status: 201, Body: digits, Break: gitlabcitest.BreakTruncate, After: 11},
			outcome{201, 10, digits, []time.Duration{0, 0}, nil},
		},
		"Stall": {
			gitlabcitest.Fault{Status: 201, Body: digits, Break: gitlabcitest.BreakStall, After: 4, Delay: minute},
			outcome{201, 10, digits, []time.Duration{0, 0, minute}, nil},
		},
		"Stall after the header": {
			gitlabcitest.Fault{Status: 201, Body: digits, Break: gitlabcitest.BreakStall, Delay: minute},
			outcome{201, 10, digits, []time.Duration{0, minute}, nil},
		},
		"StallHeader": {
			gitlabcitest.Fault{Status: 201, Body: digits, Break: gitlabcitest.BreakStallHeader, Delay: minute},
			outcome{201, 10, digits, []time.Duration{minute, minute}, nil},
		},
		"Drip": {
			gitlabcitest.Fault{Status: 201, Body: "012", Break: gitlabcitest.BreakDrip, Delay: minute},
			outcome{201, 3, "012", []time.Duration{0, 0, minute, 2 * minute}, nil},
		},
		"Drip of pieces": {
			gitlabcitest.Fault{Status: 201, Body: digits, Break: gitlabcitest.BreakDrip, After: 1, Piece: 4, Delay: minute},
			outcome{201, 10, digits, []time.Duration{0, 0, minute, 2 * minute, 3 * minute}, nil},
		},
		"Drip of one large piece": {
			gitlabcitest.Fault{Status: 201, Body: digits, Break: gitlabcitest.BreakDrip, Piece: 40, Delay: minute},
			outcome{201, 10, digits, []time.Duration{0, 0}, nil},
		},
		"Drip at once": {
			gitlabcitest.Fault{Status: 201, Body: "012", Break: gitlabcitest.BreakDrip},
			outcome{201, 3, "012", []time.Duration{0, 0, 0, 0}, nil},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := gitlabcitest.NewServer()
				srv.Fault(test.fault)
				got := createInMemory(t, srv)
				require.ErrorIs(t, got.err, test.want.err)
				got.err = test.want.err
				require.Equal(t, test.want, got)

				came := srv.Requests()
				require.Len(t, came, 1)
				require.Equal(t, test.fault.Status, came[0].Status)
				require.True(t, came[0].Fault)
				require.False(t, came[0].Executed)
			})
		})
	}
}

// TestBreaksOfOwnResponses is about requests that are carried out whose responses
// get lost.
func TestBreaksOfOwnResponses(t *testing.T) {
	tests := map[string]struct {
		fault  gitlabcitest.Fault
		status int // of the response that is lost
		err    error
		kept   bool // whether the response arrives after all
	}{
		"ResetUnanswered": {gitlabcitest.Fault{Break: gitlabcitest.BreakResetUnanswered, Executed: true}, 0, io.EOF, false},
		"ResetBody":       {gitlabcitest.Fault{Break: gitlabcitest.BreakResetBody, After: 9}, 201, io.ErrUnexpectedEOF, false},
		"Truncate":        {gitlabcitest.Fault{Break: gitlabcitest.BreakTruncate, After: 9}, 201, nil, false},
		"Stall":           {gitlabcitest.Fault{Break: gitlabcitest.BreakStall, After: 9}, 201, context.DeadlineExceeded, false},
		"StallHeader":     {gitlabcitest.Fault{Break: gitlabcitest.BreakStallHeader}, 201, context.DeadlineExceeded, false},
		"Drip":            {gitlabcitest.Fault{Break: gitlabcitest.BreakDrip, Delay: time.Minute}, 201, context.DeadlineExceeded, false},
		"a page instead":  {gitlabcitest.Fault{Status: 502, Executed: true}, 502, nil, false},
		"a page that stalls": {
			gitlabcitest.Fault{Status: 502, Executed: true, Break: gitlabcitest.BreakStall}, 502, context.DeadlineExceeded, false,
		},
		"a short Stall":       {gitlabcitest.Fault{Break: gitlabcitest.BreakStall, Delay: time.Minute}, 201, nil, true},
		"a short StallHeader": {gitlabcitest.Fault{Break: gitlabcitest.BreakStallHeader, Delay: time.Minute}, 201, nil, true},
		"a quick Drip":        {gitlabcitest.Fault{Break: gitlabcitest.BreakDrip}, 201, nil, true},
		"a header more":       {gitlabcitest.Fault{Header: http.Header{"X-More": {"1"}}}, 201, nil, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := gitlabcitest.NewServer()
				test.fault.Times = 1
				srv.Fault(test.fault)
				ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
				defer cancel()
				got := create(ctx, t, srv.Transport(), gitlabcitest.URL, srv.Token())
				require.ErrorIs(t, got.err, test.err)
				if test.err == nil {
					require.Equal(t, test.kept, strings.HasPrefix(got.body, `{"id":101,`) && strings.HasSuffix(got.body, "}"), got.body)
				}
				require.Equal(t, test.status, srv.Requests()[0].Status)
				require.True(t, srv.Requests()[0].Executed)
				require.Equal(t, []int{101}, get(t, srv, "/projects/1/pipelines").ids(t))
			})
		})
	}
}

func TestBreaksBeforeExecution(t *testing.T) {
	for _, f := range []gitlabcitest.Fault{
		{Break: gitlabcitest.BreakResetUnread},
		{Break: gitlabcitest.BreakResetUnanswered},
		{Break: gitlabcitest.BreakStallHeader, Status: 502, Delay: time.Hour},
	} {
		synctest.Test(t, func(t *testing.T) {
			srv := gitlabcitest.NewServer()
			f.Route = createRoute
			srv.Fault(f)
			createInMemory(t, srv)
			require.Empty(t, get(t, srv, "/projects/1/pipelines").list(t), f.Break)
			require.Equal(t, f.Break != gitlabcitest.BreakResetUnread, len(srv.Requests()[0].Body) > 0, f.Break)
		})
	}
}

// TestBreaksAsTheClientReportsThem is about how package gitlabci handles each.
func TestBreaksAsTheClientReportsThem(t *testing.T) {
	tests := map[string]struct {
		fault   gitlabcitest.Fault
		err     error // of a create
		created int
		took    time.Duration
	}{
		"ResetUnread":     {gitlabcitest.Fault{Break: gitlabcitest.BreakResetUnread}, gitlabci.ErrOutcomeUnknown, 0, 0},
		"ResetUnanswered": {gitlabcitest.Fault{Break: gitlabcitest.BreakResetUnanswered, Executed: true}, gitlabci.ErrOutcomeUnknown, 1, 0},
		"ResetBody":       {gitlabcitest.Fault{Break: gitlabcitest.BreakResetBody, After: 9}, gitlabci.ErrOutcomeUnknown, 1, 0},
		"Truncate":        {gitlabcitest.Fault{Break: gitlabcitest.BreakTruncate, After: 9}, gitlabci.ErrOutcomeUnknown, 1, 0},
		"Stall":           {gitlabcitest.Fault{Break: gitlabcitest.BreakStall, After: 9}, gitlabci.ErrStalled, 1, time.Minute},
		"StallHeader":     {gitlabcitest.Fault{Break: gitlabcitest.BreakStallHeader}, gitlabci.ErrStalled, 1, 2 * time.Minute},
		"Drip":            {gitlabcitest.Fault{Break: gitlabcitest.BreakDrip, After: 1, Piece: 1 << 20, Delay: time.Second}, nil, 1, time.Second},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := gitlabcitest.NewServer()
				client, start := srv.Client(), time.Now()
				test.fault.Times, test.fault.Route = 1, createRoute
				srv.Fault(test.fault)
				_, err := client.Pipelines.Create(t.Context(), "group/app", "main", nil)
				require.ErrorIs(t, err, test.err)
				require.Equal(t, test.took, time.Since(start))
				require.Len(t, srv.Requests(), 1, "it is not sent again")

				test.fault.Route, test.fault.Executed = "GET /projects/:id/pipelines", false
				srv.Fault(test.fault)
				page, err := client.Pipelines.List(t.Context(), "group/app", nil)
				if test.fault.Break == gitlabcitest.BreakTruncate && test.created > 0 {
					require.Error(t, err, "what arrived is not JSON")
					return
				}
				require.NoError(t, err)
				require.Len(t, page.Items, test.created)
			})
		})
	}
}

// TestHeadCannotBreak: there is no body, and the next request on the connection
// would wait for ever.
func TestHeadCannotBreak(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := many(20)
		length := len(get(t, srv, "/projects/1/pipelines").body)
		for _, b := range []gitlabcitest.Break{gitlabcitest.BreakResetBody, gitlabcitest.BreakTruncate, gitlabcitest.BreakStall, gitlabcitest.BreakDrip} {
			srv.Fault(gitlabcitest.Fault{Break: b, Times: 1})
			head := send(t, srv, http.MethodHead, "/projects/1/pipelines", "")
			require.Equal(t, strconv.Itoa(length), head.header.Get("Content-Length"), b)
		}
		srv.Fault(gitlabcitest.Fault{Break: gitlabcitest.BreakStall, Times: 1})
		require.Equal(t, 204, send(t, srv, http.MethodDelete, "/projects/1/pipelines/1", "").status, "without a body, too")
	})
}

func TestOthersAreServedMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := gitlabcitest.NewServer()
		srv.Fault(gitlabcitest.Fault{Break: gitlabcitest.BreakStall, After: 1, Delay: time.Hour, Times: 1})
		srv.Fault(gitlabcitest.Fault{Break: gitlabcitest.BreakStallHeader, Delay: time.Hour, Times: 1})
		start := time.Now()
		done := make(chan outcome, 2)
		for range cap(done) {
			go func() { done <- createInMemory(t, srv) }()
		}
		synctest.Wait()
		require.Len(t, get(t, srv, "/projects/1/pipelines").list(t), 2)
		require.Zero(t, time.Since(start))
		for range cap(done) {
			require.Equal(t, 201, (<-done).status)
		}
		require.Equal(t, time.Hour, time.Since(start))
	})
}

func TestCloseEndsStalls(t *testing.T) {
	for _, b := range []gitlabcitest.Break{gitlabcitest.BreakStall, gitlabcitest.BreakStallHeader, gitlabcitest.BreakDrip} {
		synctest.Test(t, func(t *testing.T) {
			srv := gitlabcitest.NewServer()
			f := gitlabcitest.Fault{Break: b, Times: 1}
			if b == gitlabcitest.BreakDrip {
				f.Delay = time.Hour
			}
			srv.Fault(f)
			time.AfterFunc(time.Minute, srv.Close)
			start := time.Now()
			require.Error(t, createInMemory(t, srv).err, b)
			require.Equal(t, time.Minute, time.Since(start), b)
			require.Equal(t, 201, createInMemory(t, srv).status, "in memory it goes on")
		})
	}
}

func TestResetsOnSockets(t *testing.T) {
	srv := gitlabcitest.NewServer()
	base, err := srv.Start()
	require.NoError(t, err)
	defer srv.Close()
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	for _, f := range []gitlabcitest.Fault{
		{Break: gitlabcitest.BreakResetUnread},
		{Break: gitlabcitest.BreakResetUnanswered},
		{Break: gitlabcitest.BreakResetBody, After: 9},
	} {
		f.Times = 1
		srv.Fault(f)
		got := create(t.Context(), t, transport, base, srv.Token())
		require.ErrorIs(t, got.err, syscall.ECONNRESET, f.Break)
		require.True(t, strings.HasPrefix(`{"id":101,`, got.body), got.body)
	}
	srv.Fault(gitlabcitest.Fault{Break: gitlabcitest.BreakStall, After: 9, Times: 1})
	stalled := make(chan outcome)
	go func() { stalled <- create(t.Context(), t, transport, base, srv.Token()) }()
	require.Eventually(t, func() bool { return len(srv.Requests()) == 4 }, 10*time.Second, time.Millisecond)
	srv.Close()
	require.Error(t, (<-stalled).err)
}

// TestResetsElsewhere is about servers that are not ours around the handler.
func TestResetsElsewhere(t *testing.T) {
	for _, version := range []int{1, 2} {
		srv := gitlabcitest.NewServer()
		var complaints strings.Builder
		other := httptest.NewUnstartedServer(srv)
		other.EnableHTTP2 = version == 2
		other.Config.ErrorLog = log.New(&complaints, "", 0)
		other.StartTLS()
		for _, f := range []gitlabcitest.Fault{
			{Break: gitlabcitest.BreakResetUnread},
			{Break: gitlabcitest.BreakResetUnanswered},
			{Break: gitlabcitest.BreakResetBody, After: 9},
		} {
			f.Times = 1
			srv.Fault(f)
			got := create(t.Context(), t, other.Client().Transport, other.URL, srv.Token())
			require.Error(t, got.err, f.Break)
			if version == 1 {
				require.ErrorIs(t, got.err, syscall.ECONNRESET, f.Break)
			}
			require.Equal(t, f.Break == gitlabcitest.BreakResetBody && got.body != "", got.body != "", f.Break)
		}
		got := create(t.Context(), t, other.Client().Transport, other.URL, srv.Token())
		require.NoError(t, got.err)
		require.Equal(t, 201, got.status)
		other.Close()
		require.Empty(t, complaints.String())
	}
}

func TestResetWithoutConnection(t *testing.T) {
	srv := gitlabcitest.NewServer()
	srv.Fault(gitlabcitest.Fault{Break: gitlabcitest.BreakResetUnread})
	require.PanicsWithValue(t, http.ErrAbortHandler, func() {
		srv.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/api/v4/pipelines", nil))
	})
	require.Len(t, srv.Requests(), 1)
}

// A file announces its length by itself, which a truncated one must not.
func TestTruncatedFiles(t *testing.T) {
	disk, store := built(), storageServer(gitlabcitest.Storage{})
	for path, srv := range map[string]*gitlabcitest.Server{
		byID:                                     disk,
		byID + "/report.json":                    disk,
		byID + "?download_mode=proxy":            store,
		location(t, store, http.MethodGet, byID): store,
	} {
		name, _, _ := strings.Cut(path, "?")
		t.Run(name, func(t *testing.T) {
			srv.Fault(gitlabcitest.Fault{Break: gitlabcitest.BreakTruncate, After: 5, Times: 1})
			var r reply // with a body that was read without an error
			if strings.HasPrefix(path, gitlabcitest.StorageURL) {
				r = fetch(t, srv, http.MethodGet, path)
			} else {
				r = get(t, srv, path)
			}
			require.Equal(t, 200, r.status)
			require.Len(t, r.body, 5)
			require.Equal(t, "5", r.header.Get("Content-Length"))
		})
	}
}
