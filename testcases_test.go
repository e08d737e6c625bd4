package gitlabci_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"net/http"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
)

// caseAll is what a range over test cases yields: the cases, and the error at
// its end.
func caseAll(t testing.TB, seq iter.Seq2[*gitlabci.TestCase, error]) (cases []gitlabci.TestCase, end error) {
	t.Helper()
	for test, err := range seq {
		require.NoError(t, end, "the error was not the end")
		if err != nil {
			require.Nil(t, test)
			end = err
			continue
		}
		cases = append(cases, *test)
	}
	return cases, end
}

// caseNames are the suites and names of test cases.
func caseNames(cases []gitlabci.TestCase) (names []string) {
	for _, test := range cases {
		names = append(names, test.SuiteName+"/"+test.Name)
	}
	return names
}

// caseList is what a report says by its suites.
func caseList(report *gitlabci.TestReport) (cases []gitlabci.TestCase) {
	for _, suite := range report.TestSuites {
		for _, test := range suite.TestCases {
			test.SuiteName = suite.Name
			cases = append(cases, test)
		}
	}
	return cases
}

func TestCasesAreThoseOfTheReport(t *testing.T) {
	body := string(goldenFile(t, "pipelines_test_report.json"))
	client := fuzzJSON(body).client(t)
	report, err := client.Pipelines.TestReport(t.Context(), "group/app", 42)
	require.NoError(t, err)
	cases, err := caseAll(t, client.Pipelines.TestCases(t.Context(), "group/app", 42))
	require.NoError(t, err)
	require.NotEmpty(t, cases)
	require.Equal(t, caseList(report), cases)
}

func TestCases(t *testing.T) {
	tests := map[string]struct {
		body string
		want []string // suites and names
		err  string   // at the end
	}{
		"no reports":                {`{"total_count":0,"test_suites":[]}`, nil, ""},
		"nothing":                   {`{}`, nil, "200 OK with unexpected JSON: not the requested object: it has no test_suites"},
		"two suites":                {`{"total_time":1.5,"test_suites":[{"name":"a","total_time":1,"test_cases":[{"name":"1"},{"name":"2"}]},{"name":"b","test_cases":[{"name":"3"}]}],"more":{"test_suites":[1]}}`, []string{"a/1", "a/2", "b/3"}, ""},
		"fields of tomorrow":        {`{"a":[{"name":"x","test_cases":[{"name":"0"}]}],"test_suites":[{"name":"a","b":{"test_cases":[{"name":"0"}]},"test_cases":[{"name":"1","c":{"name":"0"}}]}]}`, []string{"a/1"}, ""},
		"suite that cannot be read": {`{"test_suites":[{"name":"a","suite_error":"no","test_cases":[]},{"name":"b","test_cases":[{"name":"3"}]}]}`, []string{"b/3"}, ""},
		"name after the cases":      {`{"test_suites":[{"name":"a","test_cases":[{"name":"1"}]},{"test_cases":[{"name":"2"}],"name":"b"}]}`, []string{"a/1", "/2"}, ""},
		"names of another type":     {`{"test_suites":[{"name":7,"test_cases":[{"name":true}]},{"name":null,"test_cases":[{"name":"2"}]}]}`, []string{"7/true", "/2"}, ""},
		"cases of another type":     {`{"test_suites":[{"name":"a","test_cases":[1,{"name":"1"},null,[{"name":"2"}]]},{"test_cases":{"name":"3"}},7,[[]],{"test_cases":null}]}`, []string{"a/1"}, ""},
		"suites of another type":    {`{"test_suites":{"name":"a","test_cases":[{"name":"1"}]}}`, nil, "not the requested object: it has no test_suites"},
		"not UTF-8":                 {"{\"test_suites\":[{\"name\":\"\xff\",\"test_cases\":[{\"name\":\"\\ud800\"}]}]}", []string{"\uFFFD/\uFFFD"}, ""},
		"names twice":               {`{"test_suites":[{"name":"a","name":"b","test_cases":[{"name":"1","name":"2"}]}],"test_suites":[]}`, []string{"b/2"}, ""},
		"a list":                    {`[]`, nil, "gitlabci: GET /projects/group%2Fapp/pipelines/42/test_report: 200 OK with JSON that is not GitLab's: the answer is not a JSON object"},
		"empty":                     {``, nil, "not a JSON object"},
		"not JSON":                  {`oops`, nil, "not a JSON object"},
		"more after the end":        {`{"test_suites":[{"name":"a","test_cases":[{"name":"1"}]}]}]`, []string{"a/1"}, "after 1 test cases: jsontext: "},
		"another after the end":     {`{"test_suites":[]}{"test_suites":[]}`, nil, "after 0 test cases: the response has more data after its end"},
		"cut off":                   {`{"test_suites":[{"name":"a","test_cases":[{"name":"1"},{"name":"2"`, []string{"a/1"}, "after 1 test cases: jsontext: unexpected EOF"},
		"cut off between suites":    {`{"test_suites":[{"name":"a","test_cases":[{"name":"1"}]}`, []string{"a/1"}, "after 1 test cases: jsontext: unexpected EOF"},
		"broken within a suite":     {`{"test_suites":[{"name":"a","test_cases":[{"name":"1"}],"name" 7}]}`, []string{"a/1"}, "after 1 test cases: jsontext: "},
		"broken within a case":      {`{"test_suites":[{"name":"a","test_cases":[{"name":"1"},{"name":}]}]}`, []string{"a/1"}, "after 1 test cases: jsontext: "},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			cases, err := caseAll(t, fuzzJSON(test.body).client(t).Pipelines.TestCases(t.Context(), "group/app", 42))
			require.Equal(t, test.want, caseNames(cases))
			if test.err == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, test.err)
			require.Regexp(t, "^gitlabci: GET /projects/group%2Fapp/pipelines/42/test_report: ", err.Error())
		})
	}
}

// A page in place of a report is told by its title.
func TestCasesOfAPage(t *testing.T) {
	for _, gap := range []int{0, 10_000} {
		s := fuzzJSON("<html>" + strings.Repeat(" ", gap) + "<title>Sign in</title>")
		s.header.Set("Content-Type", "text/html")
		_, err := caseAll(t, s.client(t).Pipelines.TestCases(t.Context(), "group/app", 42))
		require.ErrorContains(t, err, `200 OK with content type "text/html", not JSON: Sign in`)
	}
}

// Test cases that are left out are logged once, with their count and the index
// of the first.
func TestCasesLeftOut(t *testing.T) {
	var log bytes.Buffer
	s := newScript(answer(http.StatusOK, `{"test_suites":[{"test_cases":[{},7]},{"test_cases":[null,{},[]]}]}`))
	client := s.client(t, gitlabci.WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
	cases, err := caseAll(t, client.Pipelines.TestCases(t.Context(), "group/app", 42))
	require.NoError(t, err)
	require.Len(t, cases, 2)
	require.Contains(t, log.String(), `msg="gitlabci: test cases are not objects and are left out" endpoint=/projects/:id/pipelines/:pipeline_id/test_report count=3 first_index=1`)
	require.Equal(t, 1, strings.Count(log.String(), "level=WARN"))
}

// The first case is there before the second one was sent, nothing is asked for
// before the loop, and each loop asks anew.
func TestCasesArriveOneByOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScript(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			io.WriteString(w, `{"test_suites":[{"name":"a","test_cases":[{"name":"1"}`)
			w.(http.Flusher).Flush()
			time.Sleep(30 * time.Second)
			io.WriteString(w, `,{"name":"2"}]}]}`)
		})
		seq := s.client(t).Pipelines.TestCases(t.Context(), "group/app", 42)
		require.Empty(t, s.received())
		for range 2 {
			start, arrived := time.Now(), []time.Duration{}
			for _, err := range seq {
				require.NoError(t, err)
				arrived = append(arrived, time.Since(start))
			}
			require.Equal(t, []time.Duration{0, 30 * time.Second}, arrived)
		}
		require.Len(t, s.received(), 2)
	})
}

func TestCasesFail(t *testing.T) {
	const first = `{"test_suites":[{"name":"a","test_cases":[{"name":"1"},`
	begin := func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", "1000")
		io.WriteString(w, first)
		w.(http.Flusher).Flush()
	}
	tests := map[string]struct {
		step  http.HandlerFunc
		names []string
		is    error
		text  string
	}{
		"no pipeline": {answer(http.StatusNotFound, `{"message":"404 Not found"}`), nil, gitlabci.ErrNotFound, "404 Not Found"},
		"reset":       {func(w http.ResponseWriter, _ *http.Request) { begin(w); panic(http.ErrAbortHandler) }, []string{"a/1"}, io.ErrUnexpectedEOF, "after 1 test cases: unexpected EOF"},
		"stall":       {func(w http.ResponseWriter, r *http.Request) { begin(w); <-r.Context().Done() }, []string{"a/1"}, gitlabci.ErrStalled, "after 1 test cases: gitlabci: the server fell silent: nothing more of the body within 1m0s"},
		"reset before it begins": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}, nil, io.ErrUnexpectedEOF, "after 0 test cases: unexpected EOF"},
		"reset at first": {breakOff, nil, io.ErrUnexpectedEOF, "after 0 test cases: unexpected EOF"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cases, err := caseAll(t, newScript(test.step).client(t).Pipelines.TestCases(t.Context(), "group/app", 42))
				require.Equal(t, test.names, caseNames(cases))
				require.ErrorIs(t, err, test.is)
				require.ErrorContains(t, err, test.text)
			})
		})
	}
	t.Run("after another try", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := newScript(answer(http.StatusBadGateway, ``), reset, answer(http.StatusOK, `{"test_suites":[{"test_cases":[{"name":"1"}]}]}`))
			cases, err := caseAll(t, s.client(t).Pipelines.TestCases(t.Context(), "group/app", 42))
			require.NoError(t, err)
			require.Len(t, cases, 1)
		})
	})
	t.Run("canceled", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(time.Second, cancel)
			start := time.Now()
			cases, err := caseAll(t, newScript(tests["stall"].step).client(t).Pipelines.TestCases(ctx, "group/app", 42))
			require.Len(t, cases, 1)
			require.ErrorIs(t, err, context.Canceled)
			require.Equal(t, time.Second, time.Since(start))
		})
	})
	t.Run("not a pipeline", func(t *testing.T) {
		s := newScript(ok)
		_, err := caseAll(t, s.client(t).Pipelines.TestCases(t.Context(), "group/app", 0))
		wireRefused(t, s, err)
	})
}

// A caseReport is a report of n cases, made while it is read.
type caseReport struct {
	n      int
	size   int // of each case's output
	buffer bytes.Buffer
	begun  int // cases
	read   int // bytes
	closed bool
}

func (r *caseReport) Read(p []byte) (int, error) {
	for r.buffer.Len() == 0 && r.begun <= r.n {
		switch r.begun {
		case 0:
			r.buffer.WriteString(`{"total_count":1,"test_suites":[{"name":"rspec","test_cases":[`)
		case r.n:
			r.buffer.WriteString(`{}]}]}`)
		default:
			fmt.Fprintf(&r.buffer, `{"status":"success","name":"works %d","classname":"spec.models","execution_time":0.01,"system_output":"`, r.begun)
			r.buffer.Write(bytes.Repeat([]byte("x"), r.size))
			r.buffer.WriteString(`"},`)
		}
		r.begun++
	}
	n, err := r.buffer.Read(p)
	r.read += n
	return n, err
}

func (r *caseReport) Close() error {
	r.closed = true
	return nil
}

func (r *caseReport) client(t testing.TB, opts ...gitlabci.Option) *gitlabci.Client {
	client, err := gitlabci.NewClient(append(opts, gitlabci.WithTransport(roundTripper(func(req *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Body: r, ContentLength: -1, Request: req}, nil
	})))...)
	require.NoError(t, err)
	return client
}

func TestCasesEndWithTheLoop(t *testing.T) {
	report := &caseReport{n: 200_000, size: 100}
	for test, err := range report.client(t).Pipelines.TestCases(t.Context(), "group/app", 42) {
		require.NoError(t, err)
		if test.Name == "works 10" {
			break
		}
	}
	require.True(t, report.closed)
	require.Less(t, report.read, 64<<10)

	report = &caseReport{n: 5}
	cases, err := caseAll(t, report.client(t).Pipelines.TestCases(t.Context(), "group/app", 42))
	require.NoError(t, err)
	require.Len(t, cases, 5)
	require.True(t, report.closed)
}

// A loop that has ended is over, also where the answer broke off behind the
// case it ended with: what is compressed tells of that with its last bytes.
func TestCasesEndBeforeTheAnswerBreaksOff(t *testing.T) {
	var packed bytes.Buffer
	zip := gzip.NewWriter(&packed)
	fmt.Fprint(zip, `{"test_suites":[{"name":"a","test_cases":[`)
	for i := range 20 {
		fmt.Fprintf(zip, `{"name":"%d"},`, i*7919)
	}
	require.NoError(t, zip.Close())
	packed.Truncate(packed.Len() - 20)
	client := newScript(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Encoding", "gzip")
		w.Write(packed.Bytes())
	}).client(t)
	whole, err := caseAll(t, client.Pipelines.TestCases(t.Context(), "group/app", 42))
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.Greater(t, len(whole), 10)
	for last := range whole {
		n := 0
		for _, err := range client.Pipelines.TestCases(t.Context(), "group/app", 42) {
			require.NoError(t, err)
			if n++; n > last {
				break
			}
		}
		require.Equal(t, last+1, n)
	}
}

// Only a single case is limited, not the report.
func TestCasesMaxAnswer(t *testing.T) {
	cases, err := caseAll(t, (&caseReport{n: 1000, size: 100}).client(t, gitlabci.WithMaxAnswer(10_000)).Pipelines.TestCases(t.Context(), "group/app", 42))
	require.NoError(t, err)
	require.Len(t, cases, 1000)
	cases, err = caseAll(t, (&caseReport{n: 10, size: 100_000}).client(t, gitlabci.WithMaxAnswer(10_000)).Pipelines.TestCases(t.Context(), "group/app", 42))
	require.ErrorContains(t, err, "after 0 test cases: a value is larger than the 10000 bytes of WithMaxAnswer")
	require.Empty(t, cases)

	for size := range 200 { // however the cases fall into what is read at once
		test := fmt.Sprintf(`{"name":"%s"}`, strings.Repeat("x", size))
		report := fuzzJSON(`{"test_suites":[{"test_cases":[` + strings.Repeat(test+",", 99) + test + `]}]}`)
		client, err := gitlabci.NewClient(gitlabci.WithTransport(report), gitlabci.WithMaxAnswer(int64(len(test))))
		require.NoError(t, err)
		cases, err := caseAll(t, client.Pipelines.TestCases(t.Context(), "group/app", 42))
		require.NoError(t, err, "cases of %d bytes", len(test))
		require.Len(t, cases, 100)
	}
}

// The heap stays flat however long a report is.
func TestCasesMemory(t *testing.T) {
	heap := func() uint64 {
		var stats runtime.MemStats
		runtime.ReadMemStats(&stats)
		return stats.HeapAlloc
	}
	cases := 200_000
	if testing.Short() || underRace() {
		cases = 20_000
	}
	defer debug.SetGCPercent(debug.SetGCPercent(20)) // or garbage would pile up in proportion to what other tests hold
	runtime.GC()
	before, peak, n := heap(), uint64(0), 0
	for _, err := range (&caseReport{n: cases, size: 60 << 20 / cases}).client(t).Pipelines.TestCases(t.Context(), "group/app", 42) {
		require.NoError(t, err)
		if n++; n%1000 == 0 {
			peak = max(peak, heap())
		}
	}
	require.Equal(t, cases, n)
	require.Less(t, max(peak, before)-before, uint64(16<<20))
}

// Whatever arrives, tests come before an error and there is one at most. What
// TestReport can read, TestCases can, and finds the same in it.
func FuzzTestCases(f *testing.F) {
	f.Add(`{"total_time":1.5,"test_suites":[{"name":"rspec","suite_error":null,"test_cases":[{"status":"failed","name":"a","execution_time":0.1,"system_output":"no","recent_failures":{"count":3,"base_branch":"main"}}]}]}`)
	f.Add(`{"test_suites":[{"test_cases":[{"name":"1"}],"name":"b"},null,7,{"test_cases":[null,[],{}]}],"test_suites":[]} `)
	f.Add(`{"test_suites":[{"name":"a","test_cases":[{"name":"1"},{"na`)
	f.Add(`{"test_suites":` + strings.Repeat(`[`, 9000) + strings.Repeat(`]`, 9000) + `}`)
	f.Add(`{"a":1}{`)
	for _, value := range fuzzScalars {
		f.Add(fmt.Sprintf(`{"test_suites":[{"name":%s,"test_cases":[%[1]s,{"name":%[1]s,"status":"error","system_output":%[1]s}]},%[1]s]}`, value))
	}
	f.Fuzz(func(t *testing.T, body string) {
		pipelines := fuzzJSON(body).client(t).Pipelines
		_, err := caseAll(t, pipelines.TestCases(t.Context(), "group/app", 7))
		report, wantErr := pipelines.TestReport(t.Context(), "group/app", 7)
		require.Equal(t, wantErr == nil, err == nil, "%v, and %v of the whole", err, wantErr)
		if err != nil {
			_, answered := errors.AsType[*gitlabci.APIError](err)
			require.False(t, answered)
			return
		}
		cases, err := caseAll(t, fuzzJSON(wireJSON(t, report)).client(t).Pipelines.TestCases(t.Context(), "group/app", 7))
		require.NoError(t, err)
		require.Equal(t, caseList(report), cases)
	})
}
