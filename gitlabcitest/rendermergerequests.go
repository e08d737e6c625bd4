package gitlabcitest

import (
	"fmt"

	"example.com/gitlabci/gitlabcitest/internal/shape"
)

// mergeRequest makes up the rest of a merge request that can be merged.
func (r *renderer) mergeRequest(m mergeRequest) shape.MergeRequest {
	short := fmt.Sprintf("!%d", m.iid)
	return shape.MergeRequest{
		ID:              m.project.id*1_000_000 + m.iid,
		IID:             m.iid,
		ProjectID:       m.project.id,
		Title:           "Change " + m.source,
		State:           m.state(),
		CreatedAt:       shape.Timestamp(m.created),
		UpdatedAt:       shape.Timestamp(m.updated),
		TargetBranch:    m.project.branch,
		SourceBranch:    m.source,
		Author:          r.userBasic(m.author),
		Assignees:       []shape.UserBasic{},
		Reviewers:       []shape.UserBasic{},
		SourceProjectID: m.project.id,
		TargetProjectID: m.project.id,
		Labels:          []string{},
		Merging: shape.Merging{
			MergeStatus:         "can_be_merged",
			DetailedMergeStatus: "mergeable",
			SHA:                 m.sha,
			ForceRemoveSource:   true,
			PreparedAt:          shape.Timestamp(m.created),
		},
		Reference:   short,
		References:  shape.References{Short: short, Relative: short, Full: m.project.path + short},
		WebURL:      fmt.Sprintf("%s/%s/-/merge_requests/%d", r.external, m.project.path, m.iid),
		NotBlocking: true,
	}
}
