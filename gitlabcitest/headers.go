package gitlabcitest

import (
	"fmt"
	"time"

	"example.com/gitlabci/gitlabcitest/internal/shape"
)

// dress adds the headers that all of GitLab's own answers have.
func (a *answer) dress(id string, took time.Duration) {
	meta := map[string]string{"correlation_id": id, "version": "1"}
	a.set("Vary", "Origin")
	a.set("X-Content-Type-Options", "nosniff")
	a.set("X-Frame-Options", "SAMEORIGIN")
	a.set("X-Gitlab-Meta", string(shape.Encode(meta)))
	a.set("X-Runtime", fmt.Sprintf("%.6f", took.Seconds()))
}
