package main

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"example.com/gitlabci"
	"example.com/gitlabci/examples/internal/console"
	"example.com/gitlabci/examples/internal/console/consoletest"
	"example.com/gitlabci/gitlabcitest"
	"example.com/gitlabci/joblog"
)

const folded = `Running with gitlab-runner 18.5.0 (44feccdf)
▸ Preparing the "docker" executor (6s)
Executing "step_script" stage of the job script
$ make test
▸ Fetching modules (3s)
--- FAIL: TestGreet (0.00s)
    greet_test.go:12: got "hullo", want "hello"
ERROR: Job failed: exit code 1
`

func TestDemo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out, notes strings.Builder
		if code := command(t.Context(), []string{"-demo"}, &out, &notes); code != 1 {
			t.Errorf("the exit code is %d", code)
		}
		if out.String() != folded {
			t.Errorf("the log is:\n%s", &out)
		}
		for _, want := range []string{"is pending\n", "is running\n", "test: failed after 6s: script_failure https://"} {
			if !strings.Contains(notes.String(), want) {
				t.Errorf("%q is missing in:\n%s", want, &notes)
			}
		}
	})
}

func TestUnfolded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out, notes strings.Builder
		command(t.Context(), []string{"-unfold", "-demo"}, &out, &notes)
		for _, want := range []string{"Using Docker executor", "fetched 100%\n"} {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%q is missing in:\n%s", want, &out)
			}
		}
		if strings.ContainsAny(out.String(), "\x1b\r▸") {
			t.Errorf("the log is:\n%q", &out)
		}
	})
}

func TestOnAServer(t *testing.T) {
	srv := gitlabcitest.NewServer()
	pipeline := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
	pipeline.AddJob(gitlabcitest.Job{ID: 9, Name: "unit 1/2", Log: "one\ntwo\n"})
	url, err := srv.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	consoletest.SetEnv(t, url, srv.Token())
	for _, test := range []struct {
		args, want string
		code       int
		note       string
	}{
		{"group/app|9", "one\ntwo\n", 0, "unit 1/2: success"},
		{"group/app|101|unit 1/2", "one\ntwo\n", 0, ""},
		{"-from|4|group/app|9", "two\n", 0, ""},
		{"group/app|101|deploy", "", 4, `has no job "deploy" among "unit 1/2"`},
		{"group/app|9", "", 4, "403 Forbidden"}, // as the fault below says
		{"group/app|unit", "", 2, "is not the ID"},
		{"group/app", "", 2, "see -h"},
		{"-nonsense", "", 2, "see -h"},
	} {
		if strings.HasPrefix(test.note, "403") {
			srv.Fault(gitlabcitest.Fault{Route: "GET /projects/:id/jobs/:job_id", Status: 403, Times: 1})
		}
		var out, notes strings.Builder
		code := command(t.Context(), strings.Split(test.args, "|"), &out, &notes)
		if code != test.code || !strings.Contains(notes.String(), test.note) || out.String() != test.want {
			t.Errorf("%s: the exit code is %d: %s%s", test.args, code, &out, &notes)
		}
	}
}

// A job that does not exist is waited for only briefly: replicas may not have a new one yet.
func TestMissingJob(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := gitlabcitest.NewServer()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		var out, notes strings.Builder
		s := &settings{project: "group/app", printer: printer{out: &out}}
		if _, err := s.show(ctx, srv.Client(), 10, console.NewNotes(&notes)); !errors.Is(err, gitlabci.ErrNotFound) || out.String() != "" {
			t.Errorf("%v: %s%s", err, &out, &notes)
		}
	})
}

func TestInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		var out, notes strings.Builder
		code := command(ctx, []string{"-demo"}, &out, &notes)
		if code != 130 || !strings.Contains(notes.String(), "; to continue: -from ") {
			t.Errorf("the exit code is %d: %s", code, &notes)
		}
		if !strings.HasPrefix(folded, out.String()[:40]) {
			t.Errorf("the log is:\n%s", &out)
		}
	})
}

// An interrupting writer ends a context at the last line.
type interrupting struct {
	strings.Builder
	interrupt context.CancelFunc
}

func (i *interrupting) Write(line []byte) (int, error) {
	if string(line) == "the end\n" {
		i.interrupt()
	}
	return i.Builder.Write(line)
}

// An interrupt after a job has finished changes nothing.
func TestInterruptedAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := gitlabcitest.NewServer()
		srv.AddPipeline("group/app", gitlabcitest.Pipeline{}).AddJob(gitlabcitest.Job{ID: 9, Log: "one\nthe end"})
		ctx, interrupt := context.WithCancel(t.Context())
		out, notes := &interrupting{interrupt: interrupt}, &strings.Builder{}
		s := &settings{project: "group/app", printer: printer{out: out}}
		job, err := s.show(ctx, srv.Client(), 9, console.NewNotes(notes))
		if err != nil || job.ID != 9 || ctx.Err() == nil || out.String() != "one\nthe end\n" {
			t.Errorf("%v: %s%s", err, out, notes)
		}
	})
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, os.ErrPermission }

func TestFullDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		if err := run(t.Context(), []string{"-demo"}, full{}, &strings.Builder{}); !errors.Is(err, os.ErrPermission) {
			t.Errorf("the error is %v", err)
		}
	})
}

func TestPrinter(t *testing.T) {
	const prepare = "section_start:1:get_sources\r\x1b[0KFetching\n"
	for name, test := range map[string]struct {
		log, want string
		colors    bool
	}{
		"colors":              {"\x1b[31mred\x1b[0m\nplain\n", "\x1b[31mred\x1b[0m\x1b[0m\nplain\n", true},
		"cut off":             {prepare + "a\nb\n", "▾ Fetching\na\nb\n", false},
		"cut short":           {"section_start:1:step_script\r\x1b[0K\n" + prepare + "a\nsection_end:4:step_script\r\x1b[0K", "▾ Fetching (cut short)\na\n", false},
		"one after the other": {prepare + "section_end:4:get_sources\r\x1b[0K" + prepare + "section_end:5:get_sources\r\x1b[0Kx\n", "▸ Fetching (3s)\n▸ Fetching (4s)\nx\n", false},
		"without a header":    {"section_start:1:get_sources\r\x1b[0K\nsection_end:4:get_sources\r\x1b[0K\n", "▸ get_sources (3s)\n", false},
		"text before the end": {prepare + "asection_end:2:get_sources\r\x1b[0Kb\n", "▸ Fetching (1s)\nb\n", false},
		"empty lines":         {"\n\na\n", "\n\na\n", false},
	} {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			p := &printer{out: &out, colors: test.colors}
			if err := p.print(joblog.Lines(strings.NewReader(test.log))); err != nil {
				t.Fatal(err)
			}
			if out.String() != test.want {
				t.Errorf("%q", out.String())
			}
		})
	}
}
