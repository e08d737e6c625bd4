package memory_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/internal/testkit"
)

const footprintCall = "GITLABCI_TEST_CALL" // the footprintCall that a copy of this program makes

// footprintCalls are calls that cover every way of decoding a response.
var footprintCalls = map[string]func(context.Context, *gitlabci.Client) error{
	"List":              testkit.Call("Jobs.List"),
	"All":               testkit.Call("Pipelines.All"),
	"Variables":         testkit.Call("Pipelines.Variables"),
	"Get":               testkit.Call("Jobs.Get"),
	"TestReport":        testkit.Call("Pipelines.TestReport"),
	"TestReportSummary": testkit.Call("Pipelines.TestReportSummary"),
	"TestCases":         testkit.Call("Pipelines.TestCases"),
	"AllowedAgents":     testkit.Call("Jobs.AllowedAgents"),
}

const (
	footprintMany = "a list has more than 10000 elements"
	footprintWide = "bytes would take more than"
)

// footprintBombs are responses that are small, and would be large once decoded.
// Each has a part that is repeated, and what is before and after it. With so many MiB of it,
// a response would take more than the 64 MiB that every response may take.
var footprintBombs = []struct {
	mebibytes                       int
	call, before, part, behind, err string
}{
	{4, "List", `[{}`, `,{}`, `]`, footprintMany},
	{4, "List", `[0`, `,0`, `]`, footprintMany},
	{4, "List", `[null`, `,[]`, `]`, footprintMany},
	{4, "List", `[{"artifacts":[{}`, `,{}`, `]}]`, footprintWide},
	{4, "List", `[{"artif\u0061cts":[0`, `,0`, `]}]`, footprintWide},
	{9, "List", `[{"tag_list":[""`, `,""`, `]}]`, footprintWide},
	{9, "List", `[{"commit":{"extended_trailers":{"a":[""`, `,""`, `]}}}]`, footprintWide},
	{4, "All", `[{}`, `,{}`, `]`, footprintMany},
	{4, "Variables", `[{}`, `,{}`, `]`, footprintMany},
	{4, "Get", `{"user":{"custom_attributes":[{}`, `,{}`, `]}}`, footprintWide},
	{4, "TestReport", `{"test_suites":[{"test_cases":[{}`, `,{}`, `]}]}`, footprintWide},
	{4, "TestReport", `{"test_suites":[{"test_cases":[0`, `,0`, `]}]}`, footprintWide},
	{4, "TestReport", `{"test_suites":[{}`, `,null`, `]}`, footprintWide},
	{4, "TestReportSummary", `{"test_suites":[{}`, `,{}`, `]}`, footprintWide},
	{9, "TestReportSummary", `{"test_suites":[{"build_ids":[0`, `,0`, `]}]}`, footprintWide},
	{4, "TestCases", `{"test_suites":[{"test_cases":[{"name":"a","system_output":[0`, `,0`, `]}]}]}`, "<nil>"},
	{4, "TestCases", `{"test_suites":[{"test_cases":[{"name":"a","other":[0`, `,{}`, `]}]}]}`, "<nil>"},
	{4, "AllowedAgents", `{"allowed_agents":[{}`, `,{}`, `]}`, footprintWide},
	{4, "AllowedAgents", `{"allowed_agents":[{"configuration":{"a":[[]`, `,[]`, `]}}]}`, footprintWide},
	{4, "AllowedAgents", `{"allowed_agents":[{"configuration":{"a":[{}`, `,{"a":0}`, `]}}]}`, footprintWide},
	{9, "AllowedAgents", `{"user":{"roles_in_project":[""`, `,""`, `]}}`, footprintWide},
}

// footprintServe serves a response of about size bytes, compressed. The repeated part is
// compressed once: a gzip stream may have several members.
func footprintServe(before, part, behind string, size int) http.HandlerFunc {
	many := strings.Repeat(part, 64<<10)
	member := footprintPack(many)
	packed := bytes.NewBuffer(footprintPack(before))
	for range (size - len(before) - len(behind)) / len(many) {
		packed.Write(member)
	}
	packed.Write(footprintPack(behind))
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Encoding", "gzip")
		w.Write(packed.Bytes())
	}
}

// footprintPack returns a member of a gzip stream.
func footprintPack(text string) []byte {
	var packed bytes.Buffer
	zip := gzip.NewWriter(&packed)
	io.WriteString(zip, text)
	zip.Close()
	return packed.Bytes()
}

// footprintMeasure starts a copy of this program that makes a call with the default
// options. It returns the call's error and the peak memory.
func footprintMeasure(t *testing.T, call string, handler http.Handler) (problem string, peak int64) {
	t.Helper()
	out := memoryRun(t, handler, footprintCall+"="+call)
	_, err := fmt.Sscanf(out, "%q %d", &problem, &peak)
	require.NoError(t, err, "%q", out)
	return problem, peak
}

// A response that is small on the wire does not fill the memory: 256 MiB, the most
// that is read by default, are sent as some 256 KiB. One run in eight measures 255 MiB. Each
// run measures one of the ways to decode with 32 MiB, which are enough, and a third of the
// other responses with 8 MiB.
func TestResponseResidentMemory(t *testing.T) {
	memorySkip(t)
	testkit.Needs64Bits(t)
	t.Parallel()
	large := map[string]int{}
	for _, call := range testkit.OneOf([]string{"Get", "List", "TestReport", "TestCases"}) {
		large[call] = 32 << 20
	}
	if testkit.Sampled(0, 8) {
		large["Get"] = 255 << 20
	}
	for i, bomb := range footprintBombs {
		size, most := 8<<20, 64<<20+4*8<<20
		if n := large[bomb.call]; n > 0 && !testing.Short() {
			size, most = n, max(16<<20, n/4)+4*n
			delete(large, bomb.call) // others are decoded as these are
		} else if !testkit.Sampled(i, 3) { // TestResponseAllocations tries them too
			continue
		}
		t.Run(fmt.Sprint(bomb.call, bomb.before, size>>20), func(t *testing.T) {
			t.Parallel()
			problem, peak := footprintMeasure(t, bomb.call, footprintServe(bomb.before, bomb.part, bomb.behind, size))
			require.Contains(t, problem, bomb.err)
			require.Less(t, peak, int64(most))
		})
	}
}

func footprintRepeat(before, part, behind string, n int) *testkit.Canned {
	return testkit.CannedJSON(before + strings.Repeat(part, n) + behind)
}

// A response that would take too much memory is refused before the memory is
// allocated, even for a short time.
func TestResponseAllocations(t *testing.T) {
	testkit.NotUnderRace(t)
	testkit.Needs64Bits(t)
	for i, bomb := range footprintBombs {
		if !testkit.Sampled(i, 2) {
			continue
		}
		t.Run(bomb.call+bomb.before, func(t *testing.T) {
			s := footprintRepeat(bomb.before, bomb.part, bomb.behind, bomb.mebibytes<<20/len(bomb.part))
			client := s.Client(t)
			var err error
			allocated := testkit.Allocated(func() { err = footprintCalls[bomb.call](t.Context(), client) })
			require.Contains(t, fmt.Sprint(err), bomb.err)
			require.Less(t, allocated, uint64(8*len(s.Body)+8<<20))
		})
	}
}

// To find duplicates, the decoder keeps all names of an object.
func TestResponseOfManyNames(t *testing.T) {
	testkit.NotUnderRace(t)
	var names strings.Builder
	for i := range 1 << 19 {
		names.WriteString(`,"` + strconv.FormatInt(int64(i), 36) + `":0`)
	}
	client := testkit.CannedJSON(`{"id":7` + names.String() + `}`).Client(t)
	var err error
	require.Less(t, testkit.Allocated(func() { err = footprintCalls["Get"](t.Context(), client) }), uint64(64<<20))
	require.ErrorContains(t, err, footprintWide)
}

// A page has at most 10,000 elements.
func TestPageElements(t *testing.T) {
	for _, element := range []string{`{"id":1,"key":"a"}`, `null`, `{"id":"1","key":"a"}`} {
		for n, want := range map[int]string{10_000: "", 10_001: footprintMany} {
			client := footprintRepeat("["+element, ","+element, "]", n-1).Client(t)
			for _, call := range []string{"List", "All", "Variables"} {
				err := footprintCalls[call](t.Context(), client)
				if want == "" {
					require.NoError(t, err)
					continue
				}
				require.ErrorContains(t, err, ": 200 OK, but the response is too large to decode: "+want)
			}
		}
	}
}

// Large responses that are valid are decoded: many small tests, or texts that look
// like JSON.
func TestLargeResponses(t *testing.T) {
	testkit.NotUnderRace(t)
	t.Run("tests", func(t *testing.T) {
		const test = `{"status":"success","name":"it works","classname":"a","execution_time":0.01}`
		report, err := footprintRepeat(`{"test_suites":[{"test_cases":[`+test, ","+test, `]}]}`, testkit.Fewer(100_000)-1).Client(t).Pipelines.TestReport(t.Context(), "group/app", 42)
		require.NoError(t, err)
		require.Len(t, report.TestSuites[0].TestCases, testkit.Fewer(100_000))
	})
	t.Run("texts", func(t *testing.T) {
		const part = `{\"a\":[{},{},\\,[,{,[,,,,`
		s := footprintRepeat(`{"test_suites":[{"test_cases":[{"system_output":"`, part, `"}]}]}`, testkit.Fewer(1<<18))
		report, err := s.Client(t).Pipelines.TestReport(t.Context(), "group/app", 42)
		require.NoError(t, err)
		require.Greater(t, len(report.TestSuites[0].TestCases[0].SystemOutput), testkit.Fewer(5<<20))
		cases, err := testkit.AllCases(t, s.Client(t).Pipelines.TestCases(t.Context(), "group/app", 42))
		require.NoError(t, err)
		require.Equal(t, testkit.CasesOfReport(report), cases)
	})
	t.Run("unknown fields", func(t *testing.T) {
		job, err := footprintRepeat(`{"other":[{}`, `,{"artifacts":[]}`, `],"id":7}`, testkit.Fewer(1<<18)).Client(t).Jobs.Get(t.Context(), "group/app", 7)
		require.NoError(t, err)
		require.EqualValues(t, 7, job.ID)
	})
}

// However many elements are left out, they are logged in one line.
func TestElementsLeftOutAreLoggedOnce(t *testing.T) {
	var log bytes.Buffer
	client, err := gitlabci.NewClient(gitlabci.WithTransport(footprintRepeat(`{"test_suites":[{"test_cases":[0`, `,0`, `]}]}`, 1<<20)),
		gitlabci.WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
	require.NoError(t, err)
	require.NoError(t, footprintCalls["TestCases"](t.Context(), client))
	require.Contains(t, log.String(), "count=1048577 first_index=0")
	require.Less(t, log.Len(), 1000)
}

// For any repeated part of a response, decoding allocates at most a few times the limit:
// lists are copied as they grow, and some responses are decoded twice.
func FuzzFootprint(f *testing.F) {
	if flag.Lookup("test.fuzz").Value.String() != "" { // TestResponseAllocations tries them in other runs
		for _, bomb := range footprintBombs {
			f.Add(bomb.call, bomb.before, bomb.part, bomb.behind)
		}
	}
	f.Add("TestReport", `{"test_suites":[{"test_cases":[{"system_output":"`, `\\\",[{`, `"}]}]}`)
	f.Add("AllowedAgents", `{"allowed_agents":[{"configuration":{"a":0`, `,"a":{"b":[]}`, `}}]}`)
	f.Add("Get", `{"started_at":""`, `,"started_at":"2026-02-03T04:05:06+01:02"`, `}`)
	f.Add("List", `[{"artifacts":[{"size":1}`, `,{"filename":"\u0061",}`, `]`)
	f.Fuzz(func(t *testing.T, call, before, part, behind string) {
		testkit.NotUnderRace(t)
		if footprintCalls[call] == nil || part == "" {
			return
		}
		s := footprintRepeat(before, part, behind, 9<<20/len(part))
		client := s.Client(t)
		allocated := testkit.Allocated(func() { _ = footprintCalls[call](t.Context(), client) })
		require.Less(t, allocated, uint64(max(64<<20, 8*len(s.Body))*6))
	})
}
