package gitlabcitest

func (r *renderer) release() releaseJSON {
	return releaseJSON{Version: r.version.String() + ".0", Revision: theRevision}
}

func (r *renderer) metadata() metadataJSON { return metadataJSON{releaseJSON: r.release()} }

// self is a user as they see themselves.
func (r *renderer) self(u *user) selfJSON {
	return selfJSON{
		userJSON:         r.user(u),
		LastSignInAt:     longAgo,
		ConfirmedAt:      longAgo,
		LastActivityOn:   new(r.now.Format("2006-01-02")),
		Email:            u.email(),
		ThemeID:          1,
		ColorSchemeID:    1,
		ProjectsLimit:    100_000,
		CurrentSignInAt:  longAgo,
		Identities:       []struct{}{},
		CanCreateGroup:   true,
		CanCreateProject: true,
		CommitEmail:      u.email(),
		IsAdmin:          u.admin,
	}
}

func (u *user) email() string { return u.username + "@example.com" }
