package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"example.com/gitlabci"
)

// A queue is the work of a fleet. In Redis there are:
//
//	{fleet}:queue       a stream with an entry for each project that is not finished
//	{fleet}:projects    the set of all projects
//	{fleet}:of:PROJECT  a hash: entry, state, worker, claim, progress, error
//	{fleet}:pause       who was asked for a pause; it expires when the pause ends
//	rate:{fleet}:limit  the rate limit
//
// A worker that takes a project gets a claim, a number that is higher than those before. A
// lower one can change nothing. So a worker that was silent for too long does no harm when
// it continues.
type queue struct {
	redis  *redis.Client
	worker string
	idle   time.Duration
}

const group = "workers" // of consumers of the stream

// A task is a project that this worker has a claim for.
type task struct {
	project gitlabci.ProjectID
	entry   string
	claim   int64
	before  string // the worker that had it before
	progress
}

// progress is how far the export of a project is.
type progress struct {
	Cursor gitlabci.Cursor `json:"cursor,omitzero"` // of the next page
	Jobs   int             `json:"jobs"`
	Parts  []part          `json:"parts,omitzero"`
	Whole  bool            `json:"whole,omitzero"`  // all pages are in the parts
	Joined bool            `json:"joined,omitzero"` // and the file is there
}

// A part is what was exported with one claim.
type part struct {
	Claim int64 `json:"claim"`
	Bytes int64 `json:"bytes"` // of complete pages; what follows was written by a worker that died
}

// errLost means that another worker has a newer claim for the project.
var errLost = errors.New("another worker continues the project")

func (q *queue) key(name string) string { return "{fleet}:" + name }

func (q *queue) keyOf(project gitlabci.ProjectID) string { return q.key("of:" + string(project)) }

// open makes the group of consumers if there is none.
func (q *queue) open(ctx context.Context) error {
	err := q.redis.XGroupCreateMkStream(ctx, q.key("queue"), group, "0").Err()
	if err != nil && !strings.HasPrefix(err.Error(), "BUSYGROUP") {
		return err
	}
	return nil
}

// add adds a project, and reports false if it is in the queue. A project that is done
// begins again; one that failed continues.
func (q *queue) add(ctx context.Context, project gitlabci.ProjectID) (bool, error) {
	keys := []string{q.key("queue"), q.keyOf(project), q.key("projects")}
	return redis.NewScript(`
if redis.call('HEXISTS', KEYS[2], 'entry') == 1 then return 0 end
if redis.call('HGET', KEYS[2], 'state') == 'done' then redis.call('HDEL', KEYS[2], 'progress') end
redis.call('HDEL', KEYS[2], 'worker', 'error')
redis.call('SADD', KEYS[3], ARGV[1])
redis.call('HSET', KEYS[2], 'state', 'waiting', 'entry', redis.call('XADD', KEYS[1], '*', 'project', ARGV[1]))
return 1`).Run(ctx, q.redis, keys, string(project)).Bool()
}

// take claims a project that a silent worker has, or else the next one. Without any, it
// waits for a moment.
func (q *queue) take(ctx context.Context) (t *task, found bool, err error) {
	for start := "0-0"; ; {
		entries, next, err := q.redis.XAutoClaim(ctx, &redis.XAutoClaimArgs{
			Stream: q.key("queue"), Group: group, Consumer: q.worker, MinIdle: q.idle, Start: start, Count: 1,
		}).Result()
		if err != nil {
			return nil, false, err
		}
		if len(entries) > 0 {
			return q.claim(ctx, entries[0])
		}
		if next == "0-0" {
			break
		}
		start = next
	}
	streams, err := q.redis.XReadGroup(ctx, &redis.XReadGroupArgs{
		Group: group, Consumer: q.worker, Streams: []string{q.key("queue"), ">"}, Count: 1, Block: min(q.idle/3, time.Second/2),
	}).Result()
	if errors.Is(err, redis.Nil) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	return q.claim(ctx, streams[0].Messages[0])
}

// claim gets a claim for an entry, unless its project was finished meanwhile.
func (q *queue) claim(ctx context.Context, entry redis.XMessage) (t *task, found bool, err error) {
	project, _ := entry.Values["project"].(string)
	t = &task{project: gitlabci.ProjectID(project), entry: entry.ID}
	values, err := redis.NewScript(`
if redis.call('HGET', KEYS[1], 'entry') ~= ARGV[2] then return {0, '', ''} end
local before = redis.call('HGET', KEYS[1], 'worker') or ''
redis.call('HSET', KEYS[1], 'state', 'working', 'worker', ARGV[1])
return {redis.call('HINCRBY', KEYS[1], 'claim', 1), before, redis.call('HGET', KEYS[1], 'progress') or ''}`,
	).Run(ctx, q.redis, []string{q.keyOf(t.project)}, q.worker, entry.ID).Slice()
	if err != nil {
		return nil, false, err
	}
	t.claim, t.before = values[0].(int64), values[1].(string)
	if text := values[2].(string); text != "" {
		err = json.Unmarshal([]byte(text), &t.progress)
	}
	return t, t.claim > 0, err
}

// store stores the progress of a worker, and shows that it is alive. The error is errLost if
// the worker has lost the project.
func (q *queue) store(ctx context.Context, t *task, p *progress) error {
	text, err := json.Marshal(p)
	if err != nil {
		return err
	}
	return q.change(ctx, t, `
redis.call('HSET', KEYS[2], 'progress', ARGV[4])`+touch, string(text), 0)
}

// touch sets how long the worker was silent, in milliseconds.
const touch = `
redis.call('XCLAIM', KEYS[1], 'workers', ARGV[3], 0, ARGV[2], 'IDLE', ARGV[5], 'JUSTID')`

// heartbeat shows that the worker is alive.
func (q *queue) heartbeat(ctx context.Context, t *task) error { return q.change(ctx, t, touch, "", 0) }

// release lets another worker continue immediately.
func (q *queue) release(ctx context.Context, t *task) error {
	return q.change(ctx, t, `
redis.call('HSET', KEYS[2], 'state', 'waiting')`+touch, "", (1000 * time.Hour).Milliseconds())
}

// finish takes the project out of the queue: as failed if there is an error.
func (q *queue) finish(ctx context.Context, t *task, failure error) error {
	state, reason := "done", ""
	if failure != nil {
		state, reason = "failed", failure.Error()
	}
	return q.change(ctx, t, `
redis.call('XACK', KEYS[1], 'workers', ARGV[2])
redis.call('XDEL', KEYS[1], ARGV[2])
redis.call('HDEL', KEYS[2], 'entry')
redis.call('HSET', KEYS[2], 'state', ARGV[4], 'error', ARGV[5])`, state, reason)
}

// change runs a script if the claim is the newest one: KEYS queue, project; ARGV claim,
// entry, worker, and what is given.
func (q *queue) change(ctx context.Context, t *task, script string, given ...any) error {
	script = "if redis.call('HGET', KEYS[2], 'claim') ~= ARGV[1] then return 0 end\n" + script + "\nreturn 1"
	keys := []string{q.key("queue"), q.keyOf(t.project)}
	held, err := redis.NewScript(script).Run(ctx, q.redis, keys, append([]any{t.claim, t.entry, q.worker}, given...)...).Bool()
	if err == nil && !held {
		return errLost
	}
	return err
}

// left returns how many projects are not finished.
func (q *queue) left(ctx context.Context) (int64, error) {
	return q.redis.XLen(ctx, q.key("queue")).Result()
}

// pause returns how long the fleet still has to wait because GitLab has asked for it.
func (q *queue) pause(ctx context.Context) (time.Duration, error) {
	left, err := q.redis.PTTL(ctx, q.key("pause")).Result()
	return max(0, left), err
}

// A row is a project in the table of status.
type row struct {
	Project  string
	State    string `redis:"state"`
	Worker   string `redis:"worker"`
	Claims   int    `redis:"claim"`
	Error    string `redis:"error"`
	Progress string `redis:"progress"`
	progress
}

// rows returns all projects, by path.
func (q *queue) rows(ctx context.Context) ([]*row, error) {
	projects, err := q.redis.SMembers(ctx, q.key("projects")).Result()
	if err != nil {
		return nil, err
	}
	slices.Sort(projects)
	var rows []*row
	for _, project := range projects {
		r := &row{Project: project}
		err := q.redis.HGetAll(ctx, q.keyOf(gitlabci.ProjectID(project))).Scan(r)
		if err == nil {
			err = json.Unmarshal([]byte(cmp.Or(r.Progress, "{}")), &r.progress)
		}
		if err != nil {
			return nil, err
		}
		rows = append(rows, r)
	}
	return rows, nil
}
