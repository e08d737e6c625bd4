package main

import (
	"fmt"
	"strings"
	"testing"

	"example.com/gitlabci"
	"example.com/gitlabci/examples/internal/console/consoletest"
	"example.com/gitlabci/gitlabcitest"
)

func TestOnTheFake(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	var out, notes strings.Builder
	if code := command(t.Context(), nil, &out, &notes); code != 0 || notes.Len() > 0 {
		t.Fatalf("the exit code is %d: %s", code, &notes)
	}
	for _, want := range []string{"feature/login", "Started pipeline 102 on main:\n", "GREETING=hello", "tests: 1, failed: 0", "unit: greets by name (250ms)", "unit: success", "$ go test ./...", "bytes of artifacts are in"} {
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
	consoletest.SetEnv(t, url, srv.Token())
	consoletest.ExitCodes(t, command, map[string]int{"-h": 0, "a b": 2, "-nonsense": 2, "-ref main": 2, "group/none": 1})
	for _, write := range []bool{false, true} {
		var out, notes strings.Builder
		if code := command(t.Context(), []string{"-ref", "release", fmt.Sprintf("-write=%v", write), "group/app"}, &out, &notes); code != 0 {
			t.Fatalf("the exit code is %d: %s", code, &notes)
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
