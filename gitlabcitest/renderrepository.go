package gitlabcitest

import (
	"net/url"

	"example.com/gitlabci/gitlabcitest/internal/shape"
)

func (r *renderer) branch(name string, head *ref, c commit, a access) shape.Branch {
	return shape.Branch{
		Name:      name,
		Commit:    r.commit(c),
		Protected: head.protected,
		CanPush:   a.runOn(name),
		Default:   name == c.project.branch,
		WebURL:    r.external + "/" + c.project.path + "/-/tree/" + (&url.URL{Path: name}).EscapedPath(),
	}
}

// tag is a tag that has no message of its own.
func (r *renderer) tag(name string, head *ref, c commit) shape.Tag {
	return shape.Tag{Name: name, Target: c.sha, Commit: r.commit(c), Protected: head.protected}
}

// commitWhole is a commit that was asked for by itself. Its pipeline is for
// those who may read pipelines.
func (r *renderer) commitWhole(c commit, a access) shape.CommitWhole {
	rendered := shape.CommitWhole{Commit: r.commit(c), ProjectID: c.project.id}
	if p := c.newest(); p != nil && a.read() {
		rendered.Status = new(string(p.status))
		rendered.LastPipeline = new(r.basic(p))
	}
	return rendered
}
