package gitlabci

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"

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

// pathAt joins the template of an [Endpoint] and its values to a path.
func pathAt(template string, values []any) (rest.Path, error) {
	path := rest.Path{Template: template}
	below, rooted := strings.CutPrefix(template, "/")
	if !rooted || below == "" {
		return path, fmt.Errorf("the template %q does not begin with a slash and a name", template)
	}
	var segments []rest.Segment
	for word := range strings.SplitSeq(below, "/") {
		name, isValue := strings.CutPrefix(word, ":")
		if name == "" || name == "." || name == ".." || strings.ContainsFunc(name, notOfTemplate) {
			return path, fmt.Errorf("the template %q has %q between slashes, which is neither a word nor a colon and a name", template, word)
		}
		if !isValue {
			segments = append(segments, rest.Segment{Values: []string{word}, Template: word})
			continue
		}
		if len(values) == 0 {
			return path, fmt.Errorf("the template %q has no value for :%s", template, name)
		}
		text, err := pathValue(values[0])
		if err != nil {
			return path, fmt.Errorf("the value of :%s %w", name, err)
		}
		segments = append(segments, rest.Segment{Values: []string{text}, Template: word})
		values = values[1:]
	}
	if len(values) > 0 {
		return path, fmt.Errorf("the template %q has fewer names with a colon than there are values", template)
	}
	return rest.Join(segments...), nil
}

// notOfTemplate reports whether r is no part of the words of GitLab's paths.
func notOfTemplate(r rune) bool {
	return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("_-.", r))
}

// pathValue is a value as text. Its error follows the name of the value.
func pathValue(value any) (string, error) {
	if project, ok := value.(ProjectID); ok {
		if err := project.check(); err != nil {
			return "", fmt.Errorf("is wrong: %w", err)
		}
		return string(project), nil
	}
	v := reflect.ValueOf(value)
	switch {
	case v.Kind() == reflect.String && v.String() == "":
		return "", errors.New("is empty")
	case v.Kind() == reflect.String && rest.HasControl(v.String()):
		return "", errors.New("has a newline or another control character")
	case v.Kind() == reflect.String && (rest.HasBadSegment(v.String()) || rest.HasDotSegment(v.String())):
		return "", fmt.Errorf("is %q, which has an empty part, a \".\" or a \"..\" between slashes", v.String())
	case v.Kind() == reflect.String:
		return v.String(), nil
	case v.CanInt() && v.Int() > 0:
		return strconv.FormatInt(v.Int(), 10), nil
	case v.CanUint() && v.Uint() > 0:
		return strconv.FormatUint(v.Uint(), 10), nil
	case v.CanInt(), v.CanUint():
		return "", fmt.Errorf("is %v, which is not above zero", value)
	}
	return "", fmt.Errorf("is a %T, not a string or an integer", value)
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

func scheduleAt(project ProjectID, schedule ScheduleID) target {
	return target{at("projects", project, "pipeline_schedules", schedule), int64(schedule)}
}

func triggerAt(project ProjectID, trigger TriggerID) target {
	return target{at("projects", project, "triggers", trigger), int64(trigger)}
}

func webhookAt(project ProjectID, hook WebhookID) target {
	return target{at("projects", project, "hooks", hook), int64(hook)}
}

func (id ProjectID) segment() rest.Segment {
	return rest.Segment{Value: string(id), Template: ":id", Err: id.check()}
}

func (id ProjectID) check() error {
	const example = "group/app"
	if err := checkPath("project", example, string(id)); err != nil {
		return err
	}
	if strings.Contains(string(id), "/") {
		return nil
	}
	if _, isNumber := id.Number(); !isNumber {
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
	case rest.HasBadSegment(value):
		return fmt.Errorf("%s %q has an empty part, a \".\" or a \"..\"", noun, value)
	}
	return nil
}

// isWebURL reports whether a text is an absolute URL over http or https.
func isWebURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != ""
}

func blank(s string) bool { return strings.TrimSpace(s) == "" }

func (id PipelineID) segment() rest.Segment {
	return number("pipeline", int64(id), ":pipeline_id")
}

func (id JobID) segment() rest.Segment { return number("job", int64(id), ":job_id") }

// A mergeRequestIID is the number of a merge request in its project.
type mergeRequestIID int64

func (iid mergeRequestIID) segment() rest.Segment {
	segment := rest.Segment{Number: int64(iid), Template: ":merge_request_iid"}
	if iid < 1 {
		segment.Err = fmt.Errorf("merge request IID %d is not above zero", int64(iid))
	}
	return segment
}

// A commitName is a SHA, or another name of a commit.
type commitName string

func (c commitName) segment() rest.Segment {
	if rest.HasBadSegment(string(c)) || rest.HasControl(string(c)) {
		return rest.Segment{Template: ":sha", Err: fmt.Errorf("%q is not the SHA of a commit", string(c))}
	}
	return rest.Segment{Values: []string{string(c)}, Template: ":sha"}
}

// A gitName is the name of a branch or a tag, as one segment of a path.
type gitName struct{ kind, name string }

func (g gitName) segment() rest.Segment {
	template := map[string]string{"branch": ":branch", "tag": ":tag_name"}[g.kind]
	if rest.HasBadSegment(g.name) || rest.HasControl(g.name) {
		return rest.Segment{Template: template, Err: fmt.Errorf("%q is not the name of a %s", g.name, g.kind)}
	}
	return rest.Segment{Values: []string{g.name}, Template: template}
}

// A refName is a ref as one segment of a path.
type refName string

func (r refName) segment() rest.Segment {
	if rest.HasBadSegment(string(r)) {
		return rest.Segment{Template: ":ref_name", Err: fmt.Errorf("ref %q is not the name of a branch or a tag", string(r))}
	}
	return rest.Segment{Values: []string{string(r)}, Template: ":ref_name"}
}

// A memberPath is the path of a file within an archive.
type memberPath string

func (m memberPath) segment() rest.Segment {
	if !fs.ValidPath(string(m)) || m == "." {
		return rest.Segment{Template: "*artifact_path", Err: fmt.Errorf("%q is not the path of a file in an archive: see io/fs.ValidPath", string(m))}
	}
	return rest.Segment{Values: strings.Split(string(m), "/"), Template: "*artifact_path"}
}

func (id ScheduleID) segment() rest.Segment {
	return number("schedule", int64(id), ":pipeline_schedule_id")
}

func (id TriggerID) segment() rest.Segment { return number("trigger", int64(id), ":trigger_id") }

func (id WebhookID) segment() rest.Segment { return number("webhook", int64(id), ":hook_id") }

func (id WebhookEventID) segment() rest.Segment {
	return number("webhook event", int64(id), ":hook_event_id")
}

func (w WebhookTrigger) segment() rest.Segment {
	if rest.HasBadSegment(string(w)) || strings.Contains(string(w), "/") {
		return rest.Segment{Template: ":trigger", Err: fmt.Errorf("%q is not the trigger of a webhook", string(w))}
	}
	return rest.Segment{Values: []string{string(w)}, Template: ":trigger"}
}

func (id EnvironmentID) segment() rest.Segment {
	return number("environment", int64(id), ":environment_id")
}

func (id DeploymentID) segment() rest.Segment {
	return number("deployment", int64(id), ":deployment_id")
}

// A variableKey is the key of a variable in a path.
type variableKey string

func (k variableKey) segment() rest.Segment {
	return rest.Segment{Value: string(k), Template: ":key", Err: k.check()}
}

// check does not quote the key: it could be a value that someone has mistaken for it.
func (k variableKey) check() error {
	switch {
	case k == "":
		return errors.New("the key of the variable is empty")
	case utf8.RuneCountInString(string(k)) > 255:
		return errors.New("the key of the variable has more than 255 characters")
	case strings.ContainsFunc(string(k), notOfKey):
		return errors.New("the key of the variable has other characters than letters, digits and \"_\"")
	}
	return nil
}

func notOfKey(r rune) bool {
	return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '_')
}

func number(noun string, n int64, template string) rest.Segment {
	if n < 1 {
		return rest.Segment{Template: template, Err: fmt.Errorf("%s ID %d is not above zero", noun, n)}
	}
	return rest.Segment{Number: n, Template: template}
}
