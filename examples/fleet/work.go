package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"example.com/gitlabci"
	"example.com/gitlabci/examples/internal/console"
)

// A worker exports one project after the other.
type worker struct {
	*settings
	queue  *queue
	client *gitlabci.Client
	out    io.Writer
}

func work(ctx context.Context, s *settings, q *queue, out io.Writer) error {
	client, err := newClient(s, q, out)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(s.out, 0o777); err != nil {
		return err
	}
	w := &worker{s, q, client, out}
	for ctx.Err() == nil {
		if left, err := q.left(ctx); err != nil || left == 0 {
			return err
		}
		t, found, err := q.take(ctx)
		if found && err == nil {
			err = w.handle(ctx, t)
		}
		if err != nil {
			return err
		}
	}
	return context.Cause(ctx)
}

func (w *worker) say(t *task, format string, args ...any) {
	fmt.Fprintf(w.out, "%s: %s: %s\n", w.queue.worker, console.Printable(string(t.project)), fmt.Sprintf(format, args...))
}

// handle exports a project. An error of the project itself marks it as failed. Any other error
// ends the worker, and leaves the project to the next one.
func (w *worker) handle(ctx context.Context, t *task) error {
	if t.before != "" {
		w.say(t, "taken over from %s, after %d jobs", t.before, t.Jobs)
	}
	begin := time.Now()
	err := w.withHeartbeat(ctx, t, func(ctx context.Context) error { return w.export(ctx, t) })
	switch {
	case err == nil:
		w.say(t, "done, %d jobs, after %v", t.Jobs, time.Since(begin).Round(100*time.Millisecond))
		return nil
	case errors.Is(err, errLost):
		w.say(t, "%v", err)
		return nil
	case errors.Is(err, gitlabci.ErrNotFound), errors.Is(err, gitlabci.ErrForbidden):
		w.say(t, "failed: %v", err)
		return w.queue.finish(ctx, t, err)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	return errors.Join(err, w.queue.release(ctx, t))
}

// withHeartbeat runs f, and shows meanwhile that the worker is alive, since a pause can be
// long. The context of f ends when the project is lost.
func (w *worker) withHeartbeat(ctx context.Context, t *task, f func(context.Context) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for ticks := time.NewTicker(w.idle / 3); ; {
			select {
			case <-ctx.Done():
				ticks.Stop()
				return
			case <-ticks.C:
			}
			if err := w.queue.heartbeat(ctx, t); err != nil {
				cancel(err)
			}
		}
	}()
	err := f(ctx)
	if cause := context.Cause(ctx); cause != nil && err != nil {
		err = cause
	}
	cancel(nil)
	<-ended
	return err
}

// file is the name of a project's file.
func (w *worker) file(t *task) string {
	return filepath.Join(w.settings.out, url.PathEscape(string(t.project))+".jsonl")
}

// part is the name of the file that is written with a claim. Each claim has its own, so that
// a worker that has lost the project does not change what its successor writes.
func (w *worker) part(t *task, claim int64) string {
	return fmt.Sprintf("%s.%d.part", w.file(t), claim)
}

func (w *worker) temporary(t *task, claim int64) string {
	return fmt.Sprintf("%s.%d.tmp", w.file(t), claim)
}

// export writes the file of a project. Each step is stored in Redis, and the next worker
// begins with the first that is not.
func (w *worker) export(ctx context.Context, t *task) error {
	if !t.Joined {
		if err := w.check(t); err != nil {
			return err
		}
	}
	if !t.Whole {
		if err := w.fetch(ctx, t); err != nil {
			return err
		}
	}
	if !t.Joined {
		if err := w.join(t); err != nil {
			return err
		}
		t.Joined = true
		if err := w.queue.store(ctx, t, &t.progress); err != nil {
			return err
		}
	}
	for claim := range t.claim {
		for _, name := range []string{w.part(t, claim+1), w.temporary(t, claim+1)} {
			if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	return w.queue.finish(ctx, t, nil)
}

// fetch writes the pages that are missing to a part. A page counts once Redis knows of it.
func (w *worker) fetch(ctx context.Context, t *task) (err error) {
	file, err := os.Create(w.part(t, t.claim))
	if err != nil {
		return err
	}
	known := false // whether Redis may know of the part
	defer func() {
		err = errors.Join(err, file.Close())
		if !known {
			err = errors.Join(err, os.Remove(file.Name()))
		}
	}()
	t.Parts = append(t.Parts, part{Claim: t.claim})
	for printed := time.Now(); !t.Whole; {
		opts := &gitlabci.ListJobsOptions{ListOptions: gitlabci.ListOptions{After: t.Cursor, PerPage: w.page}}
		page, err := w.client.Jobs.List(ctx, t.project, opts)
		if err != nil {
			return err
		}
		bytes, err := writeJobs(file, page.Items)
		if err != nil {
			return err
		}
		t.Parts[len(t.Parts)-1].Bytes += bytes
		t.Jobs += len(page.Items)
		t.Cursor, t.Whole = page.Next, page.Next == ""
		err = w.queue.store(ctx, t, &t.progress)
		known = known || !errors.Is(err, errLost)
		if err != nil {
			return err
		}
		if time.Since(printed) > 2*time.Second {
			printed = time.Now()
			w.say(t, "%d jobs so far", t.Jobs)
		}
	}
	return nil
}

// writeJobs writes a line of JSON for each job, and syncs the file.
func writeJobs(file *os.File, jobs []*gitlabci.Job) (int64, error) {
	var lines bytes.Buffer
	encoder := json.NewEncoder(&lines)
	for _, job := range jobs {
		if err := encoder.Encode(job); err != nil {
			return 0, err
		}
	}
	n, err := lines.WriteTo(file)
	return n, errors.Join(err, file.Sync())
}

// check finds the parts that others wrote, before more is written.
func (w *worker) check(t *task) error {
	for _, p := range t.Parts {
		info, err := os.Stat(w.part(t, p.Claim))
		if err == nil && info.Size() < p.Bytes {
			err = fmt.Errorf("%s has %d bytes", info.Name(), info.Size())
		}
		if err != nil {
			return fmt.Errorf("%w, but %d bytes were written: do all workers have the same folder -o?", err, p.Bytes)
		}
	}
	return nil
}

// join makes the file of the parts. It is replaced completely or not at all.
func (w *worker) join(t *task) error {
	whole, err := os.Create(w.temporary(t, t.claim))
	if err != nil {
		return err
	}
	for _, p := range t.Parts {
		if err = appendPart(whole, w.part(t, p.Claim), p.Bytes); err != nil {
			break
		}
	}
	if err = errors.Join(err, whole.Sync(), whole.Close()); err != nil {
		return errors.Join(err, os.Remove(whole.Name()))
	}
	return os.Rename(whole.Name(), w.file(t))
}

// appendPart copies the pages of a part that count.
func appendPart(whole io.Writer, name string, bytes int64) error {
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = io.CopyN(whole, file, bytes)
	return err
}
