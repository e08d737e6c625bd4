package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"example.com/gitlabci/gitlabcitest"
)

// The workers of tests are processes of the test's own program.
func TestMain(m *testing.M) {
	if os.Getenv("FLEET_TEST_WORKER") != "" {
		main()
	}
	os.Setenv("FLEET_TEST_WORKER", "1")
	os.Exit(m.Run())
}

// fleet starts a Redis and a fake, which ends with the test.
func fleet(t *testing.T, out io.Writer) *demonstration {
	t.Helper()
	folder, err := os.MkdirTemp("", "fleet-") // the path of a socket must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	redis, stop, err := startRedis(t.Context(), folder)
	if errors.Is(err, exec.ErrNotFound) {
		t.Skip("redis-server is not installed")
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	d, err := newDemonstration(t.Context(), folder, redis, gitlabcitest.Throttle{Limit: 80, Period: time.Second}, out)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.close)
	return d
}

// command runs a command in this process, and returns its exit code and what it prints.
func (d *demonstration) command(t *testing.T, ctx context.Context, args ...string) (int, string) {
	t.Helper()
	ctx, stop := context.WithTimeout(ctx, 30*time.Second) // so that a test that fails ends
	defer stop()
	for _, name := range []string{"REDIS_URL", "GITLAB_URL", "GITLAB_TOKEN"} {
		for _, variable := range d.env {
			if value, found := strings.CutPrefix(variable, name+"="); found {
				t.Setenv(name, value)
			}
		}
	}
	var out bytes.Buffer
	if args[0] == "work" {
		args = append([]string{"work", "-worker", "tester", "-page", "5", "-rate", "2400", "-o", filepath.Join(d.folder, "jobs")}, args[1:]...)
	}
	code := command(ctx, args, &out, &out)
	return code, out.String()
}

func contains(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%q is missing in:\n%s", part, text)
		}
	}
}

// Three of four workers, which are real processes, are killed while they export.
func TestKilledWorkers(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	d := fleet(t, &out)
	d.args = []string{"-page", "5", "-rate", "3600", "-idle", "500ms"}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // so that a test that fails ends
	defer cancel()
	err := errors.Join(d.fill(ctx, 6, 40), d.run(ctx, 4, 8, 16, 24), d.verify(ctx, 6*40))
	if err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	contains(t, out.String(), ": killed by SIGKILL\n", "\ngroup/app-6 done ", " 0 refused by 429\n", "6 files with 240 jobs, 240 of them different; ")
	taken := strings.Count(out.String(), "taken over from worker-")
	requests, err := strconv.Atoi(regexp.MustCompile(`(\d+) requests,`).FindStringSubmatch(out.String())[1])
	if pages := 6 * 40 / 5; err != nil || taken == 0 || requests > pages+taken {
		t.Errorf("%d requests for %d pages of which one is repeated by each of %d takeovers:\n%s", requests, pages, taken, &out)
	}
}

// One request a minute is allowed, to all workers together.
func TestLimitOfAll(t *testing.T) {
	d := fleet(t, io.Discard)
	if err := d.fill(t.Context(), 1, 20); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"first", "second"} {
		code, text := d.command(t, t.Context(), "work", "-rate", "1", "-worker", name)
		if contains(t, text, " ends too late: "); code != 1 || len(d.srv.Requests()) != 1 {
			t.Errorf("%s: %d, after %d requests", name, code, len(d.srv.Requests()))
		}
	}
}

// lines is a writer that sends the lines with a text to a channel.
type lines struct {
	text string
	seen chan string
}

func (l lines) Write(p []byte) (int, error) {
	if strings.Contains(string(p), l.text) {
		l.seen <- string(p)
	}
	return len(p), nil
}

func TestPauseOfAll(t *testing.T) {
	d := fleet(t, io.Discard)
	if err := d.fill(t.Context(), 1, 5); err != nil {
		t.Fatal(err)
	}
	_, text := d.command(t, t.Context(), "status")
	contains(t, text, "waiting", "not all projects")
	d.srv.Fault(gitlabcitest.Fault{Status: http.StatusTooManyRequests, Header: http.Header{"Retry-After": {"3600"}}, Times: 1})
	ctx, stop := context.WithCancel(t.Context())
	paused, ended := lines{"asks for a pause of 1h0m0s", make(chan string, 1)}, make(chan error, 1)
	set, err := parse([]string{"work", "-o", t.TempDir()}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	go func() { ended <- work(ctx, set, d.queue, paused) }()
	<-paused.seen
	stop()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("the worker that GitLab asked to wait: %v", err)
	}

	ctx, stop = context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	if code, text := d.command(t, ctx, "work"); code != 1 || !strings.Contains(text, "ends too late") || len(d.srv.Requests()) != 1 {
		t.Errorf("another worker did not wait: %d requests, %s", len(d.srv.Requests()), text)
	}
	code, text := d.command(t, t.Context(), "status")
	contains(t, text, "; GitLab has asked for a pause, ")
	if code != 3 {
		t.Errorf("the exit code is %d", code)
	}
	if err := d.queue.redis.Del(t.Context(), d.queue.key("pause")).Err(); err != nil {
		t.Fatal(err)
	}
	if code, text := d.command(t, ctx, "work"); code != 0 || len(d.srv.Requests()) != 2 {
		t.Errorf("after the pause: %d requests, %s", len(d.srv.Requests()), text)
	}
}

// A worker that was silent for too long continues when another one has its project.
func TestLostProject(t *testing.T) {
	d := fleet(t, io.Discard)
	if err := d.fill(t.Context(), 1, 10); err != nil {
		t.Fatal(err)
	}
	d.command(t, t.Context(), "status") // sets the variables
	set, err := parse([]string{"work", "-page", "5", "-rate", "2400", "-o", t.TempDir()}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	var workers [2]*worker
	var tasks [2]*task
	for i := range workers {
		q := &queue{redis: d.queue.redis, worker: fmt.Sprint("worker-", i+1), idle: time.Minute}
		client, err := newClient(set, q, &out)
		if err != nil {
			t.Fatal(err)
		}
		workers[i] = &worker{set, q, client, &out}
		var found bool
		if tasks[i], found, err = q.take(t.Context()); !found || err != nil {
			t.Fatal(found, err)
		}
		if i == 0 {
			err = q.release(t.Context(), tasks[0]) // as if it had been silent for long
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	late := workers[0].queue
	for _, err := range []error{
		late.heartbeat(t.Context(), tasks[0]), late.release(t.Context(), tasks[0]),
		late.store(t.Context(), tasks[0], &progress{Whole: true}), late.finish(t.Context(), tasks[0], nil),
	} {
		if !errors.Is(err, errLost) {
			t.Errorf("a late change: %v", err)
		}
	}
	for i, worker := range workers {
		if err := worker.handle(t.Context(), tasks[i]); err != nil {
			t.Error(err)
		}
		files, err := filepath.Glob(filepath.Join(set.out, "*"))
		if err != nil || len(files) != i || i == 1 && filepath.Base(files[0]) != "group%2Fapp-1.jsonl" {
			t.Errorf("the files of %d workers are %q: %v", i+1, files, err)
		}
	}
	contains(t, out.String(), "worker-1: group/app-1: another worker continues the project\n",
		"worker-2: group/app-1: taken over from worker-1, after 0 jobs\n", "worker-2: group/app-1: done, 10 jobs")
	late.idle = 30 * time.Millisecond // how long take waits at most, three times
	if _, found, err := late.take(t.Context()); found || err != nil {
		t.Errorf("the project is still there: %v", err)
	}
}

func TestInterruptedWorker(t *testing.T) {
	d := fleet(t, io.Discard)
	if err := d.fill(t.Context(), 1, 20); err != nil {
		t.Fatal(err)
	}
	d.command(t, t.Context(), "status") // sets the variables
	ctx, stop := context.WithCancel(t.Context())
	waits := lines{"waits for ", make(chan string, 1)} // at the limit, after the first page
	go func() {
		<-waits.seen
		stop()
	}()
	args := []string{"work", "-rate", "1", "-page", "5", "-worker", "first", "-o", filepath.Join(d.folder, "jobs")}
	if code := command(ctx, args, waits, waits); code != 130 {
		t.Errorf("interrupted: %d", code)
	}
	_, text := d.command(t, t.Context(), "status")
	contains(t, text, "group/app-1 waiting    5 ")
	if err := d.queue.redis.Del(t.Context(), "rate:"+d.queue.key("limit")).Err(); err != nil {
		t.Fatal(err)
	}
	code, text := d.command(t, t.Context(), "work", "-idle", "1h", "-o", t.TempDir())
	if contains(t, text, "do all workers have the same folder -o?"); code != 1 {
		t.Errorf("the exit code with another folder is %d", code)
	}
	if code, text = d.command(t, t.Context(), "work", "-idle", "1h"); code != 0 {
		t.Errorf("%d %s", code, text)
	}
	contains(t, text, "taken over from tester, after 5 jobs")
	if err := d.verify(t.Context(), 20); err != nil {
		t.Error(err)
	}
	if requests := len(d.srv.Requests()); requests != 4 {
		t.Errorf("%d requests for 4 pages", requests)
	}
}

func TestFailedProject(t *testing.T) {
	d := fleet(t, io.Discard)
	d.srv.AddProject("shop/sub/app")
	for _, add := range []struct{ args, added string }{
		{"enqueue group/gone", "1 of 1 projects added"},
		{"enqueue group/gone", "0 of 1 projects added"},
		{"enqueue -group shop", "1 of 1 projects added"},
	} {
		if code, text := d.command(t, t.Context(), strings.Fields(add.args)...); code != 0 || !strings.Contains(text, add.added) {
			t.Errorf("%s: %d %s", add.args, code, text)
		}
	}
	code, text := d.command(t, t.Context(), "work")
	if contains(t, text, "shop/sub/app: done, 0 jobs", "group/gone: failed: gitlabci: GET /projects/group%2Fgone/jobs: 404"); code != 0 {
		t.Errorf("the exit code of work is %d", code)
	}
	code, text = d.command(t, t.Context(), "status")
	if contains(t, text, "group/gone: gitlabci: GET", "some projects failed"); code != 1 {
		t.Errorf("the exit code of status is %d", code)
	}
	d.srv.AddProject("group/gone") // it has come back
	for _, command := range []string{"enqueue group/gone", "work", "status"} {
		if code, text := d.command(t, t.Context(), strings.Fields(command)...); code != 0 {
			t.Errorf("%s: %d %s", command, code, text)
		}
	}
}

// Interrupted in the middle, the demonstration leaves no process and no file.
func TestInterruptedDemo(t *testing.T) {
	fleet(t, io.Discard) // or skips
	folder, err := os.MkdirTemp("", "demo-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(folder)
	t.Setenv("TMPDIR", folder)
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	killed := lines{": killed by SIGKILL", make(chan string, 1)}
	go func() {
		<-killed.seen
		stop()
	}()
	if code := command(ctx, []string{"-demo"}, killed, killed); code != 130 {
		t.Errorf("the exit code is %d", code)
	}
	if left, err := os.ReadDir(folder); len(left) > 0 || err != nil {
		t.Errorf("%v are left: %v", left, err)
	}
}

func TestUsage(t *testing.T) {
	t.Setenv("REDIS_URL", "redis://:hunter2@host:port/")
	for _, args := range []string{"", "nonsense", "work more", "status -page 101", "work -rate 0", "-nonsense", "work"} {
		var out bytes.Buffer
		if code := command(t.Context(), strings.Fields(args), &out, &out); code != 2 || strings.Contains(out.String(), "hunter2") {
			t.Errorf("%q: %d %s", args, code, &out)
		}
	}
	var out bytes.Buffer
	if code := command(t.Context(), strings.Fields("enqueue group/app -rate 5"), io.Discard, &out); code != 2 {
		t.Errorf("a flag behind a project: %d", code)
	}
	contains(t, out.String(), "-rate must come before the projects")
	out.Reset()
	if code := command(t.Context(), []string{"-h"}, &out, io.Discard); code != 0 {
		t.Errorf("-h: %d", code)
	}
	contains(t, out.String(), "fleet enqueue", "Exit codes:", "-idle")
}
