package webhook

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"
)

// A Kind is what an event is about. The set is open: a word not listed here passes
// through unchanged.
type Kind string

const (
	KindPipeline   Kind = "pipeline"   // [Event.Pipeline] is set
	KindJob        Kind = "build"      // [Event.Job] is set
	KindDeployment Kind = "deployment" // [Event.Deployment] is set
)

// An Event is a verified event. One of Pipeline, Job and Deployment is set if the event is
// of that [Kind]; for other kinds there is Raw. Printing an event shows no variables and
// no Raw.
type Event struct {
	// Kind is the object_kind in the body. It is "" if there is none, as with a custom
	// template, or if there is no usable ID with the kinds that have a field here.
	Kind Kind `json:"kind"`

	// Hook is the X-Gitlab-Event header, such as "Pipeline Hook". It is not signed.
	Hook string `json:"hook"`

	// ID is the same if GitLab sends the event again. It is empty before GitLab 17.4;
	// such events are never refused as replays. Two hooks for the same event have two IDs.
	ID string `json:"id"`

	// UUID is the X-Gitlab-Event-UUID header. Events caused by one event share it, so it
	// does not identify an event. It is not signed.
	UUID string `json:"uuid"`

	// Instance is the base URL of the GitLab that sent it. It is not signed.
	Instance string `json:"instance"`

	// Sent is when the request was made, and zero before GitLab 19.0.
	Sent time.Time `json:"sent,omitzero"`

	// Signed says whether a signature was verified, and not only a secret token.
	Signed bool `json:"signed"`

	Project    *Project    `json:"project,omitzero"`    // nil if the body has none
	Pipeline   *Pipeline   `json:"pipeline,omitzero"`   // of a pipeline event
	Job        *Job        `json:"job,omitzero"`        // of a job event
	Deployment *Deployment `json:"deployment,omitzero"` // of a deployment event

	// Raw is the body, as it was signed. It may have secrets, such as the variables of a
	// pipeline.
	Raw json.RawMessage `json:"-"`
}

// newEvent returns what the headers say of an event.
func newEvent(h http.Header, c *claim, raw []byte) *Event {
	return &Event{
		Hook:     strings.ToValidUTF8(h.Get(headerEvent), "\uFFFD"),
		ID:       c.id,
		UUID:     h.Get(headerUUID),
		Instance: strings.TrimRight(h.Get(headerInstance), "/"),
		Sent:     c.sent,
		Signed:   c.signed,
		Raw:      raw,
	}
}

// summary says what an event is about, without its ID.
func (e *Event) summary() string {
	switch {
	case e.Pipeline != nil:
		return fmt.Sprintf("pipeline %d is %s", e.Pipeline.ID, e.Pipeline.Status)
	case e.Job != nil:
		return fmt.Sprintf("job %d %q of pipeline %d is %s", e.Job.ID, e.Job.Name, e.Job.PipelineID, e.Job.Status)
	case e.Deployment != nil:
		return fmt.Sprintf("deployment %d to %q is %s", e.Deployment.ID, e.Deployment.Environment, e.Deployment.Status)
	}
	return fmt.Sprintf("%q of %d bytes", e.Hook, len(e.Raw))
}

// project names the project, by its path if that is known.
func (e *Event) project() string {
	switch {
	case e.Project == nil:
		return ""
	case e.Project.PathWithNamespace != "":
		return e.Project.PathWithNamespace
	}
	return string(e.Project.ID)
}

// String describes the event in one line.
func (e Event) String() string {
	text := e.summary()
	if project := e.project(); project != "" {
		text += fmt.Sprintf(" in %q", project)
	}
	return text
}

// Format writes the same for every verb.
func (e Event) Format(f fmt.State, _ rune) { io.WriteString(f, e.String()) }

// LogValue is what log/slog writes. The event may be nil, as in [HandlerOptions.Error].
func (e *Event) LogValue() slog.Value {
	if e == nil {
		return slog.AnyValue(nil)
	}
	return slog.GroupValue(slog.String("event", e.summary()), slog.String("project", e.project()), slog.String("id", e.ID))
}
