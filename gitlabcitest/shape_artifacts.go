package gitlabcitest

type artifactsFileJSON struct {
	Filename string `json:"filename"`
	Size     int    `json:"size"`
}

type jobArtifactJSON struct {
	FileType   string `json:"file_type"`
	Size       int    `json:"size"`
	Filename   string `json:"filename"`
	FileFormat string `json:"file_format"`
}

type entryJSON struct {
	Name string  `json:"name"`
	Path string  `json:"path"`
	Type string  `json:"type"`
	Size *uint64 `json:"size,omitempty"`
	Mode string  `json:"mode"`
}

type idJSON struct {
	ID int64 `json:"id"`
}

type allowedAgentsJSON struct {
	AllowedAgents []struct{}       `json:"allowed_agents"`
	Job           idJSON           `json:"job"`
	Pipeline      idJSON           `json:"pipeline"`
	Project       agentProjectJSON `json:"project"`
	User          agentUserJSON    `json:"user"`
}

type agentProjectJSON struct {
	ID     int64    `json:"id"`
	Groups []idJSON `json:"groups"`
}

type agentUserJSON struct {
	ID             int64    `json:"id"`
	Username       string   `json:"username"`
	RolesInProject []string `json:"roles_in_project"`
}
