package gitlabci

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"example.com/gitlabci/internal/lenient"
	"example.com/gitlabci/internal/poll"
	"example.com/gitlabci/internal/rest"
)

// get reads one object. The query may be nil.
func get[P any](ctx context.Context, c *Client, p rest.Path, query url.Values) (P, error) {
	return send[P](ctx, c, rest.Read(p, query))
}

// send makes a call whose response is one object, a P; see [lenient.Object].
func send[P any](ctx context.Context, c *Client, cl *rest.Call) (P, error) {
	return sendDecode(ctx, c, cl, decodeEntity[P])
}

// sendDecode makes a call whose response is decoded by decode.
func sendDecode[P any](ctx context.Context, c *Client, cl *rest.Call, decode func(context.Context, []byte) (P, lenient.LeftOut, error)) (P, error) {
	var object, none P
	err := c.fetch(ctx, cl, func(_ http.Header, body []byte) (left lenient.LeftOut, err error) {
		object, left, err = decode(ctx, body)
		return left, err
	})
	if err != nil {
		return none, err
	}
	return object, nil
}

// sendTo makes a call about an object, whose response is that object. Another one is no
// success: a cache or a proxy has mixed up two responses.
func sendTo[P identified](ctx context.Context, c *Client, cl *rest.Call, to target) (P, error) {
	return sendDecode(ctx, c, cl, func(ctx context.Context, body []byte) (P, lenient.LeftOut, error) {
		return decodeTarget[P](ctx, body, to)
	})
}

// getOne reads the object at a target.
func getOne[P identified](ctx context.Context, c *Client, to target) (P, error) {
	return sendTo[P](ctx, c, rest.Read(to.path, nil), to)
}

// getSame reads one object. Another one than requested is no success.
func getSame[P entity](ctx context.Context, c *Client, path rest.Path, is func(P) bool) (P, error) {
	return sendDecode(ctx, c, rest.Read(path, nil), func(ctx context.Context, body []byte) (P, lenient.LeftOut, error) {
		object, left, err := decodeEntity[P](ctx, body)
		if err == nil && !is(object) {
			err = fmt.Errorf("%w: it is %s", rest.ErrOther, rest.Shorten(object.label(), rest.MaxTitle))
		}
		return object, left, err
	})
}

func decodeTarget[P identified](ctx context.Context, body []byte, to target) (P, lenient.LeftOut, error) {
	object, left, err := decodeEntity[P](ctx, body)
	if err != nil {
		return object, left, err
	}
	if id, _ := object.identity(); id != to.id {
		err = fmt.Errorf("%w: it has the ID %d", rest.ErrOther, id)
	}
	return object, left, err
}

// A stateful object has a status, and an ID.
type stateful interface {
	identified
	status() Status
}

// getState reads the object at a target for something that waits for a status. Without one, it
// would wait forever.
func getState[P stateful](ctx context.Context, c *Client, to target) (P, error) {
	return sendDecode(ctx, c, rest.Read(to.path, nil), func(ctx context.Context, body []byte) (P, lenient.LeftOut, error) {
		return decodeState[P](ctx, body, to)
	})
}

func decodeState[P stateful](ctx context.Context, body []byte, to target) (P, lenient.LeftOut, error) {
	object, left, err := decodeTarget[P](ctx, body, to)
	if err == nil && object.status() == "" {
		err = fmt.Errorf("%w: it has no status", rest.ErrOther)
	}
	return object, left, err
}

// fetch makes a call and has its response, read whole, decoded. It logs what is left out.
func (c *Client) fetch(ctx context.Context, call *rest.Call, decode func(http.Header, []byte) (lenient.LeftOut, error)) error {
	return c.wire.Fetch(ctx, call, func(resp *rest.Response, body []byte) error {
		left, err := decode(resp.Header, body)
		left.Log(ctx, c.wire.Config().Logger, call.Path.Template)
		return err
	})
}

// explainMove adds the new path of a moved project to the error of a write, which
// GitLab refuses instead of redirecting. It makes one more read; if that fails, the
// error stays as it is.
func (c *Client) explainMove(ctx context.Context, write *rest.Call, err error, printable func(string) string) {
	e, responded := errors.AsType[*APIError](err)
	if !responded || e.storage != "" || e.StatusCode != http.StatusMethodNotAllowed || !strings.Contains(e.Message, "moved projects") {
		return
	}
	_, below, _ := strings.Cut(write.Path.Escaped, "/projects/")
	name, _, _ := strings.Cut(below, "/")
	if !strings.Contains(strings.ToUpper(name), "%2F") { // an ID stays valid after a move
		return
	}
	read := rest.Read(rest.Path{Escaped: "/projects/" + name, Template: "/projects/:id"}, nil)
	read.Tries = 1
	now, readErr := send[*ProjectIdentity](ctx, c, read)
	if readErr == nil && now.PathWithNamespace != "" {
		e.Message += ": the project is now " + printable(now.PathWithNamespace)
	}
}

// cutShort returns the error of a call that is not repeated because its context has
// ended, with why it failed before. An error that says both already stays as it is.
func cutShort(ended, failure error) error {
	if err := rest.After(ended, failure); err != failure {
		return rest.Errorf("%w", err)
	}
	return failure
}

// pause waits before another request, after a call has failed so many times. The error is
// that of the call: if the wait does not fit, or with the end of the context.
func (c *Client) pause(ctx context.Context, call *rest.Call, tries int, reason string, wait time.Duration, failure error) error {
	if !c.wire.Config().MayWait(ctx, wait) {
		return failure
	}
	c.wire.Announce(ctx, call, tries, reason, wait)
	if ended := rest.Sleep(ctx, wait); ended != nil {
		return cutShort(ended, failure)
	}
	return nil
}

// readBack makes an idempotent call. If an earlier attempt may have been executed
// and a later one is refused, such as for a right that was lost meanwhile, the
// refusal says nothing about the earlier attempt. So the object is read: if it is
// as wanted, the call was successful. Otherwise the error is the refusal, which
// still matches ErrOutcomeUnknown.
//
// Nothing is read if every response was lost: the response to a read would be, too.
func readBack[P identified](ctx context.Context, c *Client, cl *rest.Call, to target, done func(P) bool) (P, error) {
	object, err := sendTo[P](ctx, c, cl, to)
	e, responded := errors.AsType[*APIError](err)
	if !responded || e.StatusCode/100 != 4 || !errors.Is(err, ErrOutcomeUnknown) {
		return object, err
	}
	now, readErr := getOne[P](ctx, c, to)
	if readErr != nil || !done(now) {
		return object, err
	}
	return now, nil
}

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
