package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"example.com/gitlabci"
	"example.com/gitlabci/examples/internal/console"
	"example.com/gitlabci/examples/internal/console/consoletest"
	"example.com/gitlabci/gitlabcitest"
)

const demoTable = `flaky   failed by commit    job     test
───────────────────────────────────────────────────
certain 3/13   +++F++*+F+++ browser opens the cart
certain 2/13   ++++++*+++F+ browser pays by card
certain 1/15   +*++++++++++ unit    TestCheckout
suspect 1/15   +++++++F++++ unit    TestUpload
by commit, the newest last: + passed, F failed, * both, - not run
3 flaky for certain, 1 suspect, of 8 tests
12 pipelines of main and 4 retried jobs were read
`

func TestDemo(t *testing.T) {
	report := filepath.Join(t.TempDir(), "report.xml")
	if err := os.WriteFile(report, []byte("the old one"), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, notes bytes.Buffer
	if code := command(t.Context(), []string{"-demo", "-junit", report}, &out, &notes); code != 0 || notes.Len() > 0 {
		t.Fatalf("the exit code is %d: %s", code, &notes)
	}
	if out.String() != demoTable {
		t.Errorf("the table is:\n%s", &out)
	}
	written, err := os.ReadFile(report)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`<testcase classname="shop" name="pays by card">` + "\n" + `      <failure message="it failed in 2 of 13 runs, and failed and passed at 0000000000000000000000000000000000ac352d"></failure>`,
		`<testcase classname="shop" name="TestUpload">` + "\n" + `      <skipped message="it failed in 1 of 15 runs"></skipped>`,
	} {
		if !strings.Contains(string(written), want) {
			t.Errorf("%s is missing in:\n%s", want, written)
		}
	}
	if left, err := os.ReadDir(filepath.Dir(report)); err != nil || len(left) != 1 {
		t.Errorf("%v is left (%v)", left, err)
	}
}

// flakyOf runs the program on a server, and returns the exit code and what it says.
func flakyOf(t *testing.T, srv *gitlabcitest.Server, args ...string) (code int, out, notes bytes.Buffer) {
	t.Helper()
	s, err := parse(append(args, "group/app"), &out)
	if err != nil {
		t.Fatal(err)
	}
	err = show(t.Context(), srv.Client(gitlabci.WithRetries(0)), s, &out, console.NewNotes(&notes))
	return console.Code(t.Context(), "flaky", err, &notes), out, notes
}

// A test that failed and passed at one commit is certainly flaky, also in two pipelines and in
// parallel jobs, but not what has one name twice in a report.
func TestCertain(t *testing.T) {
	srv := gitlabcitest.NewServer()
	for i := range 2 {
		p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{SHA: strings.Repeat("a", 40)})
		addTests(p, "unit 1/2", true, "InParallel", false, "Twice", true)
		addTests(p, "unit 1/2", false, "InParallel", true, "Twice", true)
		addTests(p, "unit 2/2", false, "InPipelines", i == 0, "Broken", false)
		addTests(p, "twice", false, "Twice", true, "Twice", false)
	}
	code, out, notes := flakyOf(t, srv, "-json")
	want := `{"suite":"unit","classname":"shop","name":"InParallel","certain":true,"failures":2,"runs":4,"commits":["aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"]}
{"suite":"unit","classname":"shop","name":"InPipelines","certain":true,"failures":1,"runs":2,"commits":["aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"]}
`
	if code != 0 || out.String() != want || notes.Len() > 0 {
		t.Errorf("the exit code is %d:\n%s%s", code, &out, &notes)
	}
}

// A test that fails between two commits at which it passes is suspect.
func TestRelapsed(t *testing.T) {
	for line, want := range map[string]bool{
		"": false, "+": false, "F": false, "+F": false, "F+": false, "+F+": true, "F+F": false, "+FF+F": true, "F+-F-+": true, "-+F": false,
		"+" + strings.Repeat("F", 62) + "+": true, "F" + strings.Repeat("+", 62) + "F": false,
	} {
		h := &history{}
		for i, c := range slices.Backward([]byte(line)) {
			switch commit := uint64(1) << (len(line) - 1 - i); c {
			case '+':
				h.passed |= commit
			case 'F':
				h.failed |= commit
			}
		}
		if got := h.relapsed(); got != want {
			t.Errorf("%s: %v", line, got)
		}
		if shown := h.line(len(line)); shown != line[max(0, len(line)-20):] {
			t.Errorf("%s is shown as %s", line, shown)
		}
	}
}

// A report that cannot be read does not hide the others.
func TestUnread(t *testing.T) {
	const reports, artifacts = "GET /projects/:id/pipelines/:pipeline_id/test_report", "GET /projects/:id/jobs/:job_id/artifacts"
	for name, test := range map[string]struct {
		fault       gitlabcitest.Fault
		code        int
		says, notes string
	}{
		"one report":  {gitlabcitest.Fault{Route: reports, Status: 500, Times: 1}, 1, " of 1 tests\n2 pipelines of main and 1 retried jobs were read\n", "flaky: reports of 1 of 2 pipelines could not be read\n"},
		"all reports": {gitlabcitest.Fault{Route: reports, Status: 500}, 1, "\n0 flaky for certain, 0 suspect, of 1 tests", "flaky: reports of 2 of 2 pipelines could not be read\n"},
		"no attempt":  {gitlabcitest.Fault{Route: artifacts, Status: 500}, 1, "\n0 flaky for certain", "flaky: reports of 1 of 2 pipelines could not be read\n"},
		"deleted":     {gitlabcitest.Fault{Route: artifacts, Status: 404}, 0, "\nreports of 1 retried jobs are missing: deleted, hidden, or GitLab is before 19.4\n", ""},
		"hidden":      {gitlabcitest.Fault{Route: artifacts, Status: 403}, 0, "\nreports of 1 retried jobs are missing: deleted, hidden, or GitLab is before 19.4\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			srv := gitlabcitest.NewServer()
			addTests(srv.AddPipeline("group/app", gitlabcitest.Pipeline{}), "unit", false, "TestUpload", true)
			p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
			addTests(p, "unit", true, "TestUpload", false)
			addTests(p, "unit", false, "TestUpload", true)
			srv.Fault(test.fault)
			code, out, notes := flakyOf(t, srv)
			if code != test.code || !strings.Contains("\n"+out.String(), test.says) || !strings.HasSuffix(notes.String(), test.notes) {
				t.Errorf("the exit code is %d:\n%s%s", code, &out, &notes)
			}
		})
	}
}

func TestOldServer(t *testing.T) {
	srv := gitlabcitest.NewServer(gitlabcitest.WithVersion("18.0"))
	p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
	report := []byte("<testsuite><testcase name='a'/></testsuite>")
	for _, retried := range []bool{true, false} {
		p.AddJob(gitlabcitest.Job{Retried: retried, Artifacts: fstest.MapFS{"a": {}}, Reports: map[gitlabci.ArtifactType][]byte{gitlabci.ArtifactTypeJUnit: report}})
	}
	code, out, notes := flakyOf(t, srv)
	if want := "reports of 1 retried jobs are missing: deleted, hidden, or GitLab is before 19.4\n"; code != 0 || !strings.HasSuffix(out.String(), want) || notes.Len() > 0 {
		t.Errorf("the exit code is %d:\n%s%s", code, &out, &notes)
	}
}

func TestExitCodes(t *testing.T) {
	consoletest.SetEnv(t, consoletest.WrongURL, "")
	folder := t.TempDir()
	t.Chdir(folder) // whose path may have spaces
	consoletest.ExitCodes(t, command, map[string]int{
		"-h": 0, "": 2, "a b": 2, "-n 0 a": 2, "-n 65 a": 2, "-nonsense": 2, "group/app": 2, "-demo group/none": 1, "-demo -junit none/x": 1,
	})
	consoletest.Interrupted(t, command, "-demo", "-junit", filepath.Join(folder, "x"))
	if left, err := os.ReadDir(folder); err != nil || len(left) > 0 {
		t.Errorf("%v is left (%v)", left, err)
	}
}

// An interrupt while reports are read leaves nothing that is half of them.
func TestInterrupt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := gitlabcitest.NewServer()
		for range 3 {
			addTests(srv.AddPipeline("group/app", gitlabcitest.Pipeline{}), "unit", false, "TestUpload", true)
		}
		srv.Fault(gitlabcitest.Fault{Route: "GET /projects/:id/pipelines/:pipeline_id/test_report", Nth: 2, Times: 1, Break: gitlabcitest.BreakStallHeader})
		s, err := parse([]string{"group/app"}, t.Output())
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithTimeout(t.Context(), 5*time.Second)
		defer stop()
		var out, notes bytes.Buffer
		err = show(ctx, srv.Client(), s, &out, console.NewNotes(&notes))
		if code := console.Code(ctx, "flaky", err, &notes); code != 130 || out.Len() > 0 || notes.String() != "flaky: context deadline exceeded\n" {
			t.Errorf("the exit code is %d: %s%s", code, &out, &notes)
		}
	})
}

// An endingContext ends after so many calls of Err.
type endingContext struct {
	context.Context
	calls *atomic.Int64
}

func (c endingContext) Err() error {
	if c.calls.Add(-1) < 0 {
		return context.Canceled
	}
	return nil
}

// Whenever it is interrupted, it either prints what it found or has an error.
func TestInterruptAtAnyTime(t *testing.T) {
	const most = 1000
	try := func(calls int64) (left int64) {
		srv := gitlabcitest.NewServer()
		srv.AddPipeline("group/app", gitlabcitest.Pipeline{}).AddJob(gitlabcitest.Job{Name: "unit"})
		ctx, out := endingContext{t.Context(), &atomic.Int64{}}, bytes.Buffer{}
		ctx.calls.Store(calls)
		err := show(ctx, srv.Client(), &settings{project: "group/app", pipelines: 1}, &out, console.NewNotes(&out))
		if (err == nil) != strings.Contains(out.String(), "0 flaky for certain") {
			t.Errorf("after %d calls: %v, %s", calls, err, &out)
		}
		return ctx.calls.Load()
	}
	calls := most - try(most)
	for n := range calls {
		try(n)
	}
	if calls == 0 || calls >= most {
		t.Errorf("%d calls", calls)
	}
}
