package gitlabcitest

import (
	"cmp"
	"slices"
	"time"

	"example.com/gitlabci"
)

// A MergeRequest is a merge request to add. Zero fields have the value that the
// comment says.
type MergeRequest struct {
	IID       int64     // the number after its "!": the next one
	Source    string    // its branch, which need not exist before; required
	Fork      string    // the project that Source is in, by path or ID; "" is the one that the merge request is in
	Target    string    // the branch that it goes to: the default branch
	SHA       string    // of the head of Source: that of the branch, or made up
	Title     string    // "Change " and Source
	State     string    // "opened"; or "closed", "locked", "merged"
	Draft     bool      // whether it is not ready
	Labels    []string  // none
	Username  string    // of its author: "maya"
	CreatedAt time.Time // now

	server *Server
	kept   *mergeRequest
}

// A PipelineKind is the kind of a merge request's pipeline.
type PipelineKind string

const (
	// PipelineKindBranch is a pipeline of the source branch, in the project
	// that has it.
	PipelineKindBranch PipelineKind = "branch"

	// PipelineKindDetached runs on the head of a merge request, on its ref
	// "refs/merge-requests/1/head". That of a fork runs in the fork.
	PipelineKindDetached PipelineKind = "detached"

	// PipelineKindMergedResults runs in the project of the merge request on its
	// ref "refs/merge-requests/1/merge", whose commit is the head merged into
	// the target.
	PipelineKindMergedResults PipelineKind = "merged_result"
)

// AddMergeRequest adds a merge request to a project, given by its path or ID,
// and returns what was added: m with its defaults. While it is opened, its head is that of
// the Source, and moves with it: see [MergeRequest.Push], [Server.AddRef] and
// [Server.AddPipeline]. It panics if there is no such project, state or Source, or if the
// merge request exists.
//
// A pipeline whose Ref is "refs/merge-requests/1/head" implies a merge request,
// too, which need not be added.
func (s *Server) AddMergeRequest(project string, m MergeRequest) *MergeRequest {
	at := s.lock()
	defer s.mu.Unlock()
	const method = "AddMergeRequest"
	owner := s.mustProject(method, project)
	from := owner
	if m.Fork != "" {
		from = s.mustProject(method, m.Fork)
	}
	m.IID = cmp.Or(m.IID, s.state.nextMergeRequest(owner))
	m.State = cmp.Or(m.State, opened)
	switch {
	case m.Source == "":
		misuse("%s: the merge request has no Source", method)
	case m.IID < 0:
		misuse("%s: the IID %d is negative", method, m.IID)
	case s.state.mergeRequest(owner, m.IID) != nil:
		misuse("%s: the merge request !%d exists already", method, m.IID)
	case !slices.Contains([]string{opened, "closed", "locked", "merged"}, m.State):
		misuse("%s: a merge request is never %q", method, m.State)
	}
	m.Target = cmp.Or(m.Target, owner.branch)
	m.SHA = cmp.Or(m.SHA, from.head(m.Source), deriveSHA(m.Source, m.IID))
	m.Title = cmp.Or(m.Title, "Change "+m.Source)
	m.Username = cmp.Or(m.Username, defaultUsername)
	m.CreatedAt = orElse(m.CreatedAt, at)
	m.server, m.kept = s, m.stored(s.state.ensureUser(m.Username), owner, from)
	owner.addMergeRequest(m.kept, at)
	return &m
}

func (m *MergeRequest) stored(author *user, owner, from *project) *mergeRequest {
	return &mergeRequest{
		project: owner, iid: m.IID, from: from, source: m.Source, target: m.Target, sha: m.SHA, heads: []string{m.SHA},
		state: m.State, title: m.Title, draft: m.Draft, labels: slices.Clone(m.Labels), author: author, created: m.CreatedAt, updated: m.CreatedAt,
	}
}

// addMergeRequest gives a merge request its place, its branch and its ref.
func (p *project) addMergeRequest(m *mergeRequest, at time.Time) {
	p.mergeRequests[m.iid] = m
	p.refs[m.ref("head")] = &ref{kind: otherRef, sha: m.sha}
	m.from.outgoing = append(m.from.outgoing, m)
	m.from.moveRef(m.source, false, m.sha, at)
}

// nextMergeRequest is the number of the next merge request of a project.
func (s *state) nextMergeRequest(p *project) int64 {
	last := int64(0)
	for _, m := range s.mergeRequests(p) {
		last = m.iid
	}
	return last + 1
}

// Push moves the head of the Source to a commit, as a push that has started no pipeline
// yet, and returns its SHA. "" makes one up.
func (m *MergeRequest) Push(sha string) string {
	m.mustBeAdded("Push")
	at := m.server.lock()
	defer m.server.mu.Unlock()
	sha = cmp.Or(sha, deriveSHA(m.Source, m.IID+int64(len(m.kept.heads))<<32))
	m.kept.from.moveRef(m.Source, false, sha, at)
	return sha
}

// AddPipeline adds a pipeline of the merge request and returns what was added,
// as [Server.AddPipeline] does. Its Ref and its SHA follow from the kind and the present
// head, and so does its Source, except for a branch. It panics if p has any of them.
func (m *MergeRequest) AddPipeline(kind PipelineKind, p Pipeline) *Pipeline {
	m.mustBeAdded("AddPipeline")
	if p.Ref != "" || p.SHA != "" || p.Tag || p.Source != "" && kind != PipelineKindBranch {
		misuse("AddPipeline: the Ref, Tag, SHA and Source of a pipeline of a merge request follow from its kind")
	}
	m.server.mu.Lock()
	owner := m.kept.from
	p.of, p.SHA = m.kept, m.kept.sha
	switch kind {
	case PipelineKindBranch:
		p.Ref, p.of = m.Source, nil
	case PipelineKindDetached:
		p.Ref, p.Source = m.kept.ref("head"), gitlabci.SourceMergeRequestEvent
	case PipelineKindMergedResults:
		owner = m.kept.project
		p.Ref, p.Source, p.SHA = m.kept.ref("merge"), gitlabci.SourceMergeRequestEvent, m.kept.merged()
	default:
		m.server.mu.Unlock()
		misuse("AddPipeline: %q is not a PipelineKind", kind)
	}
	path := owner.path
	m.server.mu.Unlock()
	return m.server.AddPipeline(path, p)
}

func (m *MergeRequest) mustBeAdded(method string) {
	if m.server == nil {
		misuse("%s: this MergeRequest was not returned by AddMergeRequest", method)
	}
}
