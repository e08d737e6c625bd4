package gitlabci

import (
	"fmt"
	"strconv"
	"strings"

	"example.com/gitlabci/internal/rest"
)

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
