package gitlabcitest_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
)

const junit = `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="all" time="99" tests="99">
	<testcase name="top" time="0.5"/>
	<testsuite name="outer">
		<testsuite name="inner">
			<testcase name="deep" classname="pkg.Deep" file="deep_test.go" time="1.25"/>
		</testsuite>
		<testcase name="fails" time="2">
			<failure message="short" type="T">at deep_test.go:7</failure>
			<system-out>saved as [[ATTACHMENT|shots/a b.png]] and [[ATTACHMENT|c.png]]</system-out>
			<system-err><![CDATA[1 < 2]]></system-err>
		</testcase>
		<testcase name="says little"><skipped/><error/><failure message="only this"/></testcase>
		<testcase name="says nothing"><failure/><system-err>oh</system-err></testcase>
		<testcase time="0.125s"><error message="short">panic</error><system-out>[[ATTACHMENT|d.png]]</system-out></testcase>
		<testcase name="skipped" time="soon"><skipped message="not today"/></testcase>
		<testcase name="passes loudly"><system-out>[[ATTACHMENT|e.png]]</system-out></testcase>
	</testsuite>
</testsuites>
<!-- the end -->`

func report(xml string) map[gitlabci.ArtifactType][]byte {
	return map[gitlabci.ArtifactType][]byte{"junit": []byte(xml)}
}

func testReport(t *testing.T, srv *gitlabcitest.Server) object {
	t.Helper()
	r := get(t, srv, "/projects/1/pipelines/101/test_report")
	require.Equal(t, 200, r.status)
	return r.object(t)
}

func testSummary(t *testing.T, srv *gitlabcitest.Server) object {
	t.Helper()
	r := get(t, srv, "/projects/1/pipelines/101/test_report_summary")
	require.Equal(t, 200, r.status)
	return r.object(t)
}

func (o object) list(key string) (list []object) {
	for _, one := range o[key].([]any) {
		list = append(list, one.(map[string]any))
	}
	return list
}

func TestJUnitCases(t *testing.T) {
	srv := oneJob(gitlabcitest.Job{Name: "unit", Reports: report(junit)})
	o := testReport(t, srv)
	for key, want := range map[string]float64{
		"total_time": 3.875, "total_count": 8, "success_count": 3, "failed_count": 3, "skipped_count": 1, "error_count": 1,
	} {
		require.Equal(t, want, o[key], key)
		require.Equal(t, want, o.list("test_suites")[0][key], key)
	}
	require.Len(t, o.list("test_suites"), 1)
	suite := o.list("test_suites")[0]
	require.Equal(t, "unit", suite["name"])
	require.Nil(t, suite["suite_error"])
	cases, err := json.Marshal(suite["test_cases"])
	require.NoError(t, err)
	require.JSONEq(t, `[
		{"status":"success","name":"top","classname":null,"file":null,"execution_time":0.5,"system_output":null,"stack_trace":null,"recent_failures":null},
		{"status":"failed","name":"fails","classname":null,"file":null,"execution_time":2,
			"system_output":"at deep_test.go:7\n\nSystem Out:\n\nsaved as [[ATTACHMENT|shots/a b.png]] and [[ATTACHMENT|c.png]]\n\nSystem Err:\n\n1 < 2",
			"stack_trace":null,"recent_failures":null,
			"attachment_url":"https://gitlab.example.com/group/app/-/jobs/1/artifacts/file/shots/a%20b.png"},
		{"status":"failed","name":"says little","classname":null,"file":null,"execution_time":0,"system_output":"only this","stack_trace":null,"recent_failures":null},
		{"status":"failed","name":"says nothing","classname":null,"file":null,"execution_time":0,"system_output":"System Err:\n\noh","stack_trace":null,"recent_failures":null},
		{"status":"error","name":"(No name)","classname":null,"file":null,"execution_time":0.125,
			"system_output":"panic\n\nSystem Out:\n\n[[ATTACHMENT|d.png]]","stack_trace":null,"recent_failures":null,
			"attachment_url":"https://gitlab.example.com/group/app/-/jobs/1/artifacts/file/d.png"},
		{"status":"skipped","name":"skipped","classname":null,"file":null,"execution_time":0,"system_output":"not today","stack_trace":null,"recent_failures":null},
		{"status":"success","name":"passes loudly","classname":null,"file":null,"execution_time":0,"system_output":null,"stack_trace":null,"recent_failures":null},
		{"status":"success","name":"deep","classname":"pkg.Deep","file":"deep_test.go","execution_time":1.25,"system_output":null,"stack_trace":null,"recent_failures":null}
	]`, string(cases))
	require.Equal(t, o, testReport(t, srv), "the second time it is remembered")
}

func TestJUnitDocuments(t *testing.T) {
	for xml, want := range map[string]string{
		`<testsuite><testcase name="a"/></testsuite>`:                  "",
		"\ufeff" + `<testsuite><testcase name="a"/></testsuite>`:       "",
		`<testsuite><testcase name="a"/></testsuite>` + "\n<!-- -->\n": "",
		`<testsuite xmlns="urn:x"><testcase name="a"/></testsuite>`:    "",
		"":                                         "JUnit XML parsing failed: 1:1: FATAL: Document is empty",
		`{"testsuite":"abc"}`:                      "JUnit XML parsing failed: 1:20: FATAL: Document is empty",
		"<testsuite>\n<testcase name='a'\n</x>":    "JUnit XML parsing failed: 3:1: FATAL: expected attribute name in element",
		"<testsuite><testcase></testsuite>":        "JUnit XML parsing failed: 1:34: FATAL: element <testcase> closed by </testsuite>",
		"<testsuite/><testsuite/>":                 "JUnit XML parsing failed: 1:25: FATAL: extra content at the end of the document",
		"<testsuite/> and more":                    "JUnit XML parsing failed: 1:22: FATAL: extra content at the end of the document",
		"<testsuite/><":                            "JUnit XML parsing failed: 1:14: FATAL: unexpected EOF",
		"<testsuite><testcase name=\"\x01\"/></x>": "JUnit XML parsing failed: 1:30: FATAL: illegal character code U+0001",
	} {
		o := testReport(t, oneJob(gitlabcitest.Job{Name: "unit", Reports: report(xml)}))
		suite := o.list("test_suites")[0]
		if want == "" {
			require.Nil(t, suite["suite_error"], xml)
			require.Len(t, suite["test_cases"], 1, xml)
			continue
		}
		require.Equal(t, want, suite["suite_error"], xml)
		require.Equal(t, []any{}, suite["test_cases"])
		require.Zero(t, o["total_count"])
	}
	for _, xml := range []string{`<other><testcase name="a"/></other>`, "<testsuites/>", "<testsuites><group><testcase/></group></testsuites>"} {
		suite := testReport(t, oneJob(gitlabcitest.Job{Reports: report(xml)})).list("test_suites")[0]
		require.Nil(t, suite["suite_error"], xml)
		require.Empty(t, suite["test_cases"], xml)
	}
}

func TestJUnitTimes(t *testing.T) {
	for text, want := range map[string]float64{
		"1.5": 1.5, " 2": 2, "1,234.5": 1, "1e2": 100, "-1": -1, ".5": 0, "x": 0, "": 0, "NaN": 0, "Inf": 0, "1e400": 0, "1e300": 0, "-1e300": 0,
	} {
		o := testReport(t, oneJob(gitlabcitest.Job{Reports: report(`<testsuite><testcase time="` + text + `"/></testsuite>`)}))
		require.Equal(t, want, o.list("test_suites")[0].list("test_cases")[0]["execution_time"], text)
		require.Equal(t, want, o["total_time"], text)
	}
}

// one is a report with a case of a name.
func one(name string) map[gitlabci.ArtifactType][]byte {
	return report(`<testsuite><testcase name="` + name + `" time="1"/></testsuite>`)
}

func TestJUnitSuites(t *testing.T) {
	srv := gitlabcitest.NewServer()
	p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{TestReport: &gitlabci.TestReport{TestSuites: []gitlabci.TestSuite{
		{Name: "given", TestCases: []gitlabci.TestCase{{Name: "g"}}},
		{Name: "lint", TestCases: []gitlabci.TestCase{{Name: "l"}}},
	}}})
	for id, name := range []string{"unit 1/3", "unit 2/3", "unit:3/3", "lint", "build: [linux, 1/2]", "unit 4", "docs 1 2", " 1/2", "unit-1/2"} {
		p.AddJob(gitlabcitest.Job{ID: gitlabci.JobID(id + 1), Name: name, Reports: one(name)})
	}
	p.AddJob(gitlabcitest.Job{ID: 20, Name: "unit 1/3", Retried: true, Reports: one("superseded")})
	p.AddJob(gitlabcitest.Job{ID: 21, Name: "given"})
	p.AddJob(gitlabcitest.Job{ID: 22, Name: "lint 1/2", Reports: report("<")})
	p.AddJob(gitlabcitest.Job{ID: 23, Name: "none"})
	p.AddJob(gitlabcitest.Job{ID: 24, Name: "lint 2/2", Reports: one("fine")})
	names, cases, builds := []string{}, map[string][]string{}, map[string][]any{}
	for _, suite := range testReport(t, srv).list("test_suites") {
		name := suite["name"].(string)
		names = append(names, name)
		for _, one := range suite.list("test_cases") {
			cases[name] = append(cases[name], one["name"].(string))
		}
	}
	for _, suite := range testSummary(t, srv).list("test_suites") {
		builds[suite["name"].(string)] = suite["build_ids"].([]any)
	}
	require.Equal(t, []string{"given", "lint", "unit", "build: [linux, 1/2]", "unit 4", "docs", " 1/2", "unit-1/2"}, names)
	require.Equal(t, map[string][]string{
		"given": {"g"}, "unit": {"unit 1/3", "unit 2/3", "unit:3/3"}, "build: [linux, 1/2]": {"build: [linux, 1/2]"},
		"unit 4": {"unit 4"}, "docs": {"docs 1 2"}, " 1/2": {" 1/2"}, "unit-1/2": {"unit-1/2"},
	}, cases, "a suite of which a part is corrupt has no cases")
	require.Equal(t, map[string][]any{
		"given": {21.0}, "lint": {4.0, 22.0, 24.0}, "unit": {1.0, 2.0, 3.0}, "build: [linux, 1/2]": {5.0}, "unit 4": {6.0}, "docs": {7.0},
		" 1/2": {8.0}, "unit-1/2": {9.0},
	}, builds)
	total := testSummary(t, srv).in("total")
	require.EqualValues(t, 9, total["count"])
	require.EqualValues(t, 8, total["time"])
	require.EqualValues(t, 9, total["success"])
	require.Contains(t, testSummary(t, srv).list("test_suites")[1]["suite_error"], "JUnit XML parsing failed")
}

func TestJUnitVanishesWithItsReport(t *testing.T) {
	tests := map[string]func(t *testing.T, srv *gitlabcitest.Server){
		"erased": func(t *testing.T, srv *gitlabcitest.Server) {
			require.Equal(t, 201, post(t, srv, "/projects/1/jobs/1/erase").status)
		},
		"deleted": func(t *testing.T, srv *gitlabcitest.Server) {
			require.Equal(t, 204, send(t, srv, http.MethodDelete, byID, "").status)
		},
		"retried": func(t *testing.T, srv *gitlabcitest.Server) {
			require.Equal(t, 201, post(t, srv, "/projects/1/jobs/1/retry").status)
		},
		"expired": func(*testing.T, *gitlabcitest.Server) { time.Sleep(time.Hour) },
	}
	for name, vanish := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := gitlabcitest.NewServer()
				p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
				p.AddJob(gitlabcitest.Job{ID: 1, Reports: one("a"), ArtifactsExpireAt: time.Now().Add(time.Hour)})
				srv.AddPipeline("group/app", gitlabcitest.Pipeline{}) // so that the first one is not locked
				require.EqualValues(t, 1, testReport(t, srv)["total_count"])
				require.EqualValues(t, 1, testSummary(t, srv).in("total")["count"])
				vanish(t, srv)
				require.Empty(t, testReport(t, srv)["test_suites"])
				require.Empty(t, testSummary(t, srv)["test_suites"])
			})
		})
	}
}

func TestTwinsOfASuiteCountOnce(t *testing.T) {
	const first = `<testsuites><testsuite name="a"><testcase classname="C" name="n" file="1.rb" time="1"/></testsuite>
		<testsuite name="b"><testcase classname="C" name="n" file="2.rb" time="2"/>
		<testcase classname="C" name="n" time="4"><failure/></testcase><testcase classname="D" name="n" time="8"/></testsuite></testsuites>`
	const second = `<testsuite><testcase classname="C" name="n" file="3.rb" time="16"/><testcase classname="E" name="n" time="32"/></testsuite>`
	srv := oneJob(gitlabcitest.Job{Name: "unit 1/2", Reports: report(first)})
	described := func() (all []string) {
		o := testReport(t, srv)
		suite := o.list("test_suites")[0]
		for _, one := range suite.list("test_cases") {
			all = append(all, fmt.Sprint(one["classname"], one["name"], " ", one["status"], " ", one["file"]))
		}
		require.EqualValues(t, len(all), suite["total_count"])
		require.EqualValues(t, len(all), testSummary(t, srv).in("total")["count"])
		return append(all, fmt.Sprint(suite["total_time"]))
	}
	require.Equal(t, []string{"Cn success 2.rb", "Cn failed <nil>", "Dn success <nil>", "15"}, described())
	srv.Pipeline(101).AddJob(gitlabcitest.Job{Name: "unit 2/2", Reports: report(second)})
	require.Equal(t, []string{"Cn failed <nil>", "Dn success <nil>", "Cn success 3.rb", "En success <nil>", "63"}, described())
	srv.Pipeline(101).AddJob(gitlabcitest.Job{Name: "other", Reports: report(second)})
	require.EqualValues(t, 6, testReport(t, srv)["total_count"])
}

func TestJUnitOfCreatedPipelines(t *testing.T) {
	srv := gitlabcitest.NewServer()
	srv.OnCreate("group/app", gitlabcitest.Pipeline{}, gitlabcitest.Job{Name: "unit", Reports: one("a")})
	for range 2 {
		p, err := srv.Client().Pipelines.Create(t.Context(), "group/app", "main", nil)
		require.NoError(t, err)
		report, err := srv.Client().Pipelines.TestReport(t.Context(), "group/app", p.ID)
		require.NoError(t, err)
		require.Equal(t, "a", report.TestSuites[0].TestCases[0].Name)
	}
}

func FuzzJUnit(f *testing.F) {
	f.Add(junit)
	f.Add("")
	f.Add("<testsuite><testcase><failure/><skipped/></testcase></testsuite>")
	f.Add(`<testsuite><testcase time="1e308"/><testcase time="1e308"/></testsuite>`)
	f.Add(`<!DOCTYPE x [<!ENTITY a "b">]><testsuites><testcase name="&a;&#0;"/></testsuites>`)
	f.Add(strings.Repeat("<testsuite>", 200))
	f.Fuzz(func(t *testing.T, xml string) {
		srv := oneJob(gitlabcitest.Job{Reports: report(xml)})
		w := serve(srv, "/projects/1/pipelines/101/test_report")
		require.Equal(t, 200, w.Code)
		var o gitlabci.TestReport
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &o))
		require.Len(t, o.TestSuites, 1)
		suite := o.TestSuites[0]
		require.Len(t, suite.TestCases, suite.TotalCount)
		require.Equal(t, suite.TotalCount, suite.SuccessCount+suite.FailedCount+suite.SkippedCount+suite.ErrorCount)
		if suite.SuiteError != "" {
			require.Empty(t, suite.TestCases)
		}
	})
}
