package shape

// An ArtifactsFile is a job's archive.
type ArtifactsFile struct {
	Filename string `json:"filename"`
	Size     int    `json:"size"`
}

// A JobArtifact is one of the files of a job.
type JobArtifact struct {
	FileType   string `json:"file_type"`
	Size       int    `json:"size"`
	Filename   string `json:"filename"`
	FileFormat string `json:"file_format"`
}

// An Entry is a file or a folder in an archive.
type Entry struct {
	Name string  `json:"name"`
	Path string  `json:"path"`
	Type string  `json:"type"`
	Size *uint64 `json:"size,omitempty"`
	Mode string  `json:"mode"`
}

// An ID is a thing of which nothing else shows.
type ID struct {
	ID int64 `json:"id"`
}

// AllowedAgents are what the token of a job is good for in Kubernetes.
type AllowedAgents struct {
	AllowedAgents []struct{}   `json:"allowed_agents"`
	Job           ID           `json:"job"`
	Pipeline      ID           `json:"pipeline"`
	Project       AgentProject `json:"project"`
	User          AgentUser    `json:"user"`
}

// An AgentProject is the project in [AllowedAgents].
type AgentProject struct {
	ID     int64 `json:"id"`
	Groups []ID  `json:"groups"`
}

// An AgentUser is the user in [AllowedAgents].
type AgentUser struct {
	ID             int64    `json:"id"`
	Username       string   `json:"username"`
	RolesInProject []string `json:"roles_in_project"`
}
