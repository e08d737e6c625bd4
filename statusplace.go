package gitlabci

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"example.com/gitlabci/internal/rest"
)

// A statusPlace is where a status belongs. Without a pipeline, GitLab makes one.
type statusPlace struct {
	project  ProjectID
	sha, ref string
	pipeline PipelineID
}

// place finds the pipeline that the status belongs to.
func (t *statusSetter) place(ctx context.Context) (statusPlace, error) {
	place := statusPlace{t.project, t.sha, branchOrTag(t.opts.Ref), t.opts.Pipeline}
	switch {
	case t.opts.MergeRequest > 0:
		return t.mergeRequestPlace(ctx)
	case place.pipeline > 0:
		return place, nil
	}
	opts := &ListPipelinesOptions{ListOptions: ListOptions{PerPage: 20}, SHA: t.sha, Ref: place.ref}
	for p, err := range bounded(all(ctx, t.client, uncheckedPagesAt[*PipelineInfo](t.client, at("projects", t.project, "pipelines")), opts)) {
		if err != nil {
			return place, err
		}
		fits := strings.EqualFold(p.SHA, t.sha) && (place.ref == "" || p.Ref == place.ref) // old servers ignore filters
		if fits && !p.Source.dangling() && !slices.Contains(t.archived, p.ID) {
			place.pipeline = p.ID
			break
		}
	}
	return place, nil
}

// mergeRequestPlace finds the pipeline that a merge request shows for the commit.
func (t *statusSetter) mergeRequestPlace(ctx context.Context) (statusPlace, error) {
	search := &headSearch{client: t.client, project: t.project, iid: t.opts.MergeRequest, parents: map[string][]string{}}
	m, p, err := search.find(ctx, t.sha, func(*PipelineInfo) bool { return true })
	switch {
	case err != nil:
		return statusPlace{}, err
	case p != nil:
		return statusPlace{cmp.Or(p.ProjectID, t.project), p.SHA, "", p.ID}, nil
	case strings.EqualFold(m.SHA, t.sha):
		return statusPlace{cmp.Or(m.SourceProjectID, t.project), t.sha, m.SourceBranch, 0}, nil
	}
	return statusPlace{}, rest.Errorf("%s: %w: %s is not the head of merge request !%d, and has no pipeline there",
		setStatusEndpoint, ErrNotFound, t.sha, t.opts.MergeRequest)
}
