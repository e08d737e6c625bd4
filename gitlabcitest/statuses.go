package gitlabcitest

import (
	"cmp"
	"net/http"
	"slices"
	"time"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest/internal/rack"
	"example.com/gitlabci/gitlabcitest/internal/shape"
)

func listStatusParams() []rack.Param {
	return append(pageParams(),
		rack.Param{Name: "ref", Parse: rack.Text},
		rack.Param{Name: "stage", Parse: rack.Text},
		rack.Param{Name: "name", Parse: rack.Text},
		rack.Param{Name: "pipeline_id", Parse: rack.Integer},
		rack.Param{Name: "all", Parse: rack.Boolean, Initial: "false"},
		rack.Param{Name: "order_by", Parse: rack.OneOf("id", "pipeline_id"), Initial: "id"},
		rack.Param{Name: "sort", Parse: rack.OneOf("asc", "desc"), Initial: "asc"},
	)
}

// listStatuses lists the jobs of a commit as well: GitLab keeps both in one table.
func listStatuses(c *call, owner *project) *response {
	sha, found := owner.revision(value[string](c, "sha"))
	if !found {
		return notFound("Commit Not Found")
	}
	statuses := []*job{}
	for _, p := range owner.pipelines {
		if p.sha == sha && !p.dangling() {
			statuses = append(statuses, slices.DeleteFunc(slices.Clone(p.jobs), func(j *job) bool { return !c.wantsStatus(j) })...)
		}
	}
	slices.SortFunc(statuses, func(a, b *job) int {
		by := cmp.Compare(a.id, b.id)
		if value[string](c, "order_by") == "pipeline_id" {
			by = cmp.Or(cmp.Compare(a.pipeline.id, b.pipeline.id), by)
		}
		if value[string](c, "sort") == "desc" {
			return -by
		}
		return by
	})
	part, header := numberedPage(c, statuses)
	return &response{status: http.StatusOK, header: header, body: shape.Each(part, c.renderer().commitStatus)}
}

// wantsStatus reports whether the filters of a list let a status through. A blank one
// is none.
func (c *call) wantsStatus(j *job) bool {
	fits := func(parameter, word string) bool {
		wanted := value[string](c, parameter)
		return wanted == "" || wanted == word
	}
	pipeline := optional[int64](c, "pipeline_id")
	return fits("ref", j.pipeline.ref) && fits("stage", j.stage) && fits("name", j.name) &&
		(pipeline == nil || *pipeline == int64(j.pipeline.id)) && (value[bool](c, "all") || !j.superseded)
}

func setStatusParams() []rack.Param {
	return []rack.Param{
		{Name: "state", Parse: rack.OneOf("pending", "running", "success", "failed", "canceled", "skipped"), Required: true},
		{Name: "ref", Parse: rack.Text},
		{Name: "name", Parse: rack.Text},
		{Name: "context", Parse: rack.Text},
		{Name: "target_url", Parse: rack.Text},
		{Name: "description", Parse: rack.Text},
		{Name: "coverage", Parse: rack.Decimal},
		{Name: "pipeline_id", Parse: rack.Integer},
	}
}

func setStatus(c *call, owner *project) *response {
	if wait := c.lease.take(owner, value[string](c, "sha")); wait != nil {
		return wait
	}
	wanted, refused := c.wantedStatus(owner)
	if refused != nil {
		return refused
	}
	p, refused := c.statusPipeline(owner, wanted)
	if refused != nil {
		return refused
	}
	if !c.state.exists(p) { // GitLab makes it before it looks at the rest
		c.state.addPipeline(p)
		p.queueCreated()
	}
	if !c.access.changePipeline(p) {
		return forbidden()
	}
	if wrong := wanted.wrong(); wrong != nil {
		return refuse(http.StatusBadRequest, wrong)
	}
	j, complaint := c.state.setStatus(p, wanted, c.now)
	if complaint != "" {
		return refuse(http.StatusBadRequest, complaint)
	}
	return created(c.renderer().commitStatus(j))
}

// wantedStatus reads what a call wants to set.
func (c *call) wantedStatus(owner *project) (wantedStatus, *response) {
	sha, found := owner.revision(value[string](c, "sha"))
	if !found {
		return wantedStatus{}, notFound("Commit Not Found")
	}
	w := wantedStatus{
		sha: sha, ref: value[string](c, "ref"), name: "default", user: c.user,
		state:       gitlabci.Status(value[string](c, "state")),
		targetURL:   optional[string](c, "target_url"),
		description: optional[string](c, "description"),
		coverage:    optional[float64](c, "coverage"),
	}
	if name := cmp.Or(optional[string](c, "name"), optional[string](c, "context")); name != nil {
		w.name = *name
	}
	return w, nil
}

// statusPipeline is the pipeline that a status goes to. It can be one that does not exist
// yet.
func (c *call) statusPipeline(owner *project, w wantedStatus) (*pipeline, *response) {
	named := gitlabci.PipelineID(value[int64](c, "pipeline_id"))
	p := owner.statusPipeline(w, named)
	size := owner.settings.PipelineSize
	full := p != nil && size > 0 && len(p.jobs) >= size && p.unfinishedStatus(w) == nil
	switch {
	case p == nil && c.has("pipeline_id"):
		return nil, notFound("Pipeline for pipeline_id, sha and ref Not Found")
	case full && c.has("pipeline_id"):
		return nil, refuse(http.StatusUnprocessableEntity, "The number of jobs has exceeded the limit")
	case p != nil && !full:
		return p, nil
	case p != nil:
		w.ref = cmp.Or(w.ref, p.ref)
	}
	if w.ref = cmp.Or(w.ref, owner.branchAt(w.sha, "")); w.ref == "" {
		return nil, notFound("References for commit Not Found")
	}
	return &pipeline{
		project: owner, user: c.user, ref: w.ref, sha: w.sha, beforeSHA: noSHA,
		status: gitlabci.StatusCreated, source: gitlabci.SourceExternal, created: c.now, updated: c.now,
	}, nil
}

// A lease is what a call needs to set the status of a commit, one at a time.
type lease struct {
	tries  int
	leases map[string]bool // nil until the call has it
	commit string
}

const (
	mostLeaseTries = 20
	leaseInterval  = 500 * time.Millisecond
)

// take takes the lease. It returns what the call has to wait for, or why it is refused.
func (l *lease) take(owner *project, commit string) *response {
	switch taken := owner.leases[commit]; {
	case l.leases != nil, !taken && owner.settings.StatusesTake == 0:
		return nil
	case taken && l.tries == mostLeaseTries:
		return refuse(http.StatusConflict, "Another update to this commit status is in progress")
	case taken:
		l.tries++
		return &response{rerunAfter: leaseInterval}
	}
	owner.leases[commit] = true
	l.leases, l.commit = owner.leases, commit
	return &response{rerunAfter: owner.settings.StatusesTake}
}

func (l *lease) release() {
	if l.leases != nil {
		delete(l.leases, l.commit)
	}
}

func (r *renderer) commitStatus(j *job) shape.CommitStatus {
	rendered := shape.CommitStatus{
		ID:           int64(j.id),
		SHA:          j.pipeline.sha,
		Ref:          j.pipeline.ref,
		Status:       string(j.status),
		Name:         j.name,
		CreatedAt:    shape.Timestamp(j.created),
		StartedAt:    shape.Timestamp(j.started),
		FinishedAt:   shape.Timestamp(j.finished),
		AllowFailure: j.allowFailure,
		Coverage:     copied(j.coverage),
		PipelineID:   int64(j.pipeline.id),
		Author:       new(r.userBasic(j.user)),
	}
	if j.external != nil {
		rendered.TargetURL, rendered.Description = shape.OrNull(j.external.targetURL), shape.OrNull(j.external.description)
	}
	return rendered
}
