package shape

// An EnvironmentBasic is an environment as deployments show it.
type EnvironmentBasic struct {
	ID          int64   `json:"id"`
	Name        string  `json:"name"`
	Slug        string  `json:"slug"`
	ExternalURL *string `json:"external_url"`
	CreatedAt   *string `json:"created_at" since:"14.10"`
	UpdatedAt   *string `json:"updated_at" since:"14.10"`
}

// An Environment is one in a list.
type Environment struct {
	EnvironmentBasic
	Tier            string       `json:"tier" since:"14.2"`
	Project         ProjectBasic `json:"project"`
	State           string       `json:"state" since:"12.5"`
	AutoStopAt      *string      `json:"auto_stop_at" since:"16.0"`
	Description     *string      `json:"description" since:"17.2"`
	AutoStopSetting string       `json:"auto_stop_setting" since:"17.6"`
}

// An EnvironmentWhole is an environment that was asked for by itself.
type EnvironmentWhole struct {
	EnvironmentBasic
	Tier            string          `json:"tier" since:"14.2"`
	LastDeployment  *LastDeployment `json:"last_deployment"`
	State           string          `json:"state" since:"12.5"`
	AutoStopAt      *string         `json:"auto_stop_at" since:"16.0"`
	Description     *string         `json:"description" since:"17.2"`
	AutoStopSetting string          `json:"auto_stop_setting" since:"17.6"`
}

// A LastDeployment is a deployment as its environment shows it.
type LastDeployment struct {
	ID         int64     `json:"id"`
	IID        int64     `json:"iid"`
	Ref        string    `json:"ref"`
	SHA        string    `json:"sha"`
	CreatedAt  *string   `json:"created_at"`
	UpdatedAt  *string   `json:"updated_at"`
	User       UserBasic `json:"user"`
	Deployable any       `json:"deployable"`
	Status     string    `json:"status" since:"12.4"`
}

// A Deployment is a deployment.
type Deployment struct {
	LastDeployment
	Environment EnvironmentBasic `json:"environment"`
}
