package shape

// A Release is which GitLab this is.
type Release struct {
	Version  string `json:"version"`
	Revision string `json:"revision"`
}

// Metadata is what an instance says about itself.
type Metadata struct {
	Release
	KAS        AgentServer `json:"kas"`
	Enterprise bool        `json:"enterprise"`
}

// An AgentServer is the agent server in [Metadata].
type AgentServer struct {
	Enabled             bool    `json:"enabled"`
	ExternalURL         *string `json:"externalUrl"`
	ExternalK8sProxyURL *string `json:"externalK8sProxyUrl" since:"17.6"`
	Version             *string `json:"version"`
}

// A Self is a user as they see themselves.
type Self struct {
	User
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

// TheRevision is the commit that the server was built from, if it were.
const TheRevision = "0f4ce000"
