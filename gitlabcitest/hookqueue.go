package gitlabcitest

import (
	"context"
	"crypto/sha1"
	"fmt"
	"slices"
	"sync"
	"time"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest/internal/shape"
	"example.com/gitlabci/internal/memnet"
)

// A hookDelivery is an event that is sent to one hook.
type hookDelivery struct {
	hook  *hook
	event HookEvent
	body  []byte
	uuid  string    // of the event, the same for all hooks
	key   string    // of the delivery, the same if it is made again
	again bool      // whether no fault can hit it, since one has
	due   time.Time // of one that is late
}

// A hookQueue adds events to the queues of the hooks that want them. It is guarded by the
// server's lock.
type hookQueue struct {
	state    *state
	external string
	setTimer func(time.Time) // makes the server deliver at a time
	started  bool
	lastID   int64 // that a UUID was made from
	lastLog  int64
	late     []*hookDelivery
}

// start starts the deliveries, and a timer for future events.
func (o *hookQueue) start() {
	o.started = true
	if next := o.state.agenda.next(); !next.IsZero() {
		o.setTimer(next)
	}
}

// nextUUID is another UUID, the same in each run.
func (o *hookQueue) nextUUID() string {
	o.lastID++
	sum := sha1.Sum(fmt.Appendf(nil, "uuid %d", o.lastID))
	sum[6], sum[8] = sum[6]&0x0f|0x40, sum[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
}

func (o *hookQueue) renderer(at time.Time, test bool) *payloadRenderer {
	return &payloadRenderer{renderer: &renderer{version: o.state.version, external: o.external, now: at}, state: o.state, test: test}
}

// add queues an event for all hooks of a project that have it.
func (o *hookQueue) add(owner *project, event HookEvent, at time.Time, payload func(*payloadRenderer) any) {
	var body []byte
	var uuid string
	for _, h := range owner.hooks {
		if !h.events[string(event)] {
			continue
		}
		if body == nil {
			body, uuid = o.encode(at, false, payload), o.nextUUID()
		}
		h.queue = append(h.queue, &hookDelivery{hook: h, event: event, body: body, uuid: uuid, key: o.nextUUID()})
		o.setTimer(at)
	}
}

// encode renders a payload. A large one is rendered again, as it comes out of GitLab's
// compression.
func (o *hookQueue) encode(at time.Time, test bool, payload func(*payloadRenderer) any) []byte {
	r := o.renderer(at, test)
	body := shape.Encode(shape.Shown(o.state.version, payload(r)))
	if len(body) > largePayload && !test {
		r.large = true
		body = shape.Encode(shape.Shown(o.state.version, payload(r)))
	}
	return body
}

// queueEvent queues an event: a pipeline has another status. Pipelines of blocked users have no
// events.
func (p *pipeline) queueEvent(at time.Time) {
	if len(p.project.hooks) > 0 && !p.user.blocked {
		p.project.state.hookQueue.add(p.project, HookEventPipeline, at, func(r *payloadRenderer) any { return r.pipelineEvent(p) })
	}
}

// queueCreated queues the events of a new pipeline and its jobs.
func (p *pipeline) queueCreated() {
	for _, j := range p.jobs {
		j.queueEvent(p.created)
	}
	p.queueEvent(p.created)
}

// queueEvent queues an event: a job has another status, and with it perhaps a deployment.
func (j *job) queueEvent(at time.Time) {
	owner := j.pipeline.project
	if len(owner.hooks) == 0 || j.user.blocked || !j.byRunner() {
		return
	}
	owner.state.hookQueue.add(owner, HookEventJob, at, func(r *payloadRenderer) any { return r.jobEvent(j) })
	ends := j.deployment > 0 && !j.started.IsZero() && ended(j.status)
	if j.environment == "" || j.status != gitlabci.StatusRunning && !ends {
		return
	}
	if j.deployment == 0 {
		owner.state.lastDeployment++
		j.deployment = owner.state.lastDeployment
	}
	owner.state.hookQueue.add(owner, HookEventDeployment, at, func(r *payloadRenderer) any { return r.deploymentEvent(j, at) })
}

// A deliverer makes the deliveries of a server.
type deliverer struct {
	timer   *time.Timer
	at      time.Time // when the timer fires, or zero
	network memnet.Network
	idle    *sync.Cond // something may have become idle; its lock is the server's
	busy    int        // hooks whose deliveries are being made
	work    sync.WaitGroup
	closed  bool
}

// setTimer sets the timer for the events of a time. The lock is held.
func (s *Server) setTimer(at time.Time) {
	p := &s.deliverer
	if !s.state.hookQueue.started || p.closed || !p.at.IsZero() && !at.Before(p.at) {
		return
	}
	p.at = at
	wait := max(0, time.Duration(float64(at.Sub(s.clock.now()))/s.clock.speed))
	if p.timer == nil {
		p.timer = time.AfterFunc(wait, s.deliverDue)
		return
	}
	p.timer.Reset(wait)
}

// deliverDue executes what is due, and starts the deliveries that result.
func (s *Server) deliverDue() {
	at := s.lock()
	defer s.mu.Unlock()
	s.deliverer.at = time.Time{}
	post := s.state.hookQueue
	post.late = slices.DeleteFunc(post.late, func(d *hookDelivery) bool {
		if d.due.After(at) {
			return false
		}
		d.hook.queue = append(d.hook.queue, d)
		return true
	})
	for _, owner := range s.state.projects {
		for _, h := range owner.hooks {
			if len(h.queue) > 0 && !h.busy && !s.deliverer.closed {
				h.busy = true
				s.deliverer.busy++
				s.deliverer.work.Go(func() { s.deliverQueue(h) })
			}
		}
	}
	if next := s.state.agenda.next(); !next.IsZero() {
		s.setTimer(next)
	}
	for _, d := range post.late {
		s.setTimer(d.due)
	}
}

// deliverQueue makes the deliveries of a hook, one after the other.
func (s *Server) deliverQueue(h *hook) {
	ctx, leave := s.whileOpen(context.Background())
	defer leave()
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(h.queue) > 0 && !s.deliverer.closed {
		d := h.queue[0]
		h.queue = h.queue[1:]
		at := s.clock.now()
		if h.alert(at) != "executable" || s.state.hook(h.project, h.id) != h {
			continue // and it is lost
		}
		s.deliverOne(ctx, d, at)
	}
	h.busy = false
	s.deliverer.busy--
	s.deliverer.idle.Broadcast()
}

// deliverOne makes a delivery, or does to it what a fault says. The lock is held, but not
// during the delivery itself.
func (s *Server) deliverOne(ctx context.Context, d *hookDelivery, at time.Time) {
	var hit *fault
	if !d.again {
		s.mu.Unlock()
		hit = s.nextFault(HookRoute)
		s.mu.Lock()
	}
	copied := *d
	copied.again = true
	switch {
	case hit == nil:
	case hit.Break == BreakLose:
		return
	case hit.Break == BreakLate:
		s.delay(&copied, at.Add(hit.Delay))
		return
	case hit.Break == BreakRepeat && hit.Delay > 0:
		s.delay(&copied, at.Add(hit.Delay))
	case hit.Break == BreakRepeat:
		d.hook.queue = append([]*hookDelivery{&copied}, d.hook.queue...)
	}
	s.send(ctx, d, hit)
}

func (s *Server) delay(d *hookDelivery, until time.Time) {
	d.due = until
	s.state.hookQueue.late = append(s.state.hookQueue.late, d)
	s.setTimer(until)
}

// Wait waits until all events so far have been delivered to the hooks, including late ones.
// It returns when the server is closed.
func (s *Server) Wait() {
	s.lock()
	defer s.mu.Unlock()
	for !s.deliverer.closed && (s.deliverer.busy > 0 || len(s.state.hookQueue.late) > 0 || s.state.queued()) {
		s.deliverer.idle.Wait()
	}
}

// queued reports whether a delivery has not been made yet.
func (s *state) queued() bool {
	return slices.ContainsFunc(s.projects, func(p *project) bool {
		return slices.ContainsFunc(p.hooks, func(h *hook) bool { return len(h.queue) > 0 })
	})
}

// stopDeliveries makes no further deliveries. The lock is held.
func (s *Server) stopDeliveries() {
	s.deliverer.closed = true
	if s.deliverer.timer != nil {
		s.deliverer.timer.Stop()
	}
	s.deliverer.idle.Broadcast()
}
