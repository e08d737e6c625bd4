package gitlabcitest

type pipelineBasicJSON struct {
	ID        int64   `json:"id"`
	IID       int64   `json:"iid" since:"14.6"`
	ProjectID int64   `json:"project_id" since:"13.10"`
	SHA       string  `json:"sha"`
	Ref       string  `json:"ref"`
	Status    string  `json:"status"`
	Source    string  `json:"source" since:"14.3"`
	CreatedAt *string `json:"created_at"`
	UpdatedAt *string `json:"updated_at"`
	WebURL    string  `json:"web_url"`
}

type pipelineListedJSON struct {
	pipelineBasicJSON
	Name *string `json:"name" since:"16.3"`
}

type pipelineWholeJSON struct {
	pipelineBasicJSON
	BeforeSHA      *string       `json:"before_sha"`
	Tag            bool          `json:"tag"`
	YAMLErrors     *string       `json:"yaml_errors"`
	User           userBasicJSON `json:"user"`
	StartedAt      *string       `json:"started_at"`
	FinishedAt     *string       `json:"finished_at"`
	CommittedAt    *string       `json:"committed_at"`
	Duration       *float64      `json:"duration"`
	QueuedDuration *float64      `json:"queued_duration" since:"13.11"`
	Coverage       *string       `json:"coverage"`
	DetailedStatus statusJSON    `json:"detailed_status" since:"12.0"`
	Archived       bool          `json:"archived" since:"18.0"`
}

type pipelineNamedJSON struct {
	pipelineWholeJSON
	Name *string `json:"name" since:"16.3"`
}

type pipelineMineJSON struct {
	pipelineListedJSON
	Project        projectIdentityJSON `json:"project" since:"19.4"`
	StartedAt      *string             `json:"started_at" since:"19.4"`
	FinishedAt     *string             `json:"finished_at" since:"19.4"`
	Duration       *float64            `json:"duration" since:"19.4"`
	QueuedDuration *float64            `json:"queued_duration" since:"19.4"`
	DetailedStatus statusJSON          `json:"detailed_status" since:"19.4"`
}

type projectIdentityJSON struct {
	ID                int64   `json:"id"`
	Description       *string `json:"description"`
	Name              string  `json:"name"`
	NameWithNamespace string  `json:"name_with_namespace"`
	Path              string  `json:"path"`
	PathWithNamespace string  `json:"path_with_namespace"`
	CreatedAt         *string `json:"created_at"`
}

type variableJSON struct {
	VariableType string `json:"variable_type"`
	Key          string `json:"key"`
	Value        string `json:"value"`
	Raw          bool   `json:"raw"`
}
