package main

import (
	"context"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"example.com/gitlabci"
	"example.com/gitlabci/examples/internal/console"
	"example.com/gitlabci/examples/internal/console/consoletest"
	"example.com/gitlabci/examples/internal/state"
	"example.com/gitlabci/gitlabcitest"
	"example.com/gitlabci/webhook"
)

// A lines is what a bot prints.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// inBubble runs f with a fake GitLab whose time is that of a bubble.
func inBubble(t *testing.T, f func(t *testing.T, d *demonstration, out *lines)) {
	t.Helper()
	folder := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		out := &lines{}
		d := newDemonstration(folder, out)
		defer d.srv.Close()
		f(t, d, out)
	})
}

func (d *demonstration) mustStart(t *testing.T) (stop func() error) {
	t.Helper()
	stop, err := d.start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return stop
}

// check fails unless each pipeline has one status of the bot, which was set once.
func (d *demonstration) check(t *testing.T, pipelines ...*gitlabcitest.Pipeline) {
	t.Helper()
	d.explained(t, pipelines...)
	if d.sets() != len(pipelines) {
		t.Errorf("%d statuses were set for %d pipelines", d.sets(), len(pipelines))
	}
}

// explained fails unless each pipeline has one status of the bot.
func (d *demonstration) explained(t *testing.T, pipelines ...*gitlabcitest.Pipeline) {
	t.Helper()
	for _, p := range pipelines {
		page, err := d.srv.Client().Statuses.List(t.Context(), demoProject, p.SHA, &gitlabci.ListStatusesOptions{Name: "hookbot", Pipeline: p.ID, All: true})
		if err != nil {
			t.Fatal(err)
		}
		if len(page.Items) != 1 || !strings.HasPrefix(page.Items[0].Description, "unit: ") {
			t.Errorf("pipeline %d has the statuses %v", p.ID, page.Items)
		}
	}
}

func TestDemo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out lines
		if code := command(t.Context(), []string{"-demo"}, &out, &out); code != 0 {
			t.Errorf("the exit code is %d", code)
		}
		for _, want := range []string{
			"event: pipeline 101 is failed", "pipeline 101 of group/app: unit: TestAdd",
			`pipeline 102: hookbot says "unit: TestDivide: divide_test.go:12: got 1, want 2"`, "2 statuses were set for 2 pipelines",
		} {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%q is missing in:\n%s", want, &out)
			}
		}
		if strings.Contains(out.String(), "event: pipeline 102") {
			t.Errorf("an event was not lost:\n%s", &out)
		}
	})
}

// Each pipeline is explained once, even if events are lost or repeated and the bot restarts.
func TestRestartsAndLostEvents(t *testing.T) {
	inBubble(t, func(t *testing.T, d *demonstration, _ *lines) {
		for _, fault := range []gitlabcitest.Fault{
			{Break: gitlabcitest.BreakLose, Chance: 0.3}, {Break: gitlabcitest.BreakRepeat, Chance: 0.3, Delay: time.Minute}, {Break: gitlabcitest.BreakLate, Chance: 0.3, Delay: 2 * time.Minute},
		} {
			fault.Route = gitlabcitest.HookRoute
			d.srv.Fault(fault)
		}
		random, pipelines := rand.New(rand.NewPCG(1, 20)), []*gitlabcitest.Pipeline{}
		for range 12 {
			stop := d.mustStart(t)
			for range 3 {
				pipelines = append(pipelines, d.fail("--- FAIL: TestAdd (0.00s)"))
				time.Sleep(time.Duration(random.Int64N(int64(10 * time.Second))))
			}
			if err := stop(); err != nil {
				t.Fatal(err)
			}
			pipelines = append(pipelines, d.fail("--- FAIL: TestDown (0.00s)"))
			time.Sleep(time.Duration(random.Int64N(int64(20 * time.Second))))
		}
		stop := d.mustStart(t)
		time.Sleep(time.Minute)
		d.check(t, pipelines...)
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// An event makes the bot read immediately, and not after minutes.
func TestEventsWake(t *testing.T) {
	inBubble(t, func(t *testing.T, d *demonstration, _ *lines) {
		defer d.mustStart(t)()
		time.Sleep(10 * time.Minute)
		p := d.fail("--- FAIL: TestAdd (0.00s)")
		time.Sleep(5 * time.Second)
		d.check(t, p)
	})
}

// A bot that dies after it has set a status, and before it has stored that, finds it.
func TestDiesBeforeItStores(t *testing.T) {
	inBubble(t, func(t *testing.T, d *demonstration, out *lines) {
		if err := d.mustStart(t)(); err != nil {
			t.Fatal(err)
		}
		before, err := os.ReadFile(d.state)
		if err != nil {
			t.Fatal(err)
		}
		stop := d.mustStart(t)
		p := d.fail("--- FAIL: TestAdd (0.00s)")
		time.Sleep(time.Minute)
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(d.state, before, 0o600); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Hour) // longer than it looks back for a project that is new
		defer d.mustStart(t)()
		time.Sleep(time.Minute)
		d.check(t, p)
		if n := strings.Count(out.String(), "pipeline 101 of group/app: "); n != 2 {
			t.Errorf("the pipeline was handled %d times:\n%s", n, out)
		}
	})
}

// A signal during the work on a pipeline lets it be completed.
func TestDrains(t *testing.T) {
	inBubble(t, func(t *testing.T, d *demonstration, _ *lines) {
		d.srv.Fault(gitlabcitest.Fault{Route: "POST /projects/:id/statuses/:sha", Break: gitlabcitest.BreakStallHeader, Delay: 5 * time.Second, Times: 1})
		stop := d.mustStart(t)
		p := d.fail("--- FAIL: TestAdd (0.00s)")
		for d.sets() == 0 {
			time.Sleep(100 * time.Millisecond)
		}
		begun := time.Now()
		if err := stop(); err != nil {
			t.Error(err)
		}
		if took := time.Since(begun); took < 4*time.Second {
			t.Errorf("it stopped after %v", took)
		}
		d.check(t, p)
		if store, err := state.Open[gitlabci.PipelineID](d.state); err != nil || !store.Done(demoProject, p.ID) {
			t.Errorf("it is not stored: %v", err)
		}
	})
}

func exitCode(err error) int {
	return console.Code(context.Background(), "hookbot", err, io.Discard)
}

// The bot retries during an outage, and while the server does not know the pipeline yet. It
// does not retry a refusal. A token that is revoked or has too few rights ends the bot, and
// the pipeline does not count as handled.
func TestFailures(t *testing.T) {
	for name, test := range map[string]struct {
		fault gitlabcitest.Fault
		sets  int
		line  string
		fails bool
	}{
		"outage":  {gitlabcitest.Fault{Status: 503, Times: 40}, 41, "is tried again", false},
		"refused": {gitlabcitest.Fault{Status: 422, Times: 40}, 1, "cannot be explained", false},
		"late":    {gitlabcitest.Fault{Status: 404, Times: 5}, 6, "pipeline 101 of group/app: unit: ", false},
		"gone":    {gitlabcitest.Fault{Status: 404, Times: 40}, 7, "cannot be explained", false},
		"denied":  {gitlabcitest.Fault{Status: 403, Times: 40}, 1, "stopped", true},
		"revoked": {gitlabcitest.Fault{Status: 401, Times: 40}, 1, "stopped", true},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, d *demonstration, out *lines) {
				test.fault.Route = "POST /projects/:id/statuses/:sha"
				d.srv.Fault(test.fault)
				stop := d.mustStart(t)
				p := d.fail("--- FAIL: TestAdd (0.00s)")
				time.Sleep(time.Hour)
				if err := stop(); (err != nil) != test.fails || (exitCode(err) == 2) != test.fails {
					t.Errorf("the error is %v", err)
				}
				if store, err := state.Open[gitlabci.PipelineID](d.state); err != nil || store.Done(demoProject, p.ID) == test.fails {
					t.Errorf("handled is not %v: %v", !test.fails, err)
				}
				if d.sets() != test.sets || !strings.Contains(out.String(), test.line) {
					t.Errorf("%d requests:\n%s", d.sets(), out)
				}
			})
		})
	}
}

// Too few rights for a project end the bot, too, and say what is missing.
func TestDeniedProject(t *testing.T) {
	inBubble(t, func(t *testing.T, d *demonstration, _ *lines) {
		d.srv.Fault(gitlabcitest.Fault{Route: "GET /projects/:id/pipelines", Status: 403})
		stop := d.mustStart(t)
		time.Sleep(time.Hour)
		err := stop()
		if exitCode(err) != 2 || !strings.Contains(err.Error(), "the role Developer") {
			t.Errorf("the error is %v", err)
		}
	})
}

// A request without an event is refused; an event that cannot be decoded is named.
func TestRefusedRequestsAndEvents(t *testing.T) {
	out := &lines{}
	b := &bot{out: out}
	b.report(nil, webhook.ErrToken)
	b.report(&webhook.Event{Hook: "Job Hook"}, webhook.ErrTooLarge)
	want := "a request is refused: webhook: the secret token is wrong\n" +
		"event: \"Job Hook\" of 0 bytes, which is not handled: webhook: the body is too large\n"
	if out.String() != want {
		t.Errorf("it says %q", out)
	}
}

func TestForgedEvents(t *testing.T) {
	inBubble(t, func(t *testing.T, d *demonstration, out *lines) {
		d.srv.AddHook(demoProject, gitlabcitest.Hook{Handler: &d.front, SigningToken: "whsec_" + strings.Repeat("A", 43) + "="})
		stop := d.mustStart(t)
		p := d.fail("--- FAIL: TestAdd (0.00s)")
		time.Sleep(time.Minute)
		d.check(t, p)
		if err := stop(); err != nil {
			t.Error(err)
		}
		if strings.Count(out.String(), "event: pipeline 101 is failed") != 1 || !strings.Contains(out.String(), "a request is refused: webhook: the signature is wrong") {
			t.Errorf("the bot said:\n%s", out)
		}
	})
}

func TestExitCodes(t *testing.T) {
	consoletest.SetEnv(t, "https://gitlab.example", "a-token-for-tests")
	consoletest.ExitCodes(t, command, map[string]int{"-h": 0, "": 2, "-unknown": 2, "group/app": 2})
	t.Setenv("HOOKBOT_SIGNING_TOKEN", demoToken)
	consoletest.ExitCodes(t, func(ctx context.Context, args []string, _, notes io.Writer) int {
		return command(ctx, args, io.Discard, notes) // it says where it listens
	}, map[string]int{"-state nowhere/x -listen 127.0.0.1:0 group/app": 1})
}

func TestReasons(t *testing.T) {
	job := func(name, url string) *gitlabci.Job {
		return &gitlabci.Job{JobInfo: gitlabci.JobInfo{Name: name, WebURL: url}}
	}
	for want, failures := range map[string][]*gitlabci.JobFailure{
		"no job of the pipeline failed ":        nil,
		"unit: script_failure u":                {{Job: job("unit", "u"), Reason: "script_failure"}},
		"unit and 1 more: a b u":                {{Job: job("unit", "u"), Reason: "a\n\tb"}, {}},
		"deploy: x ":                            {{TriggerJob: &gitlabci.TriggerJob{JobInfo: gitlabci.JobInfo{Name: "deploy", WebURL: strings.Repeat("u", 256)}}, Reason: "x"}},
		"é: " + strings.Repeat("ü", 251) + "… ": {{Job: job("é", ""), Reason: gitlabci.FailureReason(strings.Repeat("ü", 300))}},
	} {
		if reason, target := reasonOf(failures); reason+" "+target != want {
			t.Errorf("%q %q, not %q", reason, target, want)
		}
	}
}

// A bot whose folder is full or gone ends: it must not handle what it cannot store.
func TestCannotStore(t *testing.T) {
	inBubble(t, func(t *testing.T, d *demonstration, _ *lines) {
		d.state += "/absent/file"
		stop := d.mustStart(t)
		d.fail("--- FAIL: TestAdd (0.00s)")
		time.Sleep(time.Minute)
		if err := stop(); err == nil {
			t.Error("it continues")
		}
		d.check(t)
	})
}
