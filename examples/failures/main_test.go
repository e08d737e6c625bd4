package main

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

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
		"  |     divide_test.go:12: got 1, want 2\n  | FAIL\n  | ERROR: Job failed: exit code 1\n",
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
	srv.AddMember("group/app", "dev", gitlabcitest.Developer)
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

func TestLastLines(t *testing.T) {
	for log, want := range map[string][]string{
		"":                          nil,
		"\n\r\n":                    nil,
		"one":                       {"one"},
		"one\ntwo\n\nthree\nfour\n": {"three", "four"},
		"a\r\nb\r\n":                {"a", "b"},
		"10%\r50%\r100%\nnext":      {"100%", "next"},
		"section_start:1:a[collapsed=true]\r\x1b[0Kname\nsection_end:2:a\r\x1b[0K": {"name"},
		"\x1b]0;title\a\tb":                      {"]0;title\tb"},
		"\x1b[31;1mred\x1b[0;m\xff":              {"red?"},
		strings.Repeat("x", 1<<20) + "\nlast":    {strings.Repeat("x", longest-1) + "…", "last"},
		"first\n" + strings.Repeat("é", longest): {"first", strings.Repeat("é", longest)},
	} {
		lines, err := lastLines(iotest.OneByteReader(strings.NewReader(log)), 2)
		if err != nil || !slices.Equal(lines, want) {
			t.Errorf("%.40q: %q, %v", log, lines, err)
		}
	}
	broken := io.MultiReader(strings.NewReader("one\ntw"), iotest.ErrReader(errors.New("broken")))
	if lines, err := lastLines(broken, 2); err == nil || !slices.Equal(lines, []string{"one", "tw"}) {
		t.Errorf("%q, %v", lines, err)
	}
	if lines, err := lastLines(strings.NewReader("one"), 0); err != nil || lines != nil {
		t.Errorf("%q, %v", lines, err)
	}
}
