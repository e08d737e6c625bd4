package main

import (
	"html"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"example.com/gitlabci"
	"example.com/gitlabci/examples/internal/console/consoletest"
	"example.com/gitlabci/gitlabcitest"
)

func TestDemo(t *testing.T) {
	var out, notes strings.Builder
	if code := command(t.Context(), []string{"-demo", "-o", "-"}, &out, &notes); code != 0 || notes.String() != "" {
		t.Fatalf("exit code %d: %s", code, &notes)
	}
	for _, want := range []string{
		">Pipeline 103</a> <span class=\"status failed\">failed</span>",
		"Release candidate", "Timeline: 19 jobs", "Critical path: ", "Tests: 1 of 2 failed",
		"<bdi>TestDivide</bdi>", "<bdi>pipeline 102 is failed</bdi>", "failed: pipeline 102 is failed. ", `<div class="below d1"><div class="pipeline">`, "TestDivide: divide_test.go:12: got 1, want 2", "job execution timeout",
		"Pipeline 102</a> <span class=\"muted\">of <bdi>group/e2e</bdi></span>",
		"attempt 1: ran 2m 10s, +2m 43s to +4m 53s, failed: script failure. ", "attempt 2: ran 2m 20s, ",
		"failed: script failure, which is allowed. ", "after <bdi>build: [linux, amd64]</bdi>. ", "waited 38s for a runner, +2m 38s to +3m 16s. ",
		"https://gitlab.example.com/group/app/-/jobs/", "https://gitlab.example.com/group/app/-/pipelines/103/test_report",
	} {
		if !strings.Contains(html.UnescapeString(out.String()), want) {
			t.Errorf("%q is missing", want)
		}
	}
	if strings.Contains(out.String(), "ZgotmplZ") {
		t.Error("html/template has refused something")
	}
}

func TestHelp(t *testing.T) {
	var out, notes strings.Builder
	if code := command(t.Context(), []string{"-h"}, &out, &notes); code != 0 || notes.String() != "" {
		t.Errorf("exit code %d: %s", code, &notes)
	}
	for _, want := range []string{"Exit codes:\n", "GITLAB_TOKEN", "-demo", "-ref branch"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in:\n%s", want, &out)
		}
	}
}

func TestOnAServer(t *testing.T) {
	srv := gitlabcitest.NewServer()
	srv.AddPipeline("group/app", gitlabcitest.Pipeline{}).AddJob(gitlabcitest.Job{Name: "first"})
	secret := srv.AddPipeline("group/app", gitlabcitest.Pipeline{Ref: "release", Status: gitlabci.StatusFailed})
	srv.AddProject("group/secret")
	srv.AddPipeline("group/app", gitlabcitest.Pipeline{Ref: "release", YAMLErrors: "no jobs"})
	secret.AddTriggerJob(gitlabcitest.Job{Name: "below", Downstream: srv.AddPipeline("group/secret", gitlabcitest.Pipeline{})})
	srv.AddMember("group/app", "dev", gitlabcitest.RoleDeveloper)
	srv.AddMember("group/secret", "dev", 0)
	url, err := srv.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	consoletest.SetEnv(t, url, srv.AddToken(gitlabcitest.Token{Username: "dev"}))
	for _, test := range []struct {
		args string
		code int
		want string
	}{
		{"group/app", 0, ">Pipeline 101<"},
		{"-ref release group/app", 0, ">Pipeline 103<"},
		{"group/app 103", 0, "The pipeline has no jobs."},
		{"group/app 102", 0, `Pipeline 104</a> <span class="muted">of <bdi>group/secret</bdi></span> <span class="status success">success</span> <span class="note">cannot be read: <bdi>gitlabci: GET`},
		{"group/app 999", 1, "404"},
		{"-ref nowhere group/app", 1, "403"},
		{"group/secret 104", 1, "404"},
		{"-o /nowhere/page.html group/app", 1, "no such file"},
		{"group/app newest", 2, `"newest" is not the ID of a pipeline`},
		{"group/app -1", 2, "is not the ID"},
		{"group/app 101 102", 2, "give a project"},
		{"-demo group/app", 2, "give a project"},
		{"", 2, "give a project"},
		{"-nonsense", 2, "see -h"},
	} {
		var out, notes strings.Builder
		if code := command(t.Context(), append([]string{"-o", "-"}, strings.Fields(test.args)...), &out, &notes); code != test.code {
			t.Errorf("%s: the exit code is %d: %s", test.args, code, &notes)
		}
		if !strings.Contains(out.String()+notes.String(), test.want) {
			t.Errorf("%s: %q is missing in:\n%s%s", test.args, test.want, &out, &notes)
		}
	}
	consoletest.Interrupted(t, command, "-o", "-", "group/app")
	t.Setenv("GITLAB_URL", consoletest.WrongURL)
	if code := command(t.Context(), []string{"group/app"}, t.Output(), t.Output()); code != 2 {
		t.Error("with a wrong GITLAB_URL the exit code is", code)
	}
}

// The program says how long and how much it read if that took more than two seconds.
func TestLongReads(t *testing.T) {
	for wait, want := range map[string]string{
		"0": "pipeline 101 is waiting for resource: see FILE\n",
		"7": "pipeline 101 is waiting for resource: see FILE\n1 pipeline with 2 jobs took 7s; the page has ",
	} {
		synctest.Test(t, func(t *testing.T) {
			srv := gitlabcitest.NewServer()
			p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{Status: gitlabci.StatusWaitingForResource})
			p.AddJob(gitlabcitest.Job{Name: "a"})
			p.AddTriggerJob(gitlabcitest.Job{Name: "b"})
			if wait != "0" {
				srv.Fault(gitlabcitest.Fault{Status: 429, Header: http.Header{"Retry-After": {wait}}, Times: 1})
			}
			s := &settings{project: "group/app", pipeline: p.ID, file: filepath.Join(t.TempDir(), "page.html")}
			var notes strings.Builder
			if err := s.show(t.Context(), srv.Client(), t.Output(), &notes); err != nil {
				t.Fatal(err)
			}
			if got := strings.ReplaceAll(notes.String(), s.file, "FILE"); !strings.HasPrefix(got, want) || wait == "0" && got != want {
				t.Errorf("it prints: %s", got)
			}
			page, err := os.ReadFile(s.file)
			if err != nil || !strings.HasSuffix(string(page), "</html>\n") {
				t.Errorf("the page ends with %q: %v", page[max(0, len(page)-20):], err)
			}
		})
	}
}

// Tests that may not be read are missing, and the page says so.
func TestTestsThatMayNotBeRead(t *testing.T) {
	srv := gitlabcitest.NewServer()
	p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{TestReport: &gitlabci.TestReport{TestSuites: []gitlabci.TestSuite{
		{Name: "unit", TestCases: []gitlabci.TestCase{{Name: "TestA", Status: gitlabci.TestStatusError, SystemOutput: "first\nsecond"}}},
	}}})
	p.AddJob(gitlabcitest.Job{Name: "unit"})
	const base = "GET /projects/:id/"
	for _, test := range []struct{ route, want string }{
		{"", "<bdi>first</bdi>"},
		{base + "pipelines/:pipeline_id/test_report", "Not complete: <bdi>tests of pipeline 101: gitlabci: GET /projects/"},
		{base + "pipelines/:pipeline_id/test_report_summary", "Not complete: <bdi>tests of pipeline 101: gitlabci: GET /projects/"},
	} {
		if test.route != "" {
			srv.Fault(gitlabcitest.Fault{Route: test.route, Status: 403, Times: 1})
		}
		expect(t, srv, p.ID, test.want)
	}
}

// expect looks for a text in a page.
func expect(t *testing.T, srv *gitlabcitest.Server, pipeline gitlabci.PipelineID, want string) {
	t.Helper()
	var out strings.Builder
	s := &settings{project: "group/app", pipeline: pipeline, file: "-"}
	if err := s.show(t.Context(), srv.Client(), &out, t.Output()); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), want) {
		t.Errorf("%q is missing", want)
	}
}
