package gitlabcitest

import "fmt"

// mergeRequest makes up the rest of a merge request that can be merged.
func (r *renderer) mergeRequest(m mergeRequest) mergeRequestJSON {
	short := fmt.Sprintf("!%d", m.iid)
	return mergeRequestJSON{
		ID:              m.project.id*1_000_000 + m.iid,
		IID:             m.iid,
		ProjectID:       m.project.id,
		Title:           "Change " + m.source,
		State:           m.state(),
		CreatedAt:       timestamp(m.created),
		UpdatedAt:       timestamp(m.updated),
		TargetBranch:    m.project.branch,
		SourceBranch:    m.source,
		Author:          r.userBasic(m.author),
		Assignees:       []userBasicJSON{},
		Reviewers:       []userBasicJSON{},
		SourceProjectID: m.project.id,
		TargetProjectID: m.project.id,
		Labels:          []string{},
		mergingJSON: mergingJSON{
			MergeStatus:         "can_be_merged",
			DetailedMergeStatus: "mergeable",
			SHA:                 m.sha,
			ForceRemoveSource:   true,
			PreparedAt:          timestamp(m.created),
		},
		Reference:   short,
		References:  referencesJSON{Short: short, Relative: short, Full: m.project.path + short},
		WebURL:      fmt.Sprintf("%s/%s/-/merge_requests/%d", r.external, m.project.path, m.iid),
		NotBlocking: true,
	}
}
