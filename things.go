package gitlabci

import (
	"errors"
	"fmt"
	"reflect"
)

// errNoThing is a JSON object that is not what was asked for, such as a message.
var errNoThing = errors.New("it is another thing")

// A thing can be told from another JSON object, such as "{}" or a message: by an
// ID that is usable, or by what GitLab never leaves out.
type thing interface {
	label() string   // such as "pipeline 7"
	missing() string // what it should have and does not, "" if nothing
}

// checkThing refuses what is decoded from an object that is not the thing.
func checkThing(decoded any) error {
	if one, ok := decoded.(thing); ok && !reflect.ValueOf(decoded).IsNil() {
		if field := one.missing(); field != "" {
			return fmt.Errorf("%w: it has no %s", errNoThing, field)
		}
	}
	return nil
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

// The suites of a report are an empty list if there are none, and never left
// out.

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
