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

// The releases of the changes below are estimates.

func (r *renderer) before(major, minor int) bool { return r.version.Before(versions.Of(major, minor)) }

// pipelineSeconds is null for a time that is not known, and whole in newer
// releases.
func (r *renderer) pipelineSeconds(d time.Duration, known bool) *float64 {
	s := shape.Seconds(d, known)
	if s != nil && !r.before(15, 0) {
		*s = math.Floor(*s)
	}
	return s
}

// percent is a pipeline's coverage, which is text.
func (r *renderer) percent(f *float64) *string {
	switch {
	case f == nil:
		return nil
	case !r.before(15, 0):
		return new(fmt.Sprintf("%.2f", *f))
	case *f == math.Trunc(*f):
		return new(fmt.Sprintf("%.1f", *f))
	}
	return new(strconv.FormatFloat(*f, 'f', -1, 64))
}

// detailedStatus is a pipeline's status as GitLab's pages show it.
func (r *renderer) detailedStatus(p *pipeline) shape.Status {
	s := detailedStatus(p)
	if r.before(16, 4) {
		s.Text = strings.ToLower(s.Text)
	}
	return s
}
