package main

import (
	"io"
	"strings"
	"testing"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
)

func TestOnTheFake(t *testing.T) {
	var out strings.Builder
	if err := run(t.Context(), &out, question{ref: "main", lines: 3}, nil); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"pipeline 102 of main: failed, 1 jobs failed, 1 of 2 tests",
		"deploy started no pipeline: downstream_pipeline_creation_failed",
		"unit (test) failed after 1m0s: script_failure\n  https://",
		"  TestDivide: divide_test.go:12: got 1, want 2\n  | --- FAIL: TestDivide (0.00s)\n",
		"tests of pipeline 101:\n  unit: TestDivide\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in:\n%s", want, &out)
		}
	}
	for _, other := range []string{"lint", "backend", "TestAdd", "go test"} {
		if strings.Contains(out.String(), other) {
			t.Errorf("%q is no reason:\n%s", other, &out)
		}
	}
}

func TestOnAServer(t *testing.T) {
	srv := fakeServer()
	hidden := srv.AddPipeline("group/app", gitlabcitest.Pipeline{Ref: "release", YAMLErrors: "jobs config is missing", Status: gitlabci.StatusFailed})
	srv.AddProject("group/secret")
	secret := srv.AddPipeline("group/secret", gitlabcitest.Pipeline{Status: gitlabci.StatusFailed})
	hidden.AddTriggerJob(gitlabcitest.Job{Name: "secret", Status: gitlabci.StatusFailed, Downstream: secret})
	srv.AddMember("group/app", "dev", gitlabcitest.RoleDeveloper)
	srv.AddMember("group/secret", "dev", 0)
	url, err := srv.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	for _, name := range []string{"GITLAB_HOST", "CI_API_V4_URL", "CI_SERVER_URL", "CI_SERVER_TLS_CA_FILE", "CI_JOB_TOKEN"} {
		t.Setenv(name, "")
	}
	t.Setenv("GITLAB_URL", url)
	t.Setenv("GITLAB_TOKEN", srv.AddToken(gitlabcitest.Token{Username: "dev"}))
	for want, args := range map[string][]string{
		"pipeline 102 of main: failed":                            {"group/app", "102"},
		"pipeline 103 has invalid configuration: jobs config":     {"group/app"},
		"pipeline 104, failed, cannot be read: gitlabci: GET /pr": {"group/app", "103"},
	} {
		var out strings.Builder
		if err := run(t.Context(), &out, question{ref: "release"}, args); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in:\n%s", want, &out)
		}
	}
	for _, args := range [][]string{{"group/app", "newest"}, {"group/secret", "104"}, {"group/secret"}} {
		if err := run(t.Context(), io.Discard, question{ref: "main"}, args); err == nil {
			t.Error(args, "has no error")
		}
	}
}

// Of a log come the lines that tell why.
func TestCauses(t *testing.T) {
	script := func(lines string) string {
		return "section_start:1:step_script\r\x1b[0K\n" + lines + "section_end:2:step_script\r\x1b[0K\nERROR: Job failed: exit code 1\n"
	}
	for name, test := range map[string]struct {
		log   string
		lines int
		want  string
		fails bool
	}{
		"no log":             {"", 2, "", false},
		"the end of it":      {script("one\ntwo\n\nthree\n"), 2, "  three\n  | one\n  | two\n", false},
		"fewer than wanted":  {script("one\n"), 20, "  one\n  | one\n", false},
		"errors before that": {script("--- FAIL: TestA\n    a_test.go:3: x\n--- FAIL: TestB\ncleaning up\n"), 2, "  TestA: a_test.go:3: x\n  | --- FAIL: TestA\n  |     a_test.go:3: x\n", false},
		"none wanted":        {script("one\n"), 0, "  one\n", false},
		"fewer than none":    {script("one\n"), -1, "  one\n", false},
		"for a terminal":     {script("\x1b[31;1mred\x1b[0;m\n10%\r100%\nring\a\tonce\n"), 3, "  ring once\n  | red\n  | 100%\n  | ring\tonce\n", false},
		"may not be read":    {script("one\n"), 2, "", true},
	} {
		t.Run(name, func(t *testing.T) {
			srv := gitlabcitest.NewServer()
			job := srv.AddPipeline("group/app", gitlabcitest.Pipeline{}).AddJob(gitlabcitest.Job{Status: gitlabci.StatusFailed, Log: test.log})
			if test.fails {
				srv.Fault(gitlabcitest.Fault{Status: 403})
			}
			var out strings.Builder
			err := question{lines: test.lines}.causes(t.Context(), &out, srv.Client(), "group/app", job.ID)
			if out.String() != test.want || (err != nil) != test.fails {
				t.Errorf("%q, %v", &out, err)
			}
		})
	}
}
