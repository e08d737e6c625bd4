package gitlabci

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/google/go-querystring/query"

	"example.com/gitlabci/internal/lenient"
	"example.com/gitlabci/internal/rest"
)

// A segmenter is a value in a path.
type segmenter interface{ segment() rest.Segment }

// at joins words and values to a path.
func at(parts ...any) rest.Path {
	segments := make([]rest.Segment, 0, 8) // on the stack
	for _, part := range parts {
		switch part := part.(type) {
		case string:
			segments = append(segments, rest.Segment{Value: part, Template: part})
		case segmenter:
			segments = append(segments, part.segment())
		default:
			segments = append(segments, rest.Segment{Err: fmt.Errorf("a %T is no part of a path", part)})
		}
	}
	return rest.Join(segments...)
}

func isWebURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != ""
}

// get reads one object. The fields of opts, unless it is nil, are the query.
func get[P any](ctx context.Context, c *Client, p rest.Path, opts any) (P, error) {
	values, err := query.Values(opts)
	if err != nil {
		var none P
		return none, err
	}
	return send[P](ctx, c, rest.Read(p, values))
}

// send makes a call whose response is one object, a P; see [lenient.Object].
func send[P any](ctx context.Context, c *Client, cl *rest.Call) (P, error) {
	return sendDecode(ctx, c, cl, decodeThing[P])
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

// A target is the object that a call is about.
type target struct {
	path rest.Path
	id   int64
}

func pipelineAt(project ProjectID, id PipelineID) target {
	return target{at("projects", project, "pipelines", id), int64(id)}
}

func jobAt(project ProjectID, id JobID) target {
	return target{at("projects", project, "jobs", id), int64(id)}
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

func decodeTarget[P identified](ctx context.Context, body []byte, to target) (P, lenient.LeftOut, error) {
	object, left, err := decodeThing[P](ctx, body)
	if err != nil {
		return object, left, err
	}
	if id, _ := object.identity(); id != to.id {
		err = fmt.Errorf("%w: it has the ID %d", rest.ErrOther, id)
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

func (id ProjectID) segment() rest.Segment {
	return rest.Segment{Value: string(id), Template: ":id", Err: id.check()}
}

func (id ProjectID) check() error {
	const example = "group/app"
	if err := checkPath("project", example, string(id)); err != nil {
		return err
	}
	if _, isNumber := id.Number(); !isNumber && !strings.Contains(string(id), "/") {
		return fmt.Errorf("project %q is neither a number nor a full path such as %q", string(id), example)
	}
	return nil
}

func (id GroupID) segment() rest.Segment {
	return rest.Segment{Value: string(id), Template: ":id", Err: checkPath("group", "company/backend", string(id))}
}

// checkPath returns an error for what is neither a number above zero nor a path.
func checkPath(noun, example, value string) error {
	if value == "" {
		return fmt.Errorf("the %s is empty; give a path such as %q, or a number", noun, example)
	}
	if strings.Trim(strings.TrimPrefix(value, "-"), "0123456789") == "" {
		if n, err := strconv.ParseInt(value, 10, 64); err == nil && n > 0 {
			return nil
		}
		return fmt.Errorf("%s %q is not a number above zero", noun, value)
	}
	switch {
	case rest.HasControl(value):
		return fmt.Errorf("%s %q has a newline or another control character", noun, value)
	case strings.Contains(value, "://"), strings.HasPrefix(value, "git@"):
		return fmt.Errorf("the %s is a URL; give its path, such as %q, or its number", noun, example) // which may have a password
	case strings.HasSuffix(value, ".git"):
		return fmt.Errorf("%s %q ends with \".git\", which belongs to the URL of its repository and not to its path", noun, value)
	case strings.HasPrefix(value, "/"), strings.HasSuffix(value, "/"):
		return fmt.Errorf("%s %q begins or ends with a slash", noun, value)
	case rest.Wanders(value):
		return fmt.Errorf("%s %q has an empty part, a \".\" or a \"..\"", noun, value)
	}
	return nil
}

func (id PipelineID) segment() rest.Segment {
	return number("pipeline", int64(id), ":pipeline_id")
}

func (id JobID) segment() rest.Segment { return number("job", int64(id), ":job_id") }

// A commitName is a SHA, or another name of a commit.
type commitName string

func (c commitName) segment() rest.Segment {
	if rest.Wanders(string(c)) || rest.HasControl(string(c)) {
		return rest.Segment{Template: ":sha", Err: fmt.Errorf("%q is not the SHA of a commit", string(c))}
	}
	return rest.Segment{Values: []string{string(c)}, Template: ":sha"}
}

func (id ScheduleID) segment() rest.Segment {
	return number("schedule", int64(id), ":pipeline_schedule_id")
}

func notOfKey(r rune) bool {
	return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '_')
}

func (id TriggerID) segment() rest.Segment { return number("trigger", int64(id), ":trigger_id") }

func (id WebhookID) segment() rest.Segment { return number("webhook", int64(id), ":hook_id") }

func (id WebhookEventID) segment() rest.Segment {
	return number("webhook event", int64(id), ":hook_event_id")
}

func (w WebhookTrigger) segment() rest.Segment {
	if rest.Wanders(string(w)) || strings.Contains(string(w), "/") {
		return rest.Segment{Template: ":trigger", Err: fmt.Errorf("%q is not the trigger of a webhook", string(w))}
	}
	return rest.Segment{Values: []string{string(w)}, Template: ":trigger"}
}

func number(noun string, n int64, template string) rest.Segment {
	if n < 1 {
		return rest.Segment{Template: template, Err: fmt.Errorf("%s ID %d is not above zero", noun, n)}
	}
	return rest.Segment{Number: n, Template: template}
}
