package shape

// A Trigger is a trigger token of a project.
type Trigger struct {
	ID          int64     `json:"id"`
	Token       string    `json:"token"`
	Description *string   `json:"description"`
	CreatedAt   *string   `json:"created_at"`
	UpdatedAt   *string   `json:"updated_at"`
	LastUsed    *string   `json:"last_used"`
	ExpiresAt   *string   `json:"expires_at" since:"17.10"`
	Owner       UserBasic `json:"owner"`
}
