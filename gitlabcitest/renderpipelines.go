package gitlabcitest

import (
	"path"
	"strings"

	"example.com/gitlabci"
)

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

// listed is a pipeline in a list.
func (r *renderer) listed(p *pipeline) pipelineListedJSON {
	return pipelineListedJSON{pipelineBasicJSON: r.basic(p), Name: orNull(p.name)}
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

// named is a pipeline that was asked for by itself.
func (r *renderer) named(p *pipeline) pipelineNamedJSON {
	return pipelineNamedJSON{pipelineWholeJSON: r.whole(p), Name: orNull(p.name)}
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

func renderVariable(v gitlabci.Variable) variableJSON {
	return variableJSON{VariableType: string(v.VariableType), Key: v.Key, Value: v.Value, Raw: v.Raw}
}
