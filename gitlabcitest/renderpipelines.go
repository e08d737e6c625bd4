package gitlabcitest

import (
	"path"
	"strings"

	"example.com/gitlabci"
)

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

// basic is a pipeline as its jobs show it.
func (r *renderer) basic(p *pipeline) pipelineBasicJSON {
	return pipelineBasicJSON{
		ID:        int64(p.id),
		IID:       p.iid,
		ProjectID: p.project.id,
		SHA:       p.sha,
		Ref:       p.ref,
		Status:    string(p.status),
		Source:    string(p.source),
		CreatedAt: timestamp(p.created),
		UpdatedAt: timestamp(p.updated),
		WebURL:    r.external + pipelinePath(p),
	}
}

type pipelineListedJSON struct {
	pipelineBasicJSON
	Name *string `json:"name" since:"16.3"`
}

// listed is a pipeline in a list.
func (r *renderer) listed(p *pipeline) pipelineListedJSON {
	return pipelineListedJSON{pipelineBasicJSON: r.basic(p), Name: orNull(p.name)}
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

// whole is a pipeline as it was made, retried or canceled: without its name.
func (r *renderer) whole(p *pipeline) pipelineWholeJSON {
	return pipelineWholeJSON{
		pipelineBasicJSON: r.basic(p),
		BeforeSHA:         orNull(p.beforeSHA),
		Tag:               p.tag,
		YAMLErrors:        orNull(p.yamlErrors),
		User:              r.userBasic(p.user),
		StartedAt:         timestamp(p.started),
		FinishedAt:        timestamp(p.finished),
		Duration:          r.pipelineSeconds(p.runTime()),
		QueuedDuration:    r.pipelineSeconds(p.queueTime()),
		Coverage:          r.percent(p.measured()),
		DetailedStatus:    r.detailedStatus(p),
		Archived:          p.archived,
	}
}

type pipelineNamedJSON struct {
	pipelineWholeJSON
	Name *string `json:"name" since:"16.3"`
}

// named is a pipeline that was asked for by itself.
func (r *renderer) named(p *pipeline) pipelineNamedJSON {
	return pipelineNamedJSON{pipelineWholeJSON: r.whole(p), Name: orNull(p.name)}
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

// mine is a pipeline in the list of all projects'.
func (r *renderer) mine(p *pipeline) pipelineMineJSON {
	return pipelineMineJSON{
		pipelineListedJSON: r.listed(p),
		Project:            projectIdentity(p.project),
		StartedAt:          timestamp(p.started),
		FinishedAt:         timestamp(p.finished),
		Duration:           r.pipelineSeconds(p.runTime()),
		QueuedDuration:     r.pipelineSeconds(p.queueTime()),
		DetailedStatus:     r.detailedStatus(p),
	}
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

func projectIdentity(p *project) projectIdentityJSON {
	return projectIdentityJSON{
		ID:                p.id,
		Name:              capitalized(path.Base(p.path)),
		NameWithNamespace: strings.Join(each(strings.Split(p.path, "/"), capitalized), " / "),
		Path:              path.Base(p.path),
		PathWithNamespace: p.path,
		CreatedAt:         timestamp(p.created),
	}
}

type variableJSON struct {
	VariableType string `json:"variable_type"`
	Key          string `json:"key"`
	Value        string `json:"value"`
	Raw          bool   `json:"raw"`
}

func renderVariable(v gitlabci.Variable) variableJSON {
	return variableJSON{VariableType: string(v.VariableType), Key: v.Key, Value: v.Value, Raw: v.Raw}
}
