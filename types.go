package gitlabci

import (
	"cmp"
	"fmt"
	"log/slog"
	"math"
	"strconv"
	"sync/atomic"
	"time"

	"example.com/gitlabci/internal/lenient"
	"example.com/gitlabci/internal/secret"
)

// A ProjectID names a project: its full path, such as "group/app", or its
// number, see [ProjectNumber]. Anything else is refused before it is sent.
// Responses have numbers: client.Pipelines.Get(ctx, p.ProjectID, p.ID).
//
// In JSON, a number is a number and a path is a string.
//
// See https://docs.gitlab.com/api/rest/#namespaced-paths.
type ProjectID string

// ProjectNumber returns the ProjectID of the project with the number n.
func ProjectNumber(n int64) ProjectID { return ProjectID(strconv.FormatInt(n, 10)) }

// Number returns the project's number. It is not ok if p is a path, or no ID at
// all.
func (p ProjectID) Number() (n int64, ok bool) {
	n, err := strconv.ParseInt(string(p), 10, 64)
	if err != nil || n < 1 || p[0] == '+' {
		return 0, false
	}
	return n, true
}

// MarshalJSON writes a number as a number, a path as a string, and "" as null.
func (p ProjectID) MarshalJSON() ([]byte, error) {
	if p == "" {
		return []byte("null"), nil
	}
	if n, ok := p.Number(); ok {
		return strconv.AppendInt(nil, n, 10), nil
	}
	return lenient.Encode(string(p))
}

// UnmarshalJSON reads a number or a string. What GitLab writes where there is no
// project, null or 0, is "".
func (p *ProjectID) UnmarshalJSON(data []byte) error {
	// The items of a page are nearly always of one project: its number is
	// allocated once.
	if last := lastProject.Load(); last != nil && string(*last) == string(data) {
		*p = *last
		return nil
	}
	text, err := lenient.ID(data)
	if err != nil {
		return err
	}
	read := ProjectID(text)
	*p = read
	if _, ok := read.Number(); ok {
		lastProject.Store(&read)
	}
	return nil
}

var lastProject atomic.Pointer[ProjectID]

// A GroupID names a group: its full path, such as "company" or "company/backend", or its
// number, see [GroupNumber]. Anything else is refused before it is sent.
//
// See https://docs.gitlab.com/api/rest/#namespaced-paths.
type GroupID string

// GroupNumber returns the GroupID of the group with the number n.
func GroupNumber(n int64) GroupID { return GroupID(strconv.FormatInt(n, 10)) }

// A PipelineID is a pipeline's number, unique on the whole instance. It is not
// the IID, which counts within one project and is what its pages show.
type PipelineID int64

// A JobID is a job's number, unique on the whole instance.
type JobID int64

// Seconds is a length of time as GitLab writes it: a number of seconds, whole
// or not.
type Seconds float64

// Duration converts s. What does not fit a [time.Duration], about 292 years,
// becomes the longest one; what is not a number becomes zero.
func (s Seconds) Duration() time.Duration {
	nanoseconds := float64(s) * float64(time.Second)
	switch {
	case math.IsNaN(nanoseconds):
		return 0
	case nanoseconds >= math.MaxInt64:
		return math.MaxInt64
	case nanoseconds <= math.MinInt64:
		return math.MinInt64
	}
	return time.Duration(math.Round(nanoseconds))
}

// A User is the account behind a pipeline or a job. Pipelines fill the fields
// down to CustomAttributes; jobs fill those and the profile below them, as far
// as the user's privacy settings allow. What GitLab does not send is zero.
//
// See https://docs.gitlab.com/api/users/.
type User struct {
	ID          int64  `json:"id"`
	Username    string `json:"username"`
	Name        string `json:"name"`
	State       string `json:"state"` // "active", "blocked", "deactivated", …
	Locked      bool   `json:"locked,omitzero"`
	AvatarURL   string `json:"avatar_url,omitzero"`
	AvatarPath  string `json:"avatar_path,omitzero"`
	WebURL      string `json:"web_url"`
	PublicEmail string `json:"public_email,omitzero"`

	CustomAttributes []CustomAttribute `json:"custom_attributes,omitzero"`

	CreatedAt       time.Time `json:"created_at,omitzero"`
	Bio             string    `json:"bio,omitzero"`
	Location        string    `json:"location,omitzero"`
	Skype           string    `json:"skype,omitzero"` // older servers only
	LinkedIn        string    `json:"linkedin,omitzero"`
	Twitter         string    `json:"twitter,omitzero"`
	Discord         string    `json:"discord,omitzero"`
	WebsiteURL      string    `json:"website_url,omitzero"`
	GitHub          string    `json:"github,omitzero"`
	Organization    string    `json:"organization,omitzero"`
	JobTitle        string    `json:"job_title,omitzero"`
	Pronouns        string    `json:"pronouns,omitzero"`
	Bot             bool      `json:"bot,omitzero"`
	WorkInformation string    `json:"work_information,omitzero"`
	Followers       int       `json:"followers,omitzero"`
	Following       int       `json:"following,omitzero"`
	IsFollowed      bool      `json:"is_followed,omitzero"`
	LocalTime       string    `json:"local_time,omitzero"` // such as "3:38 PM"
}

// A CustomAttribute is a key and value that an administrator attached to a
// user.
type CustomAttribute struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// A Commit is the commit a job runs on.
//
// See https://docs.gitlab.com/api/commits/.
type Commit struct {
	ID               string              `json:"id"` // the full SHA
	ShortID          string              `json:"short_id"`
	CreatedAt        time.Time           `json:"created_at,omitzero"`
	ParentIDs        []string            `json:"parent_ids,omitzero"`
	Title            string              `json:"title"` // the message's first line
	Message          string              `json:"message"`
	AuthorName       string              `json:"author_name"`
	AuthorEmail      string              `json:"author_email"`
	AuthoredDate     time.Time           `json:"authored_date,omitzero"`
	CommitterName    string              `json:"committer_name,omitzero"`
	CommitterEmail   string              `json:"committer_email,omitzero"`
	CommittedDate    time.Time           `json:"committed_date,omitzero"`
	Trailers         map[string]string   `json:"trailers,omitzero"`          // of a repeated trailer, the last
	ExtendedTrailers map[string][]string `json:"extended_trailers,omitzero"` // every value of each trailer
	WebURL           string              `json:"web_url,omitzero"`
}

// A CommitStatus is what a job, or another system, says about a commit.
type CommitStatus struct {
	ID           JobID      `json:"id"` // GitLab numbers statuses and jobs together
	SHA          string     `json:"sha"`
	Ref          string     `json:"ref"`
	Status       Status     `json:"status"`
	Name         string     `json:"name"`
	TargetURL    string     `json:"target_url,omitzero"`
	Description  string     `json:"description,omitzero"`
	CreatedAt    time.Time  `json:"created_at,omitzero"`
	StartedAt    time.Time  `json:"started_at,omitzero"`
	FinishedAt   time.Time  `json:"finished_at,omitzero"`
	AllowFailure bool       `json:"allow_failure"`
	Coverage     *float64   `json:"coverage,omitzero"`    // percent; nil if unknown
	PipelineID   PipelineID `json:"pipeline_id,omitzero"` // zero on servers that do not report it
	Author       *User      `json:"author,omitzero"`
}

// A WebhookPayload is the body of a delivery, as the text of its JSON. "" is none. It can
// have secrets, such as the variables of a pipeline, so it is printed as [REDACTED];
// string(p) is the text.
type WebhookPayload string

// Format writes the same for every verb.
func (WebhookPayload) Format(f fmt.State, verb rune) { secret.New("").Format(f, verb) }

// LogValue is what log/slog writes.
func (WebhookPayload) LogValue() slog.Value { return secret.New("").LogValue() }

// MarshalJSON writes the JSON itself, and "" as null.
func (p WebhookPayload) MarshalJSON() ([]byte, error) { return []byte(cmp.Or(p, "null")), nil }

// UnmarshalJSON reads any JSON. Null is "".
func (p *WebhookPayload) UnmarshalJSON(data []byte) error {
	*p = WebhookPayload(data)
	if *p == "null" {
		*p = ""
	}
	return nil
}

// A DetailedStatus is how GitLab's pages show a status. Its words are made for
// people: they changed over versions and may be in the token owner's language,
// so programs should ask [Status] instead.
type DetailedStatus struct {
	Icon         string        `json:"icon"` // such as "status_success"
	Text         string        `json:"text"`
	Label        string        `json:"label"` // such as "passed with warnings"
	Group        string        `json:"group"` // such as "success-with-warnings"
	Tooltip      string        `json:"tooltip"`
	HasDetails   bool          `json:"has_details"` // whether the token's owner may open DetailsPath
	DetailsPath  string        `json:"details_path,omitzero"`
	Illustration *Illustration `json:"illustration,omitzero"`
	Favicon      string        `json:"favicon"`
	Action       *StatusAction `json:"action,omitzero"` // nil where there is nothing to click
}

// An Illustration is what a job's page shows in place of a log.
type Illustration struct {
	Image   string `json:"image"`
	Size    string `json:"size"`
	Title   string `json:"title"`
	Content string `json:"content,omitzero"`
}

// A StatusAction is the button beside a status.
type StatusAction struct {
	Icon                string `json:"icon"`
	Title               string `json:"title"`
	Path                string `json:"path"`
	Method              string `json:"method"` // the HTTP method of Path
	ButtonTitle         string `json:"button_title,omitzero"`
	ConfirmationMessage string `json:"confirmation_message,omitzero"`
}

// A Runner is the runner that took a job.
//
// See https://docs.gitlab.com/api/runners/.
type Runner struct {
	ID                 int64              `json:"id"`
	Description        string             `json:"description,omitzero"`
	IPAddress          string             `json:"ip_address,omitzero"` // empty on newer servers
	Active             bool               `json:"active"`              // the opposite of Paused
	Paused             bool               `json:"paused"`
	IsShared           bool               `json:"is_shared"`
	RunnerType         RunnerType         `json:"runner_type"`
	Name               string             `json:"name,omitzero"`
	Online             bool               `json:"online,omitzero"`
	CreatedBy          *User              `json:"created_by,omitzero"`
	CreatedAt          time.Time          `json:"created_at,omitzero"`
	Status             RunnerStatus       `json:"status"`
	JobExecutionStatus JobExecutionStatus `json:"job_execution_status,omitzero"`
}

// A RunnerManager is the process of a runner that ran the job.
type RunnerManager struct {
	ID                 int64              `json:"id"`
	SystemID           string             `json:"system_id"`
	Version            string             `json:"version,omitzero"`
	Revision           string             `json:"revision,omitzero"`
	Platform           string             `json:"platform,omitzero"`
	Architecture       string             `json:"architecture,omitzero"`
	CreatedAt          time.Time          `json:"created_at,omitzero"`
	ContactedAt        time.Time          `json:"contacted_at,omitzero"`
	IPAddress          string             `json:"ip_address,omitzero"`
	Status             RunnerStatus       `json:"status"`
	JobExecutionStatus JobExecutionStatus `json:"job_execution_status,omitzero"`
}
