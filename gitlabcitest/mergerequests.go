package gitlabcitest

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"time"

	"example.com/gitlabci/gitlabcitest/internal/rack"
	"example.com/gitlabci/gitlabcitest/internal/shape"
)

func listMergeRequestParams() []rack.Param {
	return append(pageParams(),
		rack.Param{Name: "state", Parse: rack.OneOf("opened", "closed", "locked", "merged", "all"), Initial: "all"},
		rack.Param{Name: "sort", Parse: rack.OneOf("asc", "desc"), Initial: "desc"},
		rack.Param{Name: "source_branch", Parse: rack.Text},
		rack.Param{Name: "target_branch", Parse: rack.Text},
	)
}

func listMergeRequests(c *call, p *project) *answer {
	fits := func(parameter, word string) bool {
		wanted := optional[string](c, parameter)
		return wanted == nil || *wanted == word
	}
	state := value[string](c, "state")
	var found []mergeRequest
	for _, one := range c.state.mergeRequests(p) {
		if (state == "all" || state == one.state()) && fits("source_branch", one.source) && fits("target_branch", p.branch) {
			found = append(found, one)
		}
	}
	if value[string](c, "sort") == "desc" {
		slices.Reverse(found)
	}
	part, header := numberedPage(c, found)
	return &answer{status: http.StatusOK, header: header, body: shape.Each(part, c.renderer().mergeRequest)}
}

// A mergeRequest is an open merge request into the default branch, as its refs
// imply it.
type mergeRequest struct {
	project          *project
	iid              int64
	sha, source      string
	author           *user
	created, updated time.Time
}

func (mergeRequest) state() string { return "opened" }

var mergeRequestRef = regexp.MustCompile(`^refs/merge-requests/(\d+)/(head|merge|train)$`)

// mergeRequestOf is the number of the merge request that a ref belongs to, or
// zero.
func mergeRequestOf(ref string) int64 {
	parts := mergeRequestRef.FindStringSubmatch(ref)
	if parts == nil {
		return 0
	}
	iid, _ := strconv.ParseInt(parts[1], 10, 64) // zero if it is too large for any
	return iid
}

// mergeRequests are those of which there is a ref, by number.
func (s *state) mergeRequests(p *project) []mergeRequest {
	known := map[int64]bool{}
	for name := range p.refs {
		if iid := mergeRequestOf(name); iid > 0 {
			known[iid] = true
		}
	}
	found := []mergeRequest{}
	for _, iid := range slices.Sorted(maps.Keys(known)) {
		found = append(found, s.mergeRequest(p, iid))
	}
	return found
}

func (s *state) mergeRequest(p *project, iid int64) mergeRequest {
	m := mergeRequest{project: p, iid: iid, author: s.users[0], created: p.created}
	for _, kind := range []string{"train", "merge", "head"} {
		if head := p.refs[fmt.Sprintf("refs/merge-requests/%d/%s", iid, kind)]; head != nil {
			m.sha = head.sha
		}
	}
	m.updated = m.created
	for _, one := range slices.Backward(p.pipelines) {
		if mergeRequestOf(one.ref) == iid {
			m.author, m.created = one.user, one.created
			m.updated = later(m.updated, one.updated)
		}
	}
	m.source = cmp.Or(p.branchAt(m.sha), fmt.Sprintf("merge-request-%d", iid))
	return m
}

// branchAt is a branch other than the default one whose head is a commit, or
// "".
func (p *project) branchAt(sha string) string {
	for _, name := range slices.Sorted(maps.Keys(p.refs)) {
		if r := p.refs[name]; r.kind == branchRef && r.sha == sha && name != p.branch {
			return name
		}
	}
	return ""
}

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
