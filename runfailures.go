package gitlabci

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"

	"example.com/gitlabci/joblog"
)

// A JobFailure is a job that failed, and what its log says of it.
type JobFailure struct {
	Job        *Job          // never nil; of a trigger job only what both have in common
	TriggerJob *TriggerJob   // nil unless it is one; it has no log
	Reason     FailureReason // the job's
	ExitCode   int           // of the script; 0 if the log names none

	// Lines are those that look like the reason, in order, without colours: the
	// last that speak of an error, or else the last of the script. At most 20
	// of at most 4 KiB each; none of a job that never ran.
	Lines []string

	// Err is why the log could not be read to its end, such as [ErrForbidden]
	// or that the context has ended. Lines are then of what was read.
	Err error
}

// An attempt is a job, as last seen.
type attempt struct {
	id      JobID
	project ProjectID
	failure *JobFailure // nil unless it counts
}

// note keeps what is known of a job. A newer one of the same name supersedes
// it, since that is a retry.
func (r *run) note(event *PipelineEvent) {
	job := event.Job
	if event.TriggerJob != nil {
		job = &Job{JobInfo: event.TriggerJob.JobInfo}
	}
	if job == nil {
		return
	}
	byName := r.attempts[event.Pipeline.ID]
	if byName == nil {
		byName = map[string]*attempt{}
		r.attempts[event.Pipeline.ID] = byName
	}
	if newest := byName[job.Name]; newest != nil && newest.id > job.ID {
		return
	}
	seen := &attempt{id: job.ID, project: r.projectOf(event)}
	if event.Status == StatusFailed && !job.AllowFailure {
		seen.failure = &JobFailure{Job: new(*job), TriggerJob: event.TriggerJob, Reason: job.FailureReason}
	}
	byName[job.Name] = seen
}

// noteTriggers looks at the trigger jobs that were not watched, if one may be
// what a pipeline failed of. Others that a server lists all the same do not count.
func (r *run) noteTriggers(ctx context.Context) error {
	root := r.watch.root
	if r.options.Downstream || r.result.Pipeline.Status != StatusFailed {
		return nil
	}
	failed := &ListTriggerJobsOptions{Scope: []Status{StatusFailed}}
	triggers, err := insist(ctx, r.watch, func() ([]*TriggerJob, error) {
		return collect(allBy(ctx, failed, r.service.client.Jobs.anyTriggerJobs(root.project, root.id)))
	})
	for _, t := range triggers {
		r.note(root.event(&PipelineEvent{TriggerJob: t, Status: t.Status}))
	}
	return err
}

// failuresAtOnce is how many logs of failed jobs are summarized at the same time.
const failuresAtOnce = 4

// explain makes the list of failures, and reads their logs, some at once.
func (r *run) explain(ctx context.Context) {
	slots := make(chan struct{}, failuresAtOnce)
	var readers sync.WaitGroup
	for _, failed := range r.failed() {
		r.result.Failed = append(r.result.Failed, failed.failure)
		if failed.failure.TriggerJob != nil {
			continue
		}
		slots <- struct{}{}
		readers.Go(func() {
			defer func() { <-slots }()
			r.read(ctx, failed)
		})
	}
	readers.Wait()
}

// failed returns the attempts that failed, upstream first. Below a trigger job
// that was retried nothing counts.
func (r *run) failed() (all []*attempt) {
	for queue := []*watched{r.watch.root}; len(queue) > 0; queue = queue[1:] {
		begin := len(all)
		for _, seen := range r.attempts[queue[0].id] {
			if seen.failure != nil {
				all = append(all, seen)
			}
		}
		slices.SortFunc(all[begin:], func(a, b *attempt) int { return cmp.Compare(a.id, b.id) })
		triggers := queue[0].triggers
		for _, id := range slices.Sorted(maps.Keys(triggers)) {
			if t := triggers[id]; t.child != nil && !t.superseded {
				queue = append(queue, t.child)
			}
		}
	}
	return all
}

// read finds the lines that tell of a failure. The job may have ended just now,
// and its last lines may be on their way.
func (r *run) read(ctx context.Context, failed *attempt) {
	if failed.failure.Err = context.Cause(ctx); failed.failure.Err != nil {
		return
	}
	log := r.service.client.Jobs.openFollowed(ctx, failed.project, failed.id, r.follow)
	defer log.Close()
	summary, err := joblog.Summarize(log)
	failed.failure.ExitCode, failed.failure.Err = summary.ExitCode, err
	for _, line := range summary.Failure {
		failed.failure.Lines = append(failed.failure.Lines, line.Text)
	}
}
