package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"example.com/gitlabci"
	"example.com/gitlabci/examples/internal/console"
	"example.com/gitlabci/gitlabcitest"
)

// A demonstration is a fake GitLab, a Redis, and workers in processes of their own, which
// all are on this machine.
type demonstration struct {
	srv    *gitlabcitest.Server
	queue  *queue
	folder string
	args   []string // of workers
	env    []string
	out    io.Writer
	live   *console.Live // nil without a terminal
	notes  *console.Notes

	requests chan struct{}          // has an element for each request to the fake
	workers  map[string]*os.Process // by name, unless killed
	running  sync.WaitGroup
}

// demo exports 1,200 jobs of six projects.
func demo(ctx context.Context, out io.Writer) error {
	folder, err := os.MkdirTemp("", "fleet-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	redis, stop, err := startRedis(ctx, folder)
	if err != nil {
		return err
	}
	defer stop()
	d, err := newDemonstration(ctx, folder, redis, gitlabcitest.Throttle{Limit: 60, Period: time.Second}, out)
	if err != nil {
		return err
	}
	defer d.close()
	d.args = []string{"-page", "10", "-rate", "2400", "-idle", "1s"}
	d.notes.Print("3 workers export 6 projects of 200 jobs: 40 requests a second, 10 jobs each")
	if err := d.fill(ctx, 6, 200); err != nil {
		return err
	}
	d.srv.Fault(gitlabcitest.Fault{Status: http.StatusTooManyRequests, Header: http.Header{"Retry-After": {"1"}}, Nth: 80, Times: 1})
	if err := d.run(ctx, 3, 30); err != nil {
		return err
	}
	return d.verify(ctx, 6*200)
}

// startRedis starts a Redis that listens in a folder only, and returns its URL.
func startRedis(ctx context.Context, folder string) (url string, stop func(), err error) {
	path, err := exec.LookPath("redis-server")
	if err != nil {
		return "", nil, fmt.Errorf("%w: install it, on Debian by apt-get install redis-server", err)
	}
	socket := filepath.Join(folder, "redis.sock")
	cmd := exec.Command(path, "--port", "0", "--unixsocket", socket, "--save", "", "--dir", folder)
	if err := cmd.Start(); err != nil {
		return "", nil, err
	}
	stop = func() {
		_ = cmd.Process.Kill() // it may have ended by Ctrl-C, which reaches all processes of a terminal
		_ = cmd.Wait()         // with "signal: killed"
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	for {
		if _, err = os.Stat(socket); err == nil {
			return "unix://" + socket, stop, nil
		}
		select {
		case <-ctx.Done():
			stop()
			return "", nil, errors.Join(context.Cause(ctx), err)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// newDemonstration has an empty queue, and a GitLab without projects.
func newDemonstration(ctx context.Context, folder, redis string, throttle gitlabcitest.Throttle, out io.Writer) (*demonstration, error) {
	d := &demonstration{folder: folder, out: out, notes: console.NewNotes(out), workers: map[string]*os.Process{}, requests: make(chan struct{}, 10_000)}
	if console.IsTerminal(out) {
		d.live = console.NewLive(out)
		d.notes = console.NewNotes(d.live)
	}
	d.srv = gitlabcitest.NewServer(gitlabcitest.WithThrottle(throttle), gitlabcitest.WithOnRequest(
		func(gitlabcitest.Request, time.Duration) { d.requests <- struct{}{} }))
	url, err := d.srv.Start()
	if err != nil {
		return nil, err
	}
	d.env = append(os.Environ(), "REDIS_URL="+redis, "GITLAB_URL="+url, "GITLAB_TOKEN="+d.srv.Token())
	if d.queue, err = connect(ctx, &settings{worker: "demo"}, redis); err != nil {
		d.srv.Close()
		return nil, err
	}
	return d, nil
}

// close ends what run has started.
func (d *demonstration) close() {
	for _, worker := range d.workers {
		_ = worker.Kill() // most have ended
	}
	d.running.Wait()
	_ = d.queue.redis.Close() // Redis may have ended
	d.srv.Close()
}

// fill adds projects, with so many jobs each, to GitLab and to the queue.
func (d *demonstration) fill(ctx context.Context, projects, jobs int) error {
	for i := range projects {
		path := fmt.Sprintf("group/app-%d", i+1)
		d.srv.AddProject(path)
		pipeline := d.srv.AddPipeline(path, gitlabcitest.Pipeline{})
		for j := range jobs {
			pipeline.AddJob(gitlabcitest.Job{Name: fmt.Sprintf("test %d/%d", j+1, jobs)})
		}
		if _, err := d.queue.add(ctx, gitlabci.ProjectID(path)); err != nil {
			return err
		}
	}
	return nil
}

// start starts another worker.
func (d *demonstration) start() error {
	name := fmt.Sprintf("worker-%d", len(d.workers)+1) // before any is killed
	program, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.Command(program, append([]string{"work", "-worker", name, "-o", filepath.Join(d.folder, "jobs")}, d.args...)...)
	cmd.Env = d.env
	read, write, err := os.Pipe()
	if err != nil {
		return err
	}
	cmd.Stdout, cmd.Stderr = write, write
	if err := errors.Join(cmd.Start(), write.Close()); err != nil {
		return errors.Join(err, read.Close())
	}
	d.workers[name] = cmd.Process
	d.running.Go(func() {
		defer read.Close()
		for lines := bufio.NewScanner(read); lines.Scan(); {
			d.notes.Print(lines.Text())
		}
		_ = cmd.Wait() // a worker that was killed is what we show; verify sees whether work is left
	})
	return nil
}

// run starts workers, and kills one of them after each of these numbers of requests. It
// returns when all workers have ended.
func (d *demonstration) run(ctx context.Context, workers int, kills ...int) error {
	for range workers {
		if err := d.start(); err != nil {
			return err
		}
	}
	ended := make(chan struct{})
	go func() { d.running.Wait(); close(ended) }()
	ticks := time.NewTicker(100 * time.Millisecond)
	defer ticks.Stop()
	for requests := 0; ; {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-ended:
			return d.show(ctx, true)
		case <-ticks.C:
			if err := d.show(ctx, false); err != nil {
				return err
			}
		case <-d.requests:
			if requests++; len(kills) > 0 && requests == kills[0] {
				kills = kills[1:]
				if err := d.kill(ctx); err != nil {
					return err
				}
			}
		}
	}
}

// kill ends a worker as a crash does: the one that has just begun with its project.
func (d *demonstration) kill(ctx context.Context) error {
	rows, err := d.queue.rows(ctx)
	if err != nil {
		return err
	}
	slices.SortStableFunc(rows, func(a, b *row) int { return cmp.Compare(a.Jobs, b.Jobs) })
	for _, r := range rows {
		if process := d.workers[r.Worker]; r.State == "working" && process != nil {
			delete(d.workers, r.Worker)
			d.notes.Print(r.Worker + ": killed by SIGKILL")
			return process.Kill()
		}
	}
	return nil
}

// show draws the table in a terminal, and at the end elsewhere too.
func (d *demonstration) show(ctx context.Context, last bool) error {
	if d.live == nil && !last {
		return nil
	}
	rows, err := d.queue.rows(ctx)
	if err != nil {
		return err
	}
	pause, err := d.queue.pause(ctx)
	if err != nil {
		return err
	}
	text := render(rows, pause, console.WantsColors(d.out))
	if d.live != nil {
		return d.live.Draw(strings.Split(text, "\n"))
	}
	_, err = fmt.Fprintln(d.out, text)
	return err
}

// verify compares the files with what GitLab has.
func (d *demonstration) verify(ctx context.Context, jobs int) error {
	if left, err := d.queue.left(ctx); left > 0 || err != nil {
		return errors.Join(fmt.Errorf("%d projects are left", left), err)
	}
	files, err := filepath.Glob(filepath.Join(d.folder, "jobs", "*"))
	if err != nil {
		return err
	}
	lines, ids := 0, map[gitlabci.JobID]bool{}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		for line := range bytes.Lines(text) {
			var job gitlabci.Job
			if err := json.Unmarshal(line, &job); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			lines++
			ids[job.ID] = true
		}
	}
	refused := 0
	for _, request := range d.srv.Requests() {
		if request.Status == http.StatusTooManyRequests {
			refused++
		}
	}
	result := fmt.Sprintf("%d files with %d jobs, %d of them different; %d requests, %d refused by 429",
		len(files), lines, len(ids), len(d.srv.Requests()), refused)
	if lines != jobs || len(ids) != jobs {
		return fmt.Errorf("%s, but GitLab has %d jobs", result, jobs)
	}
	_, err = fmt.Fprintln(d.out, result)
	return err
}
