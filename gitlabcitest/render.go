package gitlabcitest

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"example.com/gitlabci/gitlabcitest/internal/shape"
	"example.com/gitlabci/gitlabcitest/internal/versions"
)

// A renderer turns what the server keeps into GitLab's JSON, as a copy.
type renderer struct {
	version  versions.Version
	external string
	now      time.Time
}

func (r *renderer) userBasic(u *user) shape.UserBasic {
	state := "active"
	if u.blocked {
		state = "blocked"
	}
	return shape.UserBasic{
		ID:       u.id,
		Username: u.username,
		Name:     capitalized(u.username),
		State:    state,
		WebURL:   r.external + "/" + u.username,
	}
}

func (r *renderer) user(u *user) shape.User {
	return shape.User{
		UserBasic: r.userBasic(u),
		CreatedAt: shape.LongAgo,
	}
}

// detailedStatus is a pipeline's status as GitLab's pages show it.
func (r *renderer) detailedStatus(p *pipeline) shape.Status {
	s := shape.Status{
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
	if r.before(16, 4) { // an estimate
		s.Text = strings.ToLower(s.Text)
	}
	s.Tooltip = s.Label
	s.Favicon = "/assets/ci_favicons/favicon_" + s.Icon + ".png"
	return s
}

func pipelinePath(p *pipeline) string {
	return fmt.Sprintf("/%s/-/pipelines/%d", p.project.path, p.id)
}

func copied(f *float64) *float64 {
	if f == nil {
		return nil
	}
	return new(*f)
}

func capitalized(s string) string {
	return strings.ToUpper(s[:1]) + s[1:]
}

// self is a user as they see themselves.
func (r *renderer) self(u *user) shape.Self {
	return shape.Self{
		User:             r.user(u),
		LastSignInAt:     shape.LongAgo,
		ConfirmedAt:      shape.LongAgo,
		LastActivityOn:   new(r.now.Format("2006-01-02")),
		Email:            u.email(),
		ThemeID:          1,
		ColorSchemeID:    1,
		ProjectsLimit:    100_000,
		CurrentSignInAt:  shape.LongAgo,
		Identities:       []struct{}{},
		CanCreateGroup:   true,
		CanCreateProject: true,
		CommitEmail:      u.email(),
		IsAdmin:          u.admin,
	}
}

func (u *user) email() string { return u.username + "@example.com" }

// before reports whether the server is older than a release.
func (r *renderer) before(major, minor int) bool { return r.version.Before(versions.Of(major, minor)) }

// pipelineSeconds is null for a time that is not known, and else a whole
// number, in every release.
func pipelineSeconds(d time.Duration, known bool) *float64 {
	s := shape.Seconds(d, known)
	if s != nil {
		*s = math.Floor(*s)
	}
	return s
}

// percent is a pipeline's coverage, which is text.
func (r *renderer) percent(f *float64) *string {
	switch {
	case f == nil:
		return nil
	case !r.before(15, 0): // an estimate
		return new(fmt.Sprintf("%.2f", *f))
	case *f == math.Trunc(*f):
		return new(fmt.Sprintf("%.1f", *f))
	}
	return new(strconv.FormatFloat(*f, 'f', -1, 64))
}

// texts is a copy of a list, which is never null.
func texts(list []string) []string { return append([]string{}, list...) }
