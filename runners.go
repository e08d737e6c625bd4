package gitlabci

import "time"

// A Runner is the runner that took a job.
//
// See https://docs.gitlab.com/api/runners/.
type Runner struct {
	ID                 int64              `json:"id"`
	Description        string             `json:"description,omitzero"`
	IPAddress          string             `json:"ip_address,omitzero"` // empty on newer servers
	Active             bool               `json:"active"`              // the opposite of Paused
	Paused             bool               `json:"paused"`
	IsShared           bool               `json:"is_shared"`
	RunnerType         RunnerType         `json:"runner_type"`
	Name               string             `json:"name,omitzero"`
	Online             bool               `json:"online,omitzero"`
	CreatedBy          *User              `json:"created_by,omitzero"`
	CreatedAt          time.Time          `json:"created_at,omitzero"`
	Status             RunnerStatus       `json:"status"`
	JobExecutionStatus JobExecutionStatus `json:"job_execution_status,omitzero"`
}

// A RunnerManager is the process of a runner that ran the job.
type RunnerManager struct {
	ID                 int64              `json:"id"`
	SystemID           string             `json:"system_id"`
	Version            string             `json:"version,omitzero"`
	Revision           string             `json:"revision,omitzero"`
	Platform           string             `json:"platform,omitzero"`
	Architecture       string             `json:"architecture,omitzero"`
	CreatedAt          time.Time          `json:"created_at,omitzero"`
	ContactedAt        time.Time          `json:"contacted_at,omitzero"`
	IPAddress          string             `json:"ip_address,omitzero"`
	Status             RunnerStatus       `json:"status"`
	JobExecutionStatus JobExecutionStatus `json:"job_execution_status,omitzero"`
}
