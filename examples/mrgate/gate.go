package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"example.com/gitlabci"
	"example.com/gitlabci/examples/internal/console"
)

// A gate waits for the pipeline of one merge request.
type gate struct {
	client         *gitlabci.Client
	project        gitlabci.ProjectID
	iid            int64
	retries, lines int
	interval       time.Duration

	out     io.Writer
	colored bool
	err     error // the first of out
	notes   *console.Notes
	began   time.Time
	retried map[string]int // how often, by the names of jobs
}

var errPushed = errors.New("the head has moved")

func newGate(out, notes io.Writer) *gate {
	return &gate{
		interval: 15 * time.Second, out: out, colored: console.WantsColors(out),
		notes: console.NewNotes(notes), began: time.Now(), retried: map[string]int{},
	}
}

func (g *gate) say(format string, args ...any) {
	_, err := fmt.Fprintf(g.out, "%4.0fs  %s\n", time.Since(g.began).Seconds(), fmt.Sprintf(format, args...))
	g.err = cmp.Or(g.err, err)
}

func (g *gate) sayStatus(p *gitlabci.Pipeline) {
	g.say("pipeline %d is %s", p.ID, console.StatusText(p.Status, g.colored))
}

// run waits until the pipeline of the newest head has ended.
func (g *gate) run(ctx context.Context) (int, error) {
	for {
		m, err := g.read(ctx)
		if err != nil {
			return 0, err
		}
		g.say("!%d is at %.8s", g.iid, console.Printable(m.SHA))
		verdict, err := g.judgeUntilPush(ctx, m.SHA)
		if errors.Is(err, errPushed) {
			clear(g.retried) // the jobs of the new head have not been retried
			continue
		}
		return verdict, cmp.Or(err, g.err)
	}
}

// read reads the merge request, and returns an error if it is not open.
func (g *gate) read(ctx context.Context) (*gitlabci.MergeRequest, error) {
	m, err := g.client.MergeRequests.Get(ctx, g.project, g.iid)
	if err == nil && m.State != gitlabci.MergeRequestStateOpened {
		err = fmt.Errorf("!%d is %s", g.iid, console.Printable(string(m.State)))
	}
	return m, err
}

// judgeUntilPush judges a head with a context that ends when another head is pushed.
func (g *gate) judgeUntilPush(ctx context.Context, head string) (int, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	watching := make(chan struct{})
	go func() {
		defer close(watching)
		for ctx.Err() == nil {
			select {
			case <-ctx.Done():
			case <-time.After(g.interval):
				if m, err := g.read(ctx); err != nil {
					cancel(err) // it is permanent, or the client has retried the request
				} else if m.SHA != head {
					cancel(errPushed)
				}
			}
		}
	}()
	verdict, err := g.judge(ctx, head)
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	cancel(nil)
	<-watching
	return verdict, err
}

// judge waits for the pipeline of a head, and writes or rewrites the comment.
func (g *gate) judge(ctx context.Context, head string) (int, error) {
	pipeline, err := g.client.Pipelines.Find(ctx, g.project, &gitlabci.FindPipelineOptions{MergeRequest: g.iid, SHA: head, Wait: true})
	if err != nil {
		return 0, err
	}
	g.sayStatus(pipeline)
	opts := &gitlabci.WatchOptions{MinInterval: min(2*time.Second, g.interval), MaxInterval: g.interval}
	for {
		pipeline, err = g.client.Pipelines.Wait(ctx, pipeline.ProjectID, pipeline.ID, opts)
		held, isBlocked := errors.AsType[*gitlabci.BlockedError](err)
		if err != nil && !isBlocked {
			return 0, err
		}
		if pipeline.Status != gitlabci.StatusFailed {
			return g.end(ctx, head, pipeline, nil, held)
		}
		failures, err := g.client.Pipelines.Failures(ctx, pipeline.ProjectID, pipeline.ID, nil)
		if err != nil {
			return 0, err
		}
		if again, err := g.retry(ctx, failures); err != nil {
			return 0, err
		} else if !again {
			return g.end(ctx, head, pipeline, failures, nil)
		}
	}
}

// end prints how a pipeline ended, and writes the comment, unless the head moved a moment before.
func (g *gate) end(ctx context.Context, head string, p *gitlabci.Pipeline, failures []*gitlabci.JobFailure, held *gitlabci.BlockedError) (int, error) {
	m, err := g.read(ctx)
	switch {
	case err != nil:
		return 0, err
	case m.SHA != head:
		return 0, errPushed
	}
	verdict := failed
	switch {
	case held != nil:
		verdict = blocked
	case p.Status == gitlabci.StatusSuccess:
		verdict = succeeded
	}
	g.sayStatus(p)
	for _, f := range failures {
		g.say("%s: %s", console.Printable(f.Job.Name), console.Printable(string(f.Reason)))
	}
	if err := g.comment(ctx, g.text(p, failures, held), verdict != succeeded); err != nil {
		g.notes.Print(fmt.Sprintf("mrgate: the comment could not be written: %v", err)) // which changes no verdict
	}
	return verdict, ctx.Err()
}

// retry retries jobs, if all that failed did so because of runners.
func (g *gate) retry(ctx context.Context, failures []*gitlabci.JobFailure) (bool, error) {
	for _, f := range failures {
		if !isOfRunner(f.Reason) || f.TriggerJob != nil || g.retried[f.Job.Name] >= g.retries {
			return false, nil
		}
	}
	for _, f := range failures {
		g.retried[f.Job.Name]++
		g.say("%s: %s, retried", console.Printable(f.Job.Name), console.Printable(string(f.Reason)))
		_, err := g.client.Jobs.Retry(ctx, f.Job.Pipeline.ProjectID, f.Job.ID, nil)
		if err != nil && !errors.Is(err, gitlabci.ErrOutcomeUnknown) { // or else the pipeline shows whether it was
			return false, err
		}
	}
	return len(failures) > 0, nil
}

// isOfRunner reports whether a job that failed for this reason may succeed on another runner.
func isOfRunner(reason gitlabci.FailureReason) bool {
	switch reason {
	case gitlabci.FailureReasonRunnerSystemFailure, gitlabci.FailureReasonRunnerInterrupted, gitlabci.FailureReasonRunnerExternalDependencyFailure,
		gitlabci.FailureReasonStuckOrTimeoutFailure, gitlabci.FailureReasonStuckPendingWithMatchingRunners, gitlabci.FailureReasonStuckPendingNoMatchingRunners,
		gitlabci.FailureReasonNoUpdatesRunning, gitlabci.FailureReasonAPIFailure, gitlabci.FailureReasonSchedulerFailure:
		return true
	}
	return false
}
