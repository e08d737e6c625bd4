package promises_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/internal/testkit"
)

// fuzzQuery is the query of a request, which must stay at home and have no
// credentials in it.
func fuzzQuery(t *testing.T, target *url.URL) url.Values {
	t.Helper()
	require.Equal(t, "https", target.Scheme)
	require.Equal(t, testkit.Host, target.Host)
	query, err := url.ParseQuery(target.RawQuery)
	require.NoError(t, err)
	for _, name := range []string{"private_token", "access_token", "job_token", "sudo"} {
		require.NotContains(t, query, name)
	}
	return query
}

// fuzzDeadline ends a fuzz test that takes much longer than its input is worth.
func fuzzDeadline(t *testing.T) {
	timer := time.AfterFunc(time.Minute, func() { panic("this takes too long") })
	t.Cleanup(func() { timer.Stop() })
}

// With any Link headers, a list ends, and sends no request to another host. A link that is
// written as RFC 8288 wants it is understood, whatever is in it.
func FuzzLink(f *testing.F) {
	f.Add(`<https://h/a?page=1>; rel="prev", <https://h/a?page=3>; rel="next"`, `<https://h/a?page=9>; rel="last"`, "title", "b")
	f.Add(`<https://h/a?page=3>; rel=next; title="a\", <b"`, ``, `", <https://h/a?page=7>; rel="next`, `a;b,c>d"&e=f`)
	f.Add(`<https://h/a?page=3; rel="next"`, `<`, `\`, "\x00\xff")
	f.Add(`<>;;,,=;rel`, `>; rel="next`, ``, ``)
	f.Add(`<?cursor=a%2B>; REL=" last  NEXT "`, `<//h:x/?page=2>; rel=next`, "é", " +%")
	f.Add(`<https://h/a?private_token=a&sudo=b&page=2>;rel=next`, `,,,`, `,`, `private_token`)
	f.Add(`<a>`+strings.Repeat(";a=b", 4<<10), strings.Repeat("<a>;rel=prev,", 1<<10), "", "")
	f.Add(`<a>`+strings.Repeat(";a", 256<<10), "", strings.Repeat(`"`, 2<<10), "")
	f.Fuzz(func(t *testing.T, first, second, title, value string) {
		fuzzDeadline(t)
		s := testkit.CannedJSON(`[{"id":1}]`)
		s.Header["Link"] = []string{first, second}
		rounds := 0
		for _, err := range s.Client(t).Pipelines.All(t.Context(), "group/app", nil) {
			rounds++
			require.Less(t, rounds, 10)
			if err != nil {
				_, isPage := errors.AsType[*gitlabci.PageError](err)
				require.True(t, isPage, "%v", err)
			}
		}
		for _, target := range s.URLs {
			fuzzQuery(t, target)
			require.Equal(t, "/api/v4/projects/group%2Fapp/pipelines", target.EscapedPath())
		}

		if len(title)+len(value) > 2<<10 { // a longer Link is not read
			return
		}
		query := url.Values{"page": {"3"}, "ref": {value}}
		quoted := strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(title)
		s = testkit.CannedJSON(`[]`)
		s.Header["Link"] = []string{fmt.Sprintf(`<https://h/a?page=1>; title="%s"; rel="prev", <https://h/a?%s>; title="%[1]s"; rel="next"`, quoted, query.Encode())}
		page, err := s.Client(t).Pipelines.List(t.Context(), "group/app", nil)
		require.NoError(t, err)
		next, err := url.ParseQuery(string(page.Next))
		require.NoError(t, err)
		require.Equal(t, query, next)
	})
}

// fuzzLists are the parameters of GitLab's lists that may be given once.
const fuzzLists = " page per_page cursor id_after id_before pagination order_by sort scope status ref sha source name username yaml_errors " +
	"updated_after updated_before created_after created_before include_retried path recursive id pipeline_id job_id merge_request_iid "

// A cursor is refused, or arrives as it is except for credentials. Nothing arrives but
// parameters that lists have.
func FuzzCursor(f *testing.F) {
	for _, cursor := range []string{
		"", "page=2&per_page=20", "cursor=eyJpZCI6IjEifQ%3D%3D", "private_token=a&page=2", "page=2;a=b", "%", "a=%zz", "?page=2", "sudo", "&&=&", "scope[]=a&scope%5B%5D=b",
		"a=b#c", "a=\r\nHost: b", "page=0002", "\xff=\x00", "%73udo=root&per_page=", "a=b?c=d", "+=+", "https://" + testkit.StorageHost + "/a?page=2", "//" + testkit.StorageHost + "/?page=2",
		"[sudo]=root", "private_token[]=a&page=2", "_method=delete", "page=-1", "page=2&page=3", "scope[0]=a&scope[1]=b", "scope[]]=a", "sudo[]=root", "%00sudo=root&page=2",
	} {
		f.Add(cursor)
	}
	number := regexp.MustCompile(`^0*[1-9][0-9]*$`)
	list := regexp.MustCompile(`^scope\[[0-9]*\]$`)
	f.Fuzz(func(t *testing.T, cursor string) {
		want, _ := url.ParseQuery(cursor)
		for _, name := range []string{"private_token", "access_token", "job_token", "sudo"} {
			want.Del(name)
		}
		opts := &gitlabci.ListPipelinesOptions{ListOptions: gitlabci.ListOptions{After: gitlabci.Cursor(cursor)}}
		s := testkit.CannedJSON(`[{"id":1}]`)
		_, err := s.Client(t).Pipelines.List(t.Context(), "group/app", opts)
		allErr := testkit.Drain(s.Client(t).Pipelines.All(t.Context(), "group/app", opts))
		require.Equal(t, err == nil, allErr == nil)
		if errors.Is(err, gitlabci.ErrInvalid) {
			require.ErrorIs(t, allErr, gitlabci.ErrInvalid)
			require.Empty(t, s.URLs)
			return
		}
		require.Len(t, s.URLs, 2, "%v", err) // the item may not fit a filter
		require.Equal(t, want, fuzzQuery(t, s.URLs[0]))
		for name, values := range want {
			require.True(t, list.MatchString(name) || strings.Contains(fuzzLists, " "+name+" "), "%q", name)
			require.True(t, len(values) == 1 || name == "scope[]", "%q", name)
			if strings.Contains(" page per_page id_after id_before ", " "+name+" ") {
				require.Regexp(t, number, values[0])
			}
		}
		if cursor == "" { // the start
			want.Set("per_page", "100")
		}
		require.Equal(t, want, fuzzQuery(t, s.URLs[1]))
	})
}

// A project is refused, or arrives as one segment that decodes to itself.
func FuzzProject(f *testing.F) {
	for project := range wireProjects {
		f.Add(string(project))
	}
	for _, project := range []string{"", "app", "..", "group/..", "../app", "group//app", "/app", "0", "-1", "07", "%2e%2e/app", `..\app/x`, "group/app?a=b#c", "a/\x00\xff"} {
		f.Add(project)
	}
	f.Fuzz(func(t *testing.T, project string) {
		s := testkit.CannedJSON(`{"id":42}`)
		_, err := s.Client(t).Pipelines.Get(t.Context(), gitlabci.ProjectID(project), 42)
		if err != nil {
			require.ErrorIs(t, err, gitlabci.ErrInvalid)
			require.Empty(t, s.URLs)
			return
		}
		require.Len(t, s.URLs, 1)
		require.Empty(t, s.URLs[0].RawQuery)
		require.Empty(t, s.URLs[0].Fragment)
		require.Equal(t, "https://"+testkit.Host+s.URLs[0].EscapedPath(), s.URLs[0].String())
		segments := strings.Split(s.URLs[0].EscapedPath(), "/")
		for i, want := range []string{"", "api", "v4", "projects", project, "pipelines", "42"} {
			require.Less(t, i, len(segments))
			segment, err := url.PathUnescape(segments[i])
			require.NoError(t, err)
			require.Equal(t, want, segment)
			require.NotContains(t, []string{".", ".."}, segment)
		}
		require.Len(t, segments, 7)
		for part := range strings.SplitSeq(project, "/") {
			require.NotContains(t, []string{"", ".", ".."}, part, "a proxy that decodes the path would leave the API")
		}
	})
}

// Every response other than success is an APIError that can be printed.
func FuzzErrorBody(f *testing.F) {
	f.Add(uint(404), "application/json", `{"message":"404 Not found"}`, "")
	f.Add(uint(422), "application/json", `{"message":{"base":["Reference not found"],"ref":{"name":["is too long"]}}}`, "")
	f.Add(uint(403), "application/json", `{"error":"insufficient_scope","error_description":"no","scope":"api read_api"}`, "")
	f.Add(uint(502), "text/html", `<html><title>Bad `+testkit.Token+` Gateway</title></html>`, "")
	f.Add(uint(429), "text/plain", "Retry later\n", "")
	f.Add(uint(302), "text/plain", ``, "https://storage.example.net/"+testkit.Token+"?X-Signature=a")
	f.Add(uint(308), "", ``, "//\xff/%zz")
	f.Add(uint(301), "", ``, "https://h\xff/")
	f.Add(uint(409), "application/json", `{"message":"409 Conflict: Resource lock"}`, "")
	f.Add(uint(400), "application/json", `{"message":"`+testkit.Token+` \ud800 \u0067lpat-invented"}`, "")
	f.Add(uint(400), "", "\xff\xfe"+testkit.Token, "")
	f.Add(uint(400), "application/json", `{"message":{"`+testkit.Token+`":"see https://h/a?private_token=`+testkit.Token+`"}}`, "")
	f.Add(uint(400), "application/json", `{"message":[`+strings.Repeat("1,", 32<<10-10)+`1]}`, "")
	f.Add(uint(400), "application/json", `{"message":"`+strings.Repeat("\xff", 60<<10)+`"}`, "")
	f.Add(uint(400), "application/json", `{"message":`+strings.Repeat(`[`, 300)+strings.Repeat(`]`, 300)+`}`, "")
	f.Add(uint(400), "application/json", strings.Repeat(`[`, 10001)+strings.Repeat(`]`, 10001), "")
	f.Add(uint(599), "text/html", `<title>`+strings.Repeat("&amp;", 20<<10), "")
	f.Fuzz(func(t *testing.T, status uint, contentType, body, location string) {
		s := &testkit.Canned{Status: 300 + int(status%300), Header: http.Header{"Content-Type": {contentType}}, Body: body}
		if _, err := url.Parse(location); location != "" && err == nil {
			s.Header.Set("Location", location)
		}
		_, err := s.Client(t).Pipelines.Create(t.Context(), "group/app", "main", nil)
		require.Len(t, s.URLs, 1)
		e, isAPI := errors.AsType[*gitlabci.APIError](err)
		require.True(t, isAPI, "%v", err)
		require.Equal(t, s.Status, e.StatusCode)
		require.LessOrEqual(t, len(e.Message), 64<<10)
		for _, text := range []string{e.Message, e.Error(), err.Error(), fmt.Sprintf("%+v", err)} {
			require.True(t, utf8.ValidString(text), "%q", text)
			require.NotContains(t, text, testkit.Token)
		}
	})
}

// A text that is cut must not keep most of a token at its end.
func TestErrorBodyIsCutAfterTheToken(t *testing.T) {
	t.Parallel()
	for before := 980; before <= 1000; before++ {
		s := &testkit.Canned{Status: http.StatusBadRequest, Body: strings.Repeat("a", before) + testkit.Token + "b"}
		_, err := s.Client(t).Pipelines.Get(t.Context(), "group/app", 7)
		require.ErrorIs(t, err, gitlabci.ErrInvalid)
		require.NotContains(t, err.Error(), testkit.Token[:len(testkit.Token)/2], "%d characters before the token", before)
	}
}

// Reading a message costs about as much as its length, however deep it is
// nested.
func TestErrorBodyIsReadOnce(t *testing.T) { // alone, since it measures what is allocated
	for name, open := range map[string]string{"lists": `[`, "objects": `{"a":`} {
		t.Run(name, func(t *testing.T) {
			const depth = 9000
			closing := map[string]string{"lists": `]`, "objects": `}`}[name]
			s := &testkit.Canned{Status: http.StatusBadRequest, Body: `{"message":` + strings.Repeat(open, depth) + `1` + strings.Repeat(closing, depth) + `}`}
			client := s.Client(t)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := client.Pipelines.Get(t.Context(), "group/app", 7)
			runtime.ReadMemStats(&after)
			require.ErrorIs(t, err, gitlabci.ErrInvalid)
			require.Less(t, (after.TotalAlloc-before.TotalAlloc)>>20, uint64(32), "MiB for %d bytes", len(s.Body))
		})
	}
}

func FuzzPipeline(f *testing.F) {
	f.Add(`{"id":7,"iid":1,"project_id":3,"status":"success","ref":"main","created_at":"2026-02-03T04:05:06.789Z","coverage":"30.00","user":{"id":1,"username":"maya"},"detailed_status":{"icon":"a","action":null}}`)
	for _, name := range []string{"id", "status", "created_at", "coverage", "duration", "tag", "user", "detailed_status", "yaml_errors"} {
		for _, value := range testkit.ScalarPairs {
			f.Add(fmt.Sprintf(`{"id":7,"%s":%s}`, name, value))
		}
	}
	f.Add(`{"id":7,"id":8,"user":{"id":1},"user":{"name":"b"}}`)
	f.Add(`{"user":` + strings.Repeat(`{"user":`, 9000) + `1` + strings.Repeat(`}`, 9001))
	f.Fuzz(func(t *testing.T, body string) {
		decode := func(body string) (any, error) {
			return testkit.CannedJSON(body).Client(t).Pipelines.Get(t.Context(), "group/app", 7)
		}
		if pipeline, err := decode(body); err == nil {
			testkit.SameJSON(t, pipeline, decode)
		}
	})
}

func FuzzJobs(f *testing.F) {
	f.Add(`[{"id":7,"name":"test","status":"failed","failure_reason":"script_failure","coverage":1.5,"pipeline":{"id":1},"artifacts":[{"file_type":"trace","size":9}],"tag_list":["a"],"runner":{"id":3},"commit":{"id":"c0ffee","trailers":{"A":"b"},"extended_trailers":{"A":["b","c"]}}}]`)
	f.Add(`[null,{"id":1},3,"x",[],{}]`)
	f.Add(`[{"id":1},null]`)
	f.Add(` [ ] `)
	for _, name := range []string{"id", "started_at", "coverage", "queued_duration", "allow_failure", "pipeline", "artifacts", "artifacts_file", "tag_list", "commit", "runner_manager"} {
		for _, value := range testkit.ScalarPairs {
			f.Add(fmt.Sprintf(`[{"id":7},{"%s":%s}]`, name, value))
		}
	}
	f.Add(`[{"commit":{"trailers":null,"extended_trailers":{"a":null,"b":[null,1]}}}]`)
	f.Fuzz(func(t *testing.T, body string) {
		decode := func(body string) (any, error) {
			page, err := testkit.CannedJSON(body).Client(t).Jobs.ListForPipeline(t.Context(), "group/app", 7, nil)
			if err != nil {
				return nil, err
			}
			for _, job := range page.Items {
				require.NotNil(t, job)
			}
			return page.Items, nil
		}
		if jobs, err := decode(body); err == nil {
			testkit.SameJSON(t, jobs, decode)
		}
	})
}

func FuzzTestReport(f *testing.F) {
	f.Add(`{"total_time":1.5,"total_count":1,"test_suites":[{"name":"rspec","suite_error":null,"test_cases":[{"status":"failed","name":"a","execution_time":0.1,"system_output":"no","recent_failures":{"count":3,"base_branch":"main"}}]}]}`)
	for _, name := range []string{"status", "execution_time", "system_output", "stack_trace", "recent_failures"} {
		for _, value := range append(testkit.ScalarPairs, `{"message":"a","n":[1,{"b":null}]}`, `["a","b"]`) {
			f.Add(fmt.Sprintf(`{"test_suites":[{"test_cases":[{"%s":%s}]}]}`, name, value))
		}
	}
	f.Fuzz(func(t *testing.T, body string) {
		decode := func(body string) (any, error) {
			return testkit.CannedJSON(body).Client(t).Pipelines.TestReport(t.Context(), "group/app", 7)
		}
		if report, err := decode(body); err == nil {
			testkit.SameJSON(t, report, decode)
		}
	})
}

// With any headers, the time to wait is not negative.
func FuzzRetryAfter(f *testing.F) {
	const date = "Wed, 21 Oct 2026 07:28:00 GMT"
	f.Add(uint(429), "7", "", "")
	f.Add(uint(429), "-7", date, "-1")
	f.Add(uint(429), "9223372036854775807", date, "")
	f.Add(uint(429), "99999999999999999999", date, "9223372036854775807")
	f.Add(uint(503), "Wed, 21 Oct 2026 07:27:00 GMT", date, "")
	f.Add(uint(503), "Fri, 31 Dec 9999 23:59:59 GMT", "Mon, 01 Jan 0001 00:00:00 GMT", "")
	f.Add(uint(429), "", date, "1792567680")
	f.Add(uint(429), "soon", "today", "-9223372036854775808")
	f.Add(uint(429), "", "Mon, 01 Jan 0001 00:00:00 GMT", "-62135596800")
	f.Add(uint(429), " 7\t", "", "7.5")
	f.Fuzz(func(t *testing.T, status uint, after, date, reset string) {
		s := &testkit.Canned{Status: 300 + int(status%300), Header: http.Header{"Retry-After": {after}, "Date": {date}, "Ratelimit-Reset": {reset}}}
		_, err := s.Client(t).Pipelines.Get(t.Context(), "group/app", 7)
		e, isAPI := errors.AsType[*gitlabci.APIError](err)
		require.True(t, isAPI, "%v", err)
		require.GreaterOrEqual(t, e.RetryAfter, time.Duration(0))
		require.NotContains(t, e.Error(), "(retry after -")
	})
}
