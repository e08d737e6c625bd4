package main

import (
	"bytes"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"example.com/gitlabci"
	"example.com/gitlabci/examples/internal/console"
	"example.com/gitlabci/examples/internal/console/consoletest"
	"example.com/gitlabci/gitlabcitest"
)

func TestDemo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out, notes bytes.Buffer
		if code := command(t.Context(), []string{"-demo", "-lines", "3"}, &out, &notes); code != 0 || notes.Len() > 0 {
			t.Fatalf("the exit code is %d: %s", code, &notes)
		}
		want := `pipeline 102 of main: failed, 3 jobs failed

backend (test): unknown_failure
  https://gitlab.example.com/group/app/-/jobs/1004
  it started https://gitlab.example.com/group/app/-/pipelines/101

deploy (deploy): downstream_pipeline_creation_failed
  https://gitlab.example.com/group/app/-/jobs/1005

unit (test): script_failure after 1m0s
  https://gitlab.example.com/group/app/-/jobs/1001
  TestDivide: divide_test.go:12: got 1, want 2
  | failed: calc TestDivide
  | got 1, want 2
  | --- FAIL: TestDivide (0.00s)
`
		if out.String() != want {
			t.Errorf("it explains:\n%s", &out)
		}
	})
}

// A pipeline can fail without a job; its number chooses another than the newest one.
func TestOnAServer(t *testing.T) {
	srv := fakeGitLab()
	srv.AddPipeline("group/app", gitlabcitest.Pipeline{Ref: "release", YAMLErrors: "jobs config is \x1b[2Jmissing", Status: gitlabci.StatusFailed})
	srv.AddMember("group/app", "dev", gitlabcitest.RoleDeveloper)
	url, err := srv.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	consoletest.SetEnv(t, url, srv.AddToken(gitlabcitest.Token{Username: "dev"}))
	for args, want := range map[string]string{
		"group/app 102":          "pipeline 102 of main: failed, 3 jobs failed\n",
		"-ref release group/app": "pipeline 103 of release: failed, 0 jobs failed\nthe configuration is invalid: jobs config is ?[2Jmissing\n",
	} {
		var out, notes bytes.Buffer
		if code := command(t.Context(), strings.Fields(args), &out, &notes); code != 0 || !strings.HasPrefix(out.String(), want) {
			t.Errorf("%s: %d: %s%s", args, code, &out, &notes)
		}
	}
}

// A log that cannot be read does not hide the other failures, and one that takes long is
// noted.
func TestLogsThatCannotBeRead(t *testing.T) {
	script := "section_start:1:step_script\r\x1b[0K\n\x1b[31;1mred\x1b[0;m\nring\a\tonce\nsection_end:2:step_script\r\x1b[0K\nERROR: Job failed: exit code 1\n"
	for name, test := range map[string]struct {
		log        string
		fault      *gitlabcitest.Fault
		code       int
		out, notes string
	}{
		"for a terminal": {script, nil, 0, "  ring once\n  | red\n  | ring    once\n", ""},
		"no log":         {"", nil, 0, "/jobs/1001\n", ""},
		"forbidden":      {script, &gitlabcitest.Fault{Status: 403, Route: "GET /projects/:id/jobs/:job_id/trace"}, 1, "/jobs/1001\n  the log could not be read: gitlabci: ", "failures: 1 of 1 logs could not be read\n"},
		"slow":           {script, &gitlabcitest.Fault{Break: gitlabcitest.BreakStallHeader, Delay: 3 * time.Second, Route: "GET /projects/:id/jobs/:job_id/trace"}, 0, "  | red\n", "the logs were read in 3s\n"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := gitlabcitest.NewServer()
				began := time.Now().Add(-time.Hour)
				p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{Status: gitlabci.StatusFailed})
				p.AddJob(gitlabcitest.Job{Name: "unit", Status: gitlabci.StatusFailed, Log: test.log, CreatedAt: began, StartedAt: began, FinishedAt: began})
				if test.fault != nil {
					srv.Fault(*test.fault)
				}
				var out, notes bytes.Buffer
				s := &settings{project: "group/app", pipeline: p.ID, lines: 20}
				code := console.Code(t.Context(), "failures", s.explain(t.Context(), srv.Client(), &out, console.NewNotes(&notes)), &notes)
				if code != test.code || !strings.Contains(out.String(), test.out) || notes.String() != test.notes {
					t.Errorf("the exit code is %d: %s%s", code, &out, &notes)
				}
			})
		})
	}
}

func TestExitCodes(t *testing.T) {
	consoletest.SetEnv(t, consoletest.WrongURL, "")
	consoletest.ExitCodes(t, command, map[string]int{
		"-h": 0, "": 2, "a 1 b": 2, "a newest": 2, "a -7": 2, "-lines -1 a": 2, "-nonsense": 2, "group/app": 2,
		"-demo group/none": 1, "-demo group/app 4711": 1, "-demo -ref none": 1,
	})
	consoletest.Interrupted(t, command, "-demo")
}
