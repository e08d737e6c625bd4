package gitlabcitest

import (
	"fmt"
	"math"
	"strings"
	"time"

	"example.com/gitlabci/gitlabcitest/internal/versions"
)

// A renderer turns what the server keeps into GitLab's JSON, as a copy. Its
// structs are written out by hand and not taken from package gitlabci, so that
// a wrong tag there is found.
type renderer struct {
	version  versions.Version
	external string
	now      time.Time
}

// each renders the elements of a list, which is never null.
func each[T, R any](list []T, render func(T) R) []R {
	rendered := make([]R, 0, len(list))
	for _, one := range list {
		rendered = append(rendered, render(one))
	}
	return rendered
}

// orNull is null for zero.
func orNull[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

// timestamp is null for zero.
func timestamp(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	return new(t.UTC().Format("2006-01-02T15:04:05.000Z"))
}

// longAgo is when everything came to be that tests do not add.
var longAgo = timestamp(time.Date(2020, time.January, 2, 3, 4, 5, 0, time.UTC))

// seconds is null for a time that is not known.
func seconds(d time.Duration, known bool) *float64 {
	if !known {
		return nil
	}
	return new(max(d, 0).Seconds())
}

func copied(f *float64) *float64 {
	if f == nil {
		return nil
	}
	return new(*f)
}

type userBasicJSON struct {
	ID          int64   `json:"id"`
	Username    string  `json:"username"`
	PublicEmail *string `json:"public_email"`
	Name        string  `json:"name"`
	State       string  `json:"state"`
	Locked      bool    `json:"locked" since:"16.5"`
	AvatarURL   *string `json:"avatar_url"`
	WebURL      string  `json:"web_url"`
}

func (r *renderer) userBasic(u *user) userBasicJSON {
	state := "active"
	if u.blocked {
		state = "blocked"
	}
	return userBasicJSON{
		ID:       u.id,
		Username: u.username,
		Name:     capitalized(u.username),
		State:    state,
		WebURL:   r.external + "/" + u.username,
	}
}

type userJSON struct {
	userBasicJSON
	CreatedAt       *string `json:"created_at"`
	Bio             string  `json:"bio"`
	Location        string  `json:"location"`
	LinkedIn        string  `json:"linkedin"`
	Skype           string  `json:"skype,omitempty" until:"17.8"`
	Twitter         string  `json:"twitter"`
	Discord         string  `json:"discord"`
	WebsiteURL      string  `json:"website_url"`
	Organization    string  `json:"organization"`
	JobTitle        string  `json:"job_title"`
	Pronouns        *string `json:"pronouns"`
	Bot             bool    `json:"bot"`
	WorkInformation *string `json:"work_information"`
	Followers       int     `json:"followers"`
	Following       int     `json:"following"`
	IsFollowed      bool    `json:"is_followed"`
	LocalTime       *string `json:"local_time"`
}

func (r *renderer) user(u *user) userJSON {
	return userJSON{
		userBasicJSON: r.userBasic(u),
		CreatedAt:     longAgo,
	}
}

type statusJSON struct {
	Icon         string    `json:"icon"`
	Text         string    `json:"text"`
	Label        string    `json:"label"`
	Group        string    `json:"group"`
	Tooltip      string    `json:"tooltip"`
	HasDetails   bool      `json:"has_details"`
	DetailsPath  string    `json:"details_path"`
	Illustration *struct{} `json:"illustration"`
	Favicon      string    `json:"favicon"`
}

// detailedStatus is a pipeline's status as the newest GitLab's pages show it.
func detailedStatus(p *pipeline) statusJSON {
	s := statusJSON{
		Text:        capitalized(strings.ReplaceAll(string(p.status), "_", " ")),
		Label:       strings.ReplaceAll(string(p.status), "_", " "),
		Group:       strings.ReplaceAll(string(p.status), "_", "-"),
		Icon:        "status_" + string(p.status),
		HasDetails:  true,
		DetailsPath: pipelinePath(p),
	}
	switch p.status {
	case "success":
		s.Text, s.Label = "Passed", "passed"
		if p.hasWarnings() {
			s.Icon, s.Text, s.Label, s.Group = "status_warning", "Warning", "passed with warnings", "success-with-warnings"
		}
	case "manual":
		s.Text, s.Label = "Blocked", "waiting for manual action"
	case "scheduled":
		s.Text, s.Label = "Delayed", "waiting for delayed job"
	case "waiting_for_resource", "waiting_for_callback":
		s.Icon, s.Text = "status_pending", "Waiting"
	}
	s.Tooltip = s.Label
	s.Favicon = "/assets/ci_favicons/favicon_" + s.Icon + ".png"
	return s
}

func capitalized(s string) string {
	return strings.ToUpper(s[:1]) + s[1:]
}

func pipelinePath(p *pipeline) string {
	return fmt.Sprintf("/%s/-/pipelines/%d", p.project.path, p.id)
}

// rounded takes the noise out of a sum of seconds.
func rounded(seconds float64) float64 { return math.Round(seconds*1e6) / 1e6 }
