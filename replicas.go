package gitlabci

import (
	"context"
	"maps"
	"sync"
	"time"

	"example.com/gitlabci/internal/poll"
	"example.com/gitlabci/internal/rest"
)

// births are the pipelines and jobs that a client has just created, by ID: a replica of
// GitLab's database may not have them yet.
type births struct {
	mu sync.Mutex
	at map[any]time.Time
}

func (b *births) add(id any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	maps.DeleteFunc(b.at, func(_ any, at time.Time) bool { return time.Since(at) >= poll.LongestLag })
	if b.at == nil {
		b.at = map[any]time.Time{}
	}
	b.at[id] = time.Now()
}

// of returns when something was created, or zero if that was long ago.
func (b *births) of(id any) time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	if at := b.at[id]; time.Since(at) < poll.LongestLag {
		return at
	}
	return time.Time{}
}

// newJob keeps the job that a call has created.
func (c *Client) newJob(job *Job, err error) (*Job, error) {
	if err == nil {
		c.births.add(job.ID)
	}
	return job, err
}

// newPipeline keeps the pipeline that a call has created.
func (c *Client) newPipeline(pipeline *Pipeline, err error) (*Pipeline, error) {
	if err == nil {
		c.births.add(pipeline.ID)
	}
	return pipeline, err
}

// played are the newest pipelines of the schedules that were played: a replica of GitLab's
// database may not have them yet. Clients share them as they do queues.
type played struct {
	mu     sync.Mutex
	newest map[ScheduleID]playedPipeline
}

type playedPipeline struct {
	id PipelineID
	at time.Time // when a response last had it
}

// reach keeps a pipeline of a schedule, unless a newer one is known, and returns the ID of
// the newest one.
func (p *played) reach(schedule ScheduleID, id PipelineID) PipelineID {
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

// outlast reads something of what may just have been created, until a replica of
// GitLab's database has it.
func outlast[T any](ctx context.Context, c *Client, id any, read func() (T, error)) (T, error) {
	pace := poll.Pace{Min: time.Second, Max: 5 * time.Second}
	for {
		value, err := read()
		if !isGone(err) || c.births.of(id).IsZero() {
			return value, err
		}
		if ended := pace.Wait(ctx); ended != nil {
			return value, rest.Errorf("%w", rest.After(ended, err))
		}
	}
}
