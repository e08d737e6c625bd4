package shape

// A UserBasic is a user in something else.
type UserBasic struct {
	ID          int64   `json:"id"`
	Username    string  `json:"username"`
	PublicEmail *string `json:"public_email"`
	Name        string  `json:"name"`
	State       string  `json:"state"`
	Locked      bool    `json:"locked" since:"16.5"`
	AvatarURL   *string `json:"avatar_url"`
	WebURL      string  `json:"web_url"`
}

// A User is the user of a job.
type User struct {
	UserBasic
	CreatedAt       *string `json:"created_at"`
	Bio             string  `json:"bio"`
	Location        string  `json:"location"`
	LinkedIn        string  `json:"linkedin"`
	Skype           string  `json:"skype,omitempty" until:"17.8"`
	Twitter         string  `json:"twitter"`
	Discord         string  `json:"discord"`
	WebsiteURL      string  `json:"website_url"`
	GitHub          string  `json:"github" since:"18.0"`
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

// A Status is the status of a pipeline as GitLab's pages show it.
type Status struct {
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
	IsAdmin          bool       `json:"is_admin,omitempty"` // not shown to others
}

// TheRevision is the commit that the server was built from, if it were.
const TheRevision = "0f4ce000"
