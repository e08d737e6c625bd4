package gitlabci

import (
	"context"
	"errors"
	"fmt"
	"reflect"

	"example.com/gitlabci/internal/lenient"
)

// errNoThing is the error for a JSON object that was not requested, such as a
// message.
var errNoThing = errors.New("not the requested object")

// A thing is an object that can be distinguished from other JSON, such as "{}" or a
// message: it has a valid ID, or a field that GitLab never leaves out.
type thing interface {
	label() string   // such as "pipeline 7"
	missing() string // the required field that it lacks, or ""
}

// checkThing returns an error if the decoded value is not the requested object.
func checkThing(decoded any) error {
	if one, ok := decoded.(thing); ok && !reflect.ValueOf(decoded).IsNil() {
		if field := one.missing(); field != "" {
			return fmt.Errorf("%w: it has no %s", errNoThing, field)
		}
	}
	return nil
}

// decodeThing decodes an object, and checks that it is what was requested.
func decodeThing[P any](body []byte) (P, error) {
	object, err := lenient.Object[P](body)
	if err == nil {
		err = checkThing(object)
	}
	return object, err
}

func missingID(id int64) string {
	if id < 1 {
		return "usable ID"
	}
	return ""
}

func (p *PipelineInfo) label() string   { return fmt.Sprintf("pipeline %d", p.ID) }
func (p *PipelineInfo) missing() string { return missingID(int64(p.ID)) }

func (j *JobInfo) label() string   { return fmt.Sprintf("job %d", j.ID) }
func (j *JobInfo) missing() string { return missingID(int64(j.ID)) }

func (a *AllowedAgents) label() string   { return "allowed agents" }
func (a *AllowedAgents) missing() string { return missingID(int64(a.Job.ID)) }

func (v *Variable) label() string { return "variable " + v.Key }

func (v *Variable) missing() string {
	if v.Key == "" {
		return "key"
	}
	return ""
}

func (e *ArtifactEntry) label() string { return "entry " + e.Path }

func (e *ArtifactEntry) missing() string {
	if e.Path == "" && e.Name == "" {
		return "path"
	}
	return ""
}

// GitLab never leaves out the suites of a report: without suites, it sends an
// empty list.

func (r *TestReport) label() string { return "test report" }

func (r *TestReport) missing() string {
	if r.TestSuites == nil {
		return "test_suites"
	}
	return ""
}

func (s *TestReportSummary) label() string { return "test report summary" }

func (s *TestReportSummary) missing() string {
	if s.TestSuites == nil {
		return "test_suites"
	}
	return ""
}

// readBack makes an idempotent call. If an earlier attempt may have been executed
// and a later one is refused, such as for a right that was lost meanwhile, the
// refusal says nothing about the earlier attempt. So the object is read: if it is
// as wanted, the call was successful. Otherwise the error is the refusal, which
// still matches ErrOutcomeUnknown.
//
// Nothing is read if every response was lost: the response to a read would be, too.
func readBack[P any](ctx context.Context, c *Client, cl *call, p path, done func(P) bool) (P, error) {
	answer, err := send[P](ctx, c, cl)
	e, answered := errors.AsType[*APIError](err)
	if !answered || e.StatusCode/100 != 4 || !errors.Is(err, ErrOutcomeUnknown) {
		return answer, err
	}
	now, readErr := get[P](ctx, c, p, nil)
	if readErr != nil || !done(now) {
		return answer, err
	}
	return now, nil
}
