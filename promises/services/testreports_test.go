package services_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
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
	"example.com/gitlabci/internal/testkit"
)

// caseNames are the suites and names of test cases.
func caseNames(cases []gitlabci.TestCase) (names []string) {
	for _, test := range cases {
		names = append(names, test.SuiteName+"/"+test.Name)
	}
	return names
}

func TestCasesAreThoseOfTheReport(t *testing.T) {
	body := string(testkit.GoldenFile(t, "pipelines_test_report.json"))
	client := testkit.CannedJSON(body).Client(t)
	report, err := client.Pipelines.TestReport(t.Context(), "group/app", 42)
	require.NoError(t, err)
	cases, err := testkit.AllCases(t, client.Pipelines.TestCases(t.Context(), "group/app", 42))
	require.ErrorContains(t, err, `could not read the report of test suite "smoke": "JUnit XML parsing failed: line 2 ends early"`)
	require.NotEmpty(t, cases)
	require.Equal(t, testkit.CasesOfReport(report), cases)
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
		"suite that cannot be read": {`{"test_suites":[{"name":"a","suite_error":"no","test_cases":[]},{"name":"b","test_cases":[{"name":"3"}]}]}`, []string{"b/3"}, `test suite "a": "no"`},
		"name after the cases":      {`{"test_suites":[{"name":"a","test_cases":[{"name":"1"}]},{"test_cases":[{"name":"2"}],"name":"b"}]}`, []string{"a/1", "/2"}, ""},
		"names of another type":     {`{"test_suites":[{"name":7,"test_cases":[{"name":true}]},{"name":null,"test_cases":[{"name":"2"}]}]}`, []string{"7/true", "/2"}, ""},
		"cases of another type":     {`{"test_suites":[{"name":"a","test_cases":[1,{"name":"1"},null,[{"name":"2"}]]},{"test_cases":{"name":"3"}},7,[[]],{"test_cases":null}]}`, []string{"a/1"}, ""},
		"suites of another type":    {`{"test_suites":{"name":"a","test_cases":[{"name":"1"}]}}`, nil, "not the requested object: it has no test_suites"},
		"not UTF-8":                 {"{\"test_suites\":[{\"name\":\"\xff\",\"test_cases\":[{\"name\":\"\\ud800\"}]}]}", []string{"\uFFFD/\uFFFD"}, ""},
		"names twice":               {`{"test_suites":[{"name":"a","name":"b","test_cases":[{"name":"1","name":"2"}]}],"test_suites":[]}`, []string{"b/2"}, ""},
		"a list":                    {`[]`, nil, "gitlabci: GET /projects/group%2Fapp/pipelines/42/test_report: 200 OK with JSON that is not GitLab's: the response is not a JSON object"},
		"empty":                     {``, nil, "200 OK without a body"},
		"not JSON":                  {`oops`, nil, "not a JSON object"},
		"more after the end":        {`{"test_suites":[{"name":"a","test_cases":[{"name":"1"}]}]}]`, []string{"a/1"}, "after 1 test cases: the response has more data after its end"},
		"another after the end":     {`{"test_suites":[]}{"test_suites":[]}`, nil, "after 0 test cases: the response has more data after its end"},
		"cut off":                   {`{"test_suites":[{"name":"a","test_cases":[{"name":"1"},{"name":"2"`, []string{"a/1"}, "after 1 test cases: invalid JSON at byte"},
		"cut off between suites":    {`{"test_suites":[{"name":"a","test_cases":[{"name":"1"}]}`, []string{"a/1"}, "after 1 test cases: invalid JSON at byte"},
		"broken within a suite":     {`{"test_suites":[{"name":"a","test_cases":[{"name":"1"}],"name" 7}]}`, []string{"a/1"}, "after 1 test cases: invalid JSON at byte"},
		"broken within a case":      {`{"test_suites":[{"name":"a","test_cases":[{"name":"1"},{"name":}]}]}`, []string{"a/1"}, "after 1 test cases: invalid JSON at byte"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			cases, err := testkit.AllCases(t, testkit.CannedJSON(test.body).Client(t).Pipelines.TestCases(t.Context(), "group/app", 42))
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

// The error of a page in place of a report has its title.
func TestCasesOfAPage(t *testing.T) {
	for _, gap := range []int{0, 10_000} {
		s := testkit.CannedJSON("<html>" + strings.Repeat(" ", gap) + "<title>Sign in</title>")
		s.Header.Set("Content-Type", "text/html")
		_, err := testkit.AllCases(t, s.Client(t).Pipelines.TestCases(t.Context(), "group/app", 42))
		require.ErrorContains(t, err, `200 OK with content type "text/html", not JSON: Sign in`)
	}
}

// Test cases that are left out are logged once, with their count and the index
// of the first.
func TestCasesLeftOut(t *testing.T) {
	var log bytes.Buffer
	s := testkit.NewScript(testkit.Respond(http.StatusOK, `{"test_suites":[{"test_cases":[{},7]},{"test_cases":[null,{},[]]}]}`))
	client := s.Client(t, gitlabci.WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
	cases, err := testkit.AllCases(t, client.Pipelines.TestCases(t.Context(), "group/app", 42))
	require.NoError(t, err)
	require.Len(t, cases, 2)
	require.Contains(t, log.String(), `msg="gitlabci: elements of a list are not objects and are left out" endpoint=/projects/:id/pipelines/:pipeline_id/test_report count=3 first_index=1`)
	require.Equal(t, 1, strings.Count(log.String(), "level=WARN"))
}

// Values of other types are logged at debug level, with their paths in the report and
// without what they are.
func TestCasesWithLostValuesAreLogged(t *testing.T) {
	var log bytes.Buffer
	s := testkit.NewScript(testkit.Respond(http.StatusOK, `{"test_suites":[7,{"name":["hidden"],"test_cases":[{},{"execution_time":"hidden"}]}]}`))
	client := s.Client(t, gitlabci.WithLogger(slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))))
	cases, err := testkit.AllCases(t, client.Pipelines.TestCases(t.Context(), "group/app", 42))
	require.NoError(t, err)
	require.Len(t, cases, 2)
	require.Contains(t, log.String(), "than expected are left out\" endpoint=/projects/:id/pipelines/:pipeline_id/test_report count=3 fields=\"["+
		"test_suites[0]: number where an object is expected test_suites[1].name: array where a string is expected "+
		"test_suites[1].test_cases[1].execution_time: string where a number is expected]\"")
	require.NotContains(t, log.String(), "hidden")
}

// A suite that GitLab could not read is no suite without tests.
func TestCasesOfAReportThatGitLabCouldNotRead(t *testing.T) {
	const broken = `{"name":"rspec","suite_error":"JUnit XML parsing failed: ` + testkit.Token + `","test_cases":[]}`
	for name, test := range map[string]struct {
		suites string
		cases  int
		err    string
	}{
		"alone":         {broken, 0, `test suite "rspec": "JUnit XML parsing failed: [REDACTED]"`},
		"among others":  {`{"name":"a","test_cases":[{},{}]},` + broken + `,{"name":"b","test_cases":[{}]}`, 3, `test suite "rspec"`},
		"several":       {broken + `,{"suite_error":"no","name":"b"},{"suite_error":"no","name":"c"}`, 0, `test suite "rspec": "JUnit XML parsing failed: [REDACTED]" (and 2 more)`},
		"error first":   {`{"suite_error":"no","test_cases":[],"name":"b\u001b[1m"}`, 0, `test suite "b\x1b[1m": "no"`},
		"without names": {`{"suite_error":"no"}`, 0, `test suite "": "no"`},
		"good":          {`{"name":"a","suite_error":null,"test_cases":[{}]},{"suite_error":"","test_cases":[{}]}`, 2, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := testkit.NewScript(testkit.Respond(http.StatusOK, `{"test_suites":[`+test.suites+`]}`))
			cases, err := testkit.AllCases(t, s.Client(t).Pipelines.TestCases(t.Context(), "group/app", 42))
			require.Len(t, cases, test.cases)
			if test.err == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, "gitlabci: GET /projects/group%2Fapp/pipelines/42/test_report: GitLab could not read the report of "+test.err)
		})
	}
	s := testkit.NewScript(testkit.Respond(http.StatusOK, `{"test_suites":[`+broken+`,{"test_cases":[{},{}]}]}`))
	for _, err := range s.Client(t).Pipelines.TestCases(t.Context(), "group/app", 42) {
		require.NoError(t, err)
		break
	}
}

// The first case is yielded before the second one was sent, nothing is requested before
// the loop, and each loop sends a new request.
func TestCasesArriveOneByOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testkit.NewScript(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			io.WriteString(w, `{"test_suites":[{"name":"a","test_cases":[{"name":"1"}`)
			w.(http.Flusher).Flush()
			time.Sleep(30 * time.Second)
			io.WriteString(w, `,{"name":"2"}]}]}`)
		})
		seq := s.Client(t).Pipelines.TestCases(t.Context(), "group/app", 42)
		require.Empty(t, s.Received())
		for range 2 {
			start, arrived := time.Now(), []time.Duration{}
			for _, err := range seq {
				require.NoError(t, err)
				arrived = append(arrived, time.Since(start))
			}
			require.Equal(t, []time.Duration{0, 30 * time.Second}, arrived)
		}
		require.Len(t, s.Received(), 2)
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
		"no pipeline": {testkit.Respond(http.StatusNotFound, `{"message":"404 Not found"}`), nil, gitlabci.ErrNotFound, "404 Not Found"},
		"reset":       {func(w http.ResponseWriter, _ *http.Request) { begin(w); panic(http.ErrAbortHandler) }, []string{"a/1"}, io.ErrUnexpectedEOF, "after 1 test cases: unexpected EOF"},
		"stall":       {func(w http.ResponseWriter, r *http.Request) { begin(w); <-r.Context().Done() }, []string{"a/1"}, gitlabci.ErrStalled, "after 1 test cases: the server fell silent: nothing more of the body within 1m0s"},
		"reset before it begins": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}, nil, io.ErrUnexpectedEOF, "after 0 test cases: unexpected EOF"},
		"reset at first": {testkit.BreakOff, nil, io.ErrUnexpectedEOF, "after 0 test cases: unexpected EOF"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cases, err := testkit.AllCases(t, testkit.NewScript(test.step).Client(t).Pipelines.TestCases(t.Context(), "group/app", 42))
				require.Equal(t, test.names, caseNames(cases))
				require.ErrorIs(t, err, test.is)
				require.ErrorContains(t, err, test.text)
			})
		})
	}
	t.Run("after another try", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := testkit.NewScript(testkit.Respond(http.StatusBadGateway, ``), testkit.Reset, testkit.Respond(http.StatusOK, `{"test_suites":[{"test_cases":[{"name":"1"}]}]}`))
			cases, err := testkit.AllCases(t, s.Client(t).Pipelines.TestCases(t.Context(), "group/app", 42))
			require.NoError(t, err)
			require.Len(t, cases, 1)
		})
	})
	t.Run("canceled", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(time.Second, cancel)
			start := time.Now()
			cases, err := testkit.AllCases(t, testkit.NewScript(tests["stall"].step).Client(t).Pipelines.TestCases(ctx, "group/app", 42))
			require.Len(t, cases, 1)
			require.ErrorIs(t, err, context.Canceled)
			require.Equal(t, time.Second, time.Since(start))
		})
	})
	t.Run("not a pipeline", func(t *testing.T) {
		s := testkit.NewScript(testkit.OK)
		_, err := testkit.AllCases(t, s.Client(t).Pipelines.TestCases(t.Context(), "group/app", 0))
		testkit.RequireNotSent(t, s, err)
	})
}

func TestCasesEndWithTheLoop(t *testing.T) {
	report := &testkit.GrowingReport{N: 200_000, Size: 100}
	for test, err := range report.Client(t).Pipelines.TestCases(t.Context(), "group/app", 42) {
		require.NoError(t, err)
		if test.Name == "works 10" {
			break
		}
	}
	require.True(t, report.Closed)
	require.Less(t, report.BytesRead, 64<<10)

	report = &testkit.GrowingReport{N: 5}
	cases, err := testkit.AllCases(t, report.Client(t).Pipelines.TestCases(t.Context(), "group/app", 42))
	require.NoError(t, err)
	require.Len(t, cases, 5)
	require.True(t, report.Closed)
}

// A loop that has ended is over, also if the response was cut off behind the case it
// ended with: compressed data reports that only with its last bytes.
func TestCasesEndBeforeTheResponseIsInterrupted(t *testing.T) {
	var packed bytes.Buffer
	zip := gzip.NewWriter(&packed)
	fmt.Fprint(zip, `{"test_suites":[{"name":"a","test_cases":[`)
	for i := range 20 {
		fmt.Fprintf(zip, `{"name":"%d"},`, i*7919)
	}
	require.NoError(t, zip.Close())
	packed.Truncate(packed.Len() - 20)
	client := testkit.NewScript(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Encoding", "gzip")
		w.Write(packed.Bytes())
	}).Client(t)
	whole, err := testkit.AllCases(t, client.Pipelines.TestCases(t.Context(), "group/app", 42))
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
	cases, err := testkit.AllCases(t, (&testkit.GrowingReport{N: 1000, Size: 100}).Client(t, gitlabci.WithMaxAnswer(10_000)).Pipelines.TestCases(t.Context(), "group/app", 42))
	require.NoError(t, err)
	require.Len(t, cases, 1000)
	cases, err = testkit.AllCases(t, (&testkit.GrowingReport{N: 10, Size: 100_000}).Client(t, gitlabci.WithMaxAnswer(10_000)).Pipelines.TestCases(t.Context(), "group/app", 42))
	require.ErrorContains(t, err, "after 0 test cases: a value is larger than the 10000 bytes of WithMaxAnswer")
	require.Empty(t, cases)

	for size := range 200 { // however the cases fall into the reads
		test := fmt.Sprintf(`{"name":"%s"}`, strings.Repeat("x", size))
		report := testkit.CannedJSON(`{"test_suites":[{"test_cases":[` + strings.Repeat(test+",", 99) + test + `]}]}`)
		client, err := gitlabci.NewClient(gitlabci.WithTransport(report), gitlabci.WithMaxAnswer(int64(len(test))))
		require.NoError(t, err)
		cases, err := testkit.AllCases(t, client.Pipelines.TestCases(t.Context(), "group/app", 42))
		require.NoError(t, err, "cases of %d bytes", len(test))
		require.Len(t, cases, 100)
	}
}

// The heap stays flat however long a report is.
func TestCasesMemory(t *testing.T) {
	testkit.NotUnderRace(t)
	heap := func() uint64 {
		var stats runtime.MemStats
		runtime.ReadMemStats(&stats)
		return stats.HeapAlloc
	}
	const cases, size = 30_000, 300
	defer debug.SetGCPercent(debug.SetGCPercent(20)) // or garbage would pile up in proportion to what other tests hold
	runtime.GC()
	before, peak, n := heap(), uint64(0), 0
	for _, err := range (&testkit.GrowingReport{N: cases, Size: size}).Client(t).Pipelines.TestCases(t.Context(), "group/app", 42) {
		require.NoError(t, err)
		if n++; n%1000 == 0 {
			peak = max(peak, heap())
		}
	}
	require.Equal(t, cases, n)
	t.Log(max(peak, before) - before)
	require.Less(t, max(peak, before)-before, uint64(4<<20))
}

// With any response, tests are yielded before an error, and there is at most one error.
// TestCases can read all that TestReport can, with the same result.
func FuzzTestCases(f *testing.F) {
	f.Add(`{"total_time":1.5,"test_suites":[{"name":"rspec","suite_error":null,"test_cases":[{"status":"failed","name":"a","execution_time":0.1,"system_output":"no","recent_failures":{"count":3,"base_branch":"main"}}]}]}`)
	f.Add(`{"test_suites":[{"test_cases":[{"name":"1"}],"name":"b"},null,7,{"test_cases":[null,[],{}]}],"test_suites":[]} `)
	f.Add(`{"test_suites":[{"name":"a","test_cases":[{"name":"1"},{"na`)
	f.Add(`{"test_suites":` + strings.Repeat(`[`, 9000) + strings.Repeat(`]`, 9000) + `}`)
	f.Add(`{"a":1}{`)
	for _, value := range testkit.ScalarPairs {
		f.Add(fmt.Sprintf(`{"test_suites":[{"name":%s,"test_cases":[%[1]s,{"name":%[1]s,"status":"error","system_output":%[1]s}]},%[1]s]}`, value))
	}
	f.Fuzz(func(t *testing.T, body string) {
		pipelines := testkit.CannedJSON(body).Client(t).Pipelines
		_, err := testkit.AllCases(t, pipelines.TestCases(t.Context(), "group/app", 7))
		report, wantErr := pipelines.TestReport(t.Context(), "group/app", 7)
		require.Equal(t, wantErr == nil, err == nil, "%v, and %v of the whole", err, wantErr)
		if err != nil {
			_, responded := errors.AsType[*gitlabci.APIError](err)
			require.False(t, responded)
			return
		}
		cases, err := testkit.AllCases(t, testkit.CannedJSON(testkit.JSON(t, report)).Client(t).Pipelines.TestCases(t.Context(), "group/app", 7))
		require.NoError(t, err)
		require.Equal(t, testkit.CasesOfReport(report), cases)
	})
}
