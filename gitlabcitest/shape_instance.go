package gitlabcitest

type releaseJSON struct {
	Version  string `json:"version"`
	Revision string `json:"revision"`
}

type metadataJSON struct {
	releaseJSON
	KAS        agentServerJSON `json:"kas"`
	Enterprise bool            `json:"enterprise"`
}

type agentServerJSON struct {
	Enabled             bool    `json:"enabled"`
	ExternalURL         *string `json:"externalUrl"`
	ExternalK8sProxyURL *string `json:"externalK8sProxyUrl" since:"17.6"`
	Version             *string `json:"version"`
}

type selfJSON struct {
	userJSON
	LastSignInAt     *string    `json:"last_sign_in_at"`
	ConfirmedAt      *string    `json:"confirmed_at"`
	LastActivityOn   *string    `json:"last_activity_on"`
	Email            string     `json:"email"`
	ThemeID          int        `json:"theme_id"`
	ColorSchemeID    int        `json:"color_scheme_id"`
	ProjectsLimit    int        `json:"projects_limit"`
	CurrentSignInAt  *string    `json:"current_sign_in_at"`
	Identities       []struct{} `json:"identities"`
	CanCreateGroup   bool       `json:"can_create_group"`
	CanCreateProject bool       `json:"can_create_project"`
	TwoFactorEnabled bool       `json:"two_factor_enabled"`
	External         bool       `json:"external"`
	PrivateProfile   bool       `json:"private_profile"`
	CommitEmail      string     `json:"commit_email"`
	IsAdmin          bool       `json:"is_admin,omitempty"` // others are not told
}

// theRevision is the commit that the server was built from, if it were.
const theRevision = "0f4ce000"
