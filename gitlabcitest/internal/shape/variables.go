package shape

// A CIVariable is a variable of a project, a group or the instance.
type CIVariable struct {
	VariableType     string  `json:"variable_type" since:"11.11"`
	Key              string  `json:"key"`
	Value            *string `json:"value"`
	Hidden           bool    `json:"hidden" since:"17.4"`
	Protected        bool    `json:"protected"`
	Masked           bool    `json:"masked" since:"11.10"`
	Raw              bool    `json:"raw" since:"15.7"`
	EnvironmentScope *string `json:"environment_scope,omitempty"`
	Description      *string `json:"description" since:"16.2"`
}

// A LintResult is GitLab's result of validating a configuration.
type LintResult struct {
	Valid      bool          `json:"valid"`
	Errors     []string      `json:"errors"`
	Warnings   []string      `json:"warnings"`
	MergedYAML *string       `json:"merged_yaml"`
	Includes   []LintInclude `json:"includes" since:"15.7"`
	Jobs       *[]LintJob    `json:"jobs,omitempty"`
}

// A LintInclude is a file that a configuration includes.
type LintInclude struct {
	Type           string         `json:"type"`
	Location       string         `json:"location"`
	Blob           *string        `json:"blob"`
	Raw            *string        `json:"raw"`
	Extra          map[string]any `json:"extra"`
	ContextProject *string        `json:"context_project"`
	ContextSHA     *string        `json:"context_sha"`
}

// A LintJob is a job that a configuration would make.
type LintJob struct {
	Name         string      `json:"name"`
	Stage        string      `json:"stage"`
	BeforeScript []string    `json:"before_script"`
	Script       []string    `json:"script"`
	AfterScript  []string    `json:"after_script"`
	TagList      []string    `json:"tag_list"`
	Only         *LintPolicy `json:"only"`
	Except       *LintPolicy `json:"except"`
	Environment  *string     `json:"environment"`
	When         string      `json:"when"`
	AllowFailure bool        `json:"allow_failure"`
	Needs        *[]LintNeed `json:"needs"`
}

// A LintPolicy says for which refs there is a job.
type LintPolicy struct {
	Refs      []string `json:"refs,omitempty"`
	Variables []string `json:"variables,omitempty"`
	Changes   []string `json:"changes,omitempty"`
}

// A LintNeed is a job that another one waits for.
type LintNeed struct {
	Name      string `json:"name"`
	Artifacts bool   `json:"artifacts"`
	Optional  bool   `json:"optional"`
}
