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
