package gitlabci

import (
	"context"
	"maps"
	"sync"
	"time"

	"example.com/gitlabci/internal/poll"
	"example.com/gitlabci/internal/rest"
)

// createdObjects are the pipelines and jobs that a client has just created. A replica of
// GitLab's database may not have them yet.
type createdObjects struct {
	mu sync.Mutex
	at map[any]time.Time // by PipelineID or JobID
}

func (b *createdObjects) add(id any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	maps.DeleteFunc(b.at, func(_ any, at time.Time) bool { return time.Since(at) >= poll.LongestLag })
	if b.at == nil {
		b.at = map[any]time.Time{}
	}
	b.at[id] = time.Now()
}

// of returns when something was created, or zero if that was long ago.
func (b *createdObjects) of(id any) time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	if at := b.at[id]; time.Since(at) < poll.LongestLag {
		return at
	}
	return time.Time{}
}

// rememberJob passes on the results of a call that creates a job, and remembers the job.
func (c *Client) rememberJob(job *Job, err error) (*Job, error) {
	if err == nil {
		c.created.add(job.ID)
	}
	return job, err
}

// rememberPipeline passes on the results of a call that creates a pipeline, and remembers
// the pipeline.
func (c *Client) rememberPipeline(pipeline *Pipeline, err error) (*Pipeline, error) {
	if err == nil {
		c.created.add(pipeline.ID)
	}
	return pipeline, err
}

// playedSchedules has the newest pipeline of each schedule that was played. A replica of
// GitLab's database may not have it yet. Clients share it as they do queues.
type playedSchedules struct {
	mu     sync.Mutex
	newest map[ScheduleID]playedPipeline
}

type playedPipeline struct {
	id PipelineID
	at time.Time // when a response last had it
}

// newer keeps a pipeline of a schedule, unless a newer one is known, and returns the ID of
// the newest one.
func (p *playedSchedules) newer(schedule ScheduleID, id PipelineID) PipelineID {
	p.mu.Lock()
	defer p.mu.Unlock()
	maps.DeleteFunc(p.newest, func(_ ScheduleID, one playedPipeline) bool { return time.Since(one.at) >= poll.LongestLag })
	if known, ok := p.newest[schedule]; ok && known.id > id {
		return known.id
	}
	if p.newest == nil {
		p.newest = map[ScheduleID]playedPipeline{}
	}
	p.newest[schedule] = playedPipeline{id, time.Now()}
	return id
}

// readCreated reads what belongs to the object with the ID. If the client has just created
// that object, it repeats the read until GitLab's replicas have it.
func readCreated[T any](ctx context.Context, c *Client, id any, read func() (T, error)) (T, error) {
	pace := poll.Pace{Min: time.Second, Max: 5 * time.Second}
	for {
		value, err := read()
		if !isGone(err) || c.created.of(id).IsZero() {
			return value, err
		}
		if ended := pace.Wait(ctx); ended != nil {
			return value, rest.Errorf("%w", rest.After(ended, err))
		}
	}
}
