package gitlabci

import (
	"context"
	"fmt"
	"hash/maphash"
	"reflect"
	"strings"
	"time"

	"example.com/gitlabci/internal/lenient"
	"example.com/gitlabci/internal/rest"
)

// An entity is an object that can be distinguished from other JSON, such as "{}" or a
// message: it has a valid ID, or a field that GitLab never leaves out.
type entity interface {
	label() string   // such as "pipeline 7"
	missing() string // the required field that it lacks, or ""
}

// checkEntity returns an error if the decoded value is not the requested object.
func checkEntity(decoded any) error {
	if one, ok := decoded.(entity); ok && !reflect.ValueOf(decoded).IsNil() {
		if field := one.missing(); field != "" {
			return fmt.Errorf("%w: it has no %s", rest.ErrOther, field)
		}
	}
	return nil
}

// decodeEntity decodes an object, and checks that it is what was requested.
func decodeEntity[P any](ctx context.Context, body []byte) (P, lenient.LeftOut, error) {
	object, left, err := lenient.Object[P](ctx, body)
	if err == nil {
		err = checkEntity(object)
	}
	if one, ok := any(object).(interface{ status() Status }); ok && err == nil && !one.status().isWord() {
		if message, _ := lenient.MessageOf(body); message.Text != "" {
			err = fmt.Errorf("%w: it has a message, and no status", rest.ErrOther)
		}
	}
	return object, left, err
}

func (p *PipelineInfo) status() Status { return p.Status }
func (j *JobInfo) status() Status      { return j.Status }

// isWord reports whether a status can be one of GitLab's, and not one of HTTP.
func (s Status) isWord() bool { return s != "" && !strings.ContainsAny(string(s), "0123456789") }

func missingID(id int64) string {
	if id < 1 {
		return "usable ID"
	}
	return ""
}

func missingName(name string) string {
	if name == "" {
		return "name"
	}
	return ""
}

func (p *PipelineInfo) label() string   { return fmt.Sprintf("pipeline %d", p.ID) }
func (p *PipelineInfo) missing() string { return missingID(int64(p.ID)) }

func (j *JobInfo) label() string   { return fmt.Sprintf("job %d", j.ID) }
func (j *JobInfo) missing() string { return missingID(int64(j.ID)) }

func (a *AllowedAgents) label() string   { return "allowed agents" }
func (a *AllowedAgents) missing() string { return missingID(int64(a.Job.ID)) }

func (s *CommitStatus) status() Status  { return s.Status }
func (s *CommitStatus) label() string   { return fmt.Sprintf("status %d", s.ID) }
func (s *CommitStatus) missing() string { return missingID(int64(s.ID)) }

func (s *Schedule) label() string   { return fmt.Sprintf("schedule %d", s.ID) }
func (s *Schedule) missing() string { return missingID(int64(s.ID)) }

func (t *Trigger) label() string   { return fmt.Sprintf("trigger %d", t.ID) }
func (t *Trigger) missing() string { return missingID(int64(t.ID)) }

func (w *Webhook) label() string   { return fmt.Sprintf("webhook %d", w.ID) }
func (w *Webhook) missing() string { return missingID(int64(w.ID)) }

func (e *WebhookEvent) label() string   { return fmt.Sprintf("webhook event %d", e.ID) }
func (e *WebhookEvent) missing() string { return missingID(int64(e.ID)) }

func (r *WebhookResponse) label() string { return "response of a webhook" }

func (r *WebhookResponse) missing() string {
	if r.ResponseStatus < 100 {
		return "response_status"
	}
	return ""
}

// A successMessage is a response that says only that something was done:
// {"message":"201 Created"}.
type successMessage struct {
	Message string `json:"message"`
}

func (s *successMessage) label() string { return "message of a success" }

func (s *successMessage) missing() string {
	if !strings.HasPrefix(s.Message, "201") {
		return "message of a success"
	}
	return ""
}

func (v *Variable) label() string { return "variable " + v.Key }

func (v *Variable) missing() string {
	if v.Key == "" {
		return "key"
	}
	return ""
}

func (v *CIVariable) label() string { return "variable " + v.Key }

func (v *CIVariable) missing() string {
	if v.Key == "" {
		return "key"
	}
	return ""
}

func (r *LintResult) label() string { return "result of a validation" }

func (r *LintResult) missing() string {
	if r.Errors == nil { // GitLab sends an empty list if there are none
		return "errors"
	}
	return ""
}

func (v *serverVersion) label() string { return "version of the server" }

func (v *serverVersion) missing() string {
	if v.Version == "" {
		return "version"
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

// An identified item says which one it is, and when it changed if a list can
// be ordered by that.
type identified interface {
	identity() (id int64, changed time.Time)
}

func (p *PipelineInfo) identity() (int64, time.Time) { return int64(p.ID), p.UpdatedAt }
func (j *JobInfo) identity() (int64, time.Time)      { return int64(j.ID), time.Time{} }
func (s *CommitStatus) identity() (int64, time.Time) { return int64(s.ID), time.Time{} }
func (s *Schedule) identity() (int64, time.Time)     { return int64(s.ID), time.Time{} }
func (t *Trigger) identity() (int64, time.Time)      { return int64(t.ID), time.Time{} }
func (w *Webhook) identity() (int64, time.Time)      { return int64(w.ID), time.Time{} }
func (e *WebhookEvent) identity() (int64, time.Time) { return int64(e.ID), time.Time{} }

// placeSeed makes it impossible to choose names with the same placeKey.
var placeSeed = maphash.MakeSeed()

// placeOfName is the placeKey of an item that has a name and no ID.
func placeOfName(name string) int64 { return int64(maphash.String(placeSeed, name)) }

// placeKey identifies an entry of an archive.
func (e *ArtifactEntry) placeKey() int64 { return int64(maphash.String(placeSeed, e.Path)) }

// placeKey identifies a variable.
func (v *CIVariable) placeKey() int64 {
	return int64(maphash.String(placeSeed, v.Key+"\n"+v.scope()))
}
