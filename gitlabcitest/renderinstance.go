package gitlabcitest

import "example.com/gitlabci/gitlabcitest/internal/shape"

func (r *renderer) release() shape.Release {
	return shape.Release{Version: r.version.String() + ".0", Revision: shape.TheRevision}
}

func (r *renderer) metadata() shape.Metadata { return shape.Metadata{Release: r.release()} }

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
