package gitlabcitest

type branchJSON struct {
	Name               string     `json:"name"`
	Commit             commitJSON `json:"commit"`
	Merged             bool       `json:"merged"`
	Protected          bool       `json:"protected"`
	DevelopersCanPush  bool       `json:"developers_can_push"`
	DevelopersCanMerge bool       `json:"developers_can_merge"`
	CanPush            bool       `json:"can_push"`
	Default            bool       `json:"default"`
	WebURL             string     `json:"web_url"`
}

type tagJSON struct {
	Name      string     `json:"name"`
	Message   string     `json:"message"`
	Target    string     `json:"target"`
	Commit    commitJSON `json:"commit"`
	Release   *struct{}  `json:"release"`
	Protected bool       `json:"protected"`
	CreatedAt *string    `json:"created_at" since:"16.11"`
}

type commitWholeJSON struct {
	commitJSON
	Stats        commitStatsJSON    `json:"stats"`
	Status       *string            `json:"status"`
	ProjectID    int64              `json:"project_id"`
	LastPipeline *pipelineBasicJSON `json:"last_pipeline"`
}

type commitStatsJSON struct {
	Additions int `json:"additions"`
	Deletions int `json:"deletions"`
	Total     int `json:"total"`
}
