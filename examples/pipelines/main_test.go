package main

import (
	"bytes"
	"encoding/json"
	"slices"
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
		if code := command(t.Context(), []string{"-demo", "-limit", "3"}, &out, &notes); code != 0 {
			t.Fatalf("the exit code is %d: %s", code, &notes)
		}
		want := []string{
			"  pipeline status  ref             sha      source   user age took",
			"───────────────────────────────────────────────────────────────────",
			"2100482003 running !17             15957d8f web      maya 20m",
			"2100481986 running main            5bda0181 MR       elif 2h",
			"2100481969 success feature/sign-in 50548a40 schedule ravi 4h  9m7s",
			"3 pipelines: 2 running, 1 success", "",
		}
		if got := strings.Split(out.String(), "\n"); !slices.Equal(got, want) || notes.Len() > 0 {
			t.Errorf("the table is:\n%s%s", &out, &notes)
		}
	})
}

// Each filter is obeyed, and so are the limit and -brief.
func TestFilters(t *testing.T) {
	for args, want := range map[string]int{
		"-limit 0 -brief": 60, "-limit 7": 7, "-limit 0 -brief -status failed": 10, "-limit 0 -brief -ref main": 26, "-source web": 12,
		"-user noor -brief": 15, "-since 12h": 8, "-sha 15957d8f28d96243721113cd4e2c242b8514902b": 1, "-ref none": 0,
		"-status failed -ref main": 5,
	} {
		var out, notes bytes.Buffer
		code := command(t.Context(), append(strings.Fields(args), "-demo", "-json"), &out, &notes)
		n := 0
		for line := range strings.Lines(out.String()) {
			var pipeline gitlabci.Pipeline
			if err := json.Unmarshal([]byte(line), &pipeline); err != nil {
				t.Fatal(err)
			}
			if detailed := pipeline.User != nil; detailed == strings.Contains(args, "-brief") {
				t.Errorf("%s: %s", args, line)
			}
			n++
		}
		if n != want || code != 0 {
			t.Errorf("%s: %d pipelines, not %d (%d, %s)", args, n, want, code, &notes)
		}
	}
}

func TestExitCodes(t *testing.T) {
	consoletest.SetEnv(t, consoletest.WrongURL, "")
	consoletest.ExitCodes(t, command, map[string]int{
		"-h": 0, "": 2, "a b": 2, "-limit -1 a": 2, "-since yesterday a": 2, "-nonsense": 2, "group/app": 2, "-demo group/none": 1,
	})
	consoletest.Interrupted(t, command, "-demo")
}

// A table fits the screen whatever is in it, and commands no terminal.
func TestTableOfLongValues(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		odd := &gitlabci.Pipeline{
			PipelineInfo: gitlabci.PipelineInfo{
				ID: 9_999_999_999, Ref: "feature/\u009b31m" + strings.Repeat("x", 80), SHA: strings.Repeat("a", 40), Status: gitlabci.StatusWaitingForResource,
				Source: gitlabci.SourceSecurityOrchestrationPolicy, CreatedAt: time.Now().Add(-999 * 24 * time.Hour),
			},
			User: &gitlabci.User{Username: "somebody-with-a-long-name"}, Duration: gitlabci.Seconds(86340),
		}
		var out bytes.Buffer
		if err := printTable(&out, []*gitlabci.Pipeline{odd}, 0); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(out.String()) {
			if n := len([]rune(line)); n > 80 { // with its end
				t.Errorf("%d characters: %s", n, line)
			}
		}
		if want := "9999999999 waiting_… feature/?31mxxxx… aaaaaaaa security… somebod… 999d 23h59m\n"; !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in:\n%s", want, &out)
		}
	})
}

// A pipeline that is deleted while the others are read is printed as it was listed, and a
// list that takes long says so.
func TestDeletedMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := gitlabcitest.NewServer()
		srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
		srv.Fault(gitlabcitest.Fault{Route: "GET /projects/:id/pipelines/:pipeline_id", Status: 404})
		srv.Fault(gitlabcitest.Fault{Route: "GET /projects/:id/pipelines", Break: gitlabcitest.BreakStallHeader, Delay: 12 * time.Second})
		s, err := parse([]string{"group/app"}, t.Output())
		if err != nil {
			t.Fatal(err)
		}
		var out, notes bytes.Buffer
		if err := show(t.Context(), srv.Client(), s, &out, console.NewNotes(&notes)); err != nil {
			t.Fatal(err)
		}
		if want := "\n1 pipelines in 12s: 1 success\n"; !strings.HasSuffix(out.String(), want) {
			t.Errorf("%q is missing in:\n%s", want, &out)
		}
		if want := "pipelines: 1 after 12s\n"; notes.String() != want {
			t.Errorf("the notes are %q", &notes)
		}
	})
}
