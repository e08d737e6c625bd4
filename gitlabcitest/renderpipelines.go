package gitlabcitest

import (
	"path"
	"strings"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest/internal/shape"
)

// basic is a pipeline as its jobs show it.
func (r *renderer) basic(p *pipeline) shape.PipelineBasic {
	return shape.PipelineBasic{
		ID:        int64(p.id),
		IID:       p.iid,
		ProjectID: p.project.id,
		SHA:       p.sha,
		Ref:       p.ref,
		Status:    string(p.status),
		Source:    string(p.source),
		CreatedAt: shape.Timestamp(p.created),
		UpdatedAt: shape.Timestamp(p.updated),
		WebURL:    r.external + pipelinePath(p),
	}
}

// listed is a pipeline in a list.
func (r *renderer) listed(p *pipeline) shape.PipelineListed {
	return shape.PipelineListed{PipelineBasic: r.basic(p), Name: shape.OrNull(p.name)}
}

// whole is a pipeline as it was made, retried or canceled: without its name.
func (r *renderer) whole(p *pipeline) shape.PipelineWhole {
	return shape.PipelineWhole{
		PipelineBasic:  r.basic(p),
		BeforeSHA:      shape.OrNull(p.beforeSHA),
		Tag:            p.tag,
		YAMLErrors:     shape.OrNull(p.yamlErrors),
		User:           r.userBasic(p.user),
		StartedAt:      shape.Timestamp(p.started),
		FinishedAt:     shape.Timestamp(p.finished),
		Duration:       pipelineSeconds(p.runTime()),
		QueuedDuration: pipelineSeconds(p.queueTime()),
		Coverage:       r.percent(p.averageCoverage()),
		DetailedStatus: r.detailedStatus(p),
		Archived:       p.archived,
	}
}

// named is a pipeline that was requested by itself.
func (r *renderer) named(p *pipeline) shape.PipelineNamed {
	return shape.PipelineNamed{PipelineWhole: r.whole(p), Name: shape.OrNull(p.name)}
}

// mine renders pipelines in the list of all projects', with their merge requests
// if the user may see them.
func (r *renderer) mine(s *state, u *user) func(*pipeline) shape.PipelineMine {
	return func(p *pipeline) shape.PipelineMine {
		rendered := shape.PipelineMine{
			PipelineListed: r.listed(p),
			Project:        projectIdentity(p.project),
			StartedAt:      shape.Timestamp(p.started),
			FinishedAt:     shape.Timestamp(p.finished),
			Duration:       pipelineSeconds(p.runTime()),
			QueuedDuration: pipelineSeconds(p.queueTime()),
			DetailedStatus: r.detailedStatus(p),
		}
		if m := s.mergeRequestFor(p); m != nil && m.project.accessOf(u).readCode() {
			rendered.MergeRequest = &shape.MergeRequestIdentity{IID: m.iid, Title: m.title, WebURL: r.mergeRequestURL(m)}
		}
		return rendered
	}
}

func projectIdentity(p *project) shape.ProjectIdentity {
	return shape.ProjectIdentity{
		ID:                p.id,
		Name:              capitalized(path.Base(p.path)),
		NameWithNamespace: strings.Join(shape.Each(strings.Split(p.path, "/"), capitalized), " / "),
		Path:              path.Base(p.path),
		PathWithNamespace: p.path,
		CreatedAt:         shape.Timestamp(p.created),
	}
}

func renderVariable(v gitlabci.Variable) shape.Variable {
	return shape.Variable{VariableType: string(v.VariableType), Key: v.Key, Value: v.Value, Raw: v.Raw}
}
