package gitlabcitest

import (
	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest/internal/shape"
	"example.com/gitlabci/gitlabcitest/internal/versions"
)

// WithVersion makes the server one of an older release, such as "15.4". It
// lacks the endpoints, fields and statuses that came later, and ignores their
// parameters. Rules and texts are still those of the newest release,
// and where GitLab does not name the release of a change, it is an estimate.
// The default is "19.5", the newest; "11.0" is the oldest. Any other text, or a
// release that is newer or older, panics.
func WithVersion(release string) Option {
	v, ok := versions.Parse(release)
	switch {
	case !ok:
		misuse("WithVersion: %q is not a release such as %q", release, versions.Newest)
	case versions.Newest.Before(v):
		misuse("WithVersion: %s is newer than %s, the newest release that is known", v, versions.Newest)
	case v.Before(versions.Oldest):
		misuse("WithVersion: %s is older than %s, the oldest release that is known", v, versions.Oldest)
	}
	return func(s *Server) { s.state.version = v }
}

// mustKnow refuses to add what an older server cannot have.
func (s *state) mustKnow(method string, status gitlabci.Status) {
	if !s.version.Knows(status) {
		misuse("%s: GitLab %s has no status %q", method, s.version, status)
	}
}

// before reports whether the server is older than a release.
func (c *call) before(major, minor int) bool {
	return c.state.version.Before(versions.Of(major, minor))
}

// The routes here are not about CI. They are among the few that clients ask
// before they reach it: which server is this, and who am I.

// serverVersion is the metadata by an older name, once a release has any.
func serverVersion(c *call) *response {
	if c.before(15, 5) {
		return ok(c.renderer().release())
	}
	return serverMetadata(c)
}

func serverMetadata(c *call) *response { return ok(c.renderer().metadata()) }

func currentUser(c *call) *response { return ok(c.renderer().self(c.user)) }

func (r *renderer) release() shape.Release {
	return shape.Release{Version: r.version.String() + ".0", Revision: shape.TheRevision}
}

func (r *renderer) metadata() shape.Metadata { return shape.Metadata{Release: r.release()} }
