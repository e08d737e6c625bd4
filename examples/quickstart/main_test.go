package main

import (
	"strings"
	"testing"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
)

func TestOnTheFake(t *testing.T) {
	for _, name := range []string{"GITLAB_TOKEN", "GITLAB_PROJECT", "GITLAB_URL", "GITLAB_HOST", "CI_API_V4_URL", "CI_SERVER_URL", "CI_JOB_TOKEN"} {
		t.Setenv(name, "")
	}
	var out strings.Builder
	if err := run(t.Context(), &out, "main", false); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"feature/login", "Started pipeline 102 on main", "GREETING=hello", "tests: 1, failed: 0", "unit: greets by name (250ms)", "unit: success", "$ go test ./...", "bytes of artifacts are in"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in:\n%s", want, &out)
		}
	}
}

func TestOnAServer(t *testing.T) {
	srv := gitlabcitest.NewServer()
	srv.AddPipeline("group/app", gitlabcitest.Pipeline{Ref: "release"})
	url, err := srv.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	t.Setenv("GITLAB_URL", url)
	t.Setenv("GITLAB_TOKEN", srv.Token())
	t.Setenv("GITLAB_PROJECT", "group/app")
	for _, write := range []bool{false, true} {
		var out strings.Builder
		if err := run(t.Context(), &out, "release", write); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(out.String(), "release") {
			t.Errorf("the pipeline is missing in:\n%s", &out)
		}
		page, err := srv.Client().Pipelines.List(t.Context(), "group/app", &gitlabci.ListPipelinesOptions{Source: gitlabci.SourceAPI})
		if err != nil || len(page.Items) > 0 != write {
			t.Errorf("with write %v there are %d new pipelines (%v)", write, len(page.Items), err)
		}
	}
}
