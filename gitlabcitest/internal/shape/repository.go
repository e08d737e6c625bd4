package shape

// A Branch is a branch with its head.
type Branch struct {
	Name               string `json:"name"`
	Commit             Commit `json:"commit"`
	Merged             bool   `json:"merged"`
	Protected          bool   `json:"protected"`
	DevelopersCanPush  bool   `json:"developers_can_push"`
	DevelopersCanMerge bool   `json:"developers_can_merge"`
	CanPush            bool   `json:"can_push"`
	Default            bool   `json:"default"`
	WebURL             string `json:"web_url"`
}

// A Tag is a tag with its commit.
type Tag struct {
	Name      string    `json:"name"`
	Message   string    `json:"message"`
	Target    string    `json:"target"`
	Commit    Commit    `json:"commit"`
	Release   *struct{} `json:"release"`
	Protected bool      `json:"protected"`
	CreatedAt *string   `json:"created_at" since:"16.11"`
}

// A CommitWhole is a commit that was requested by itself.
type CommitWhole struct {
	Commit
	Stats        CommitStats    `json:"stats"`
	Status       *string        `json:"status"`
	ProjectID    int64          `json:"project_id"`
	LastPipeline *PipelineBasic `json:"last_pipeline"`
}

// CommitStats count the lines of a commit.
type CommitStats struct {
	Additions int `json:"additions"`
	Deletions int `json:"deletions"`
	Total     int `json:"total"`
}
