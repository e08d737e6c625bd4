package gitlabcitest

import (
	"cmp"
	"slices"
	"time"

	"example.com/gitlabci"
)

// AddProject adds a private project with the default branch "main", and returns its ID. In
// calls of the API, use the path, or [gitlabci.ProjectNumber] of the ID. It panics if the
// path is taken or is not one.
func (s *Server) AddProject(path string) int64 {
	at := s.lock()
	defer s.mu.Unlock()
	s.mustBeNewPath("AddProject", path)
	return s.state.addProject(path, at).id
}

// A Ref is a branch or a tag.
type Ref struct {
	Name string
	Tag  bool
	SHA  string // of its head; "" is made up from the name

	Message string // of a tag: "" unless it is annotated

	// Protected means that only a Maintainer can create, change, retry and cancel pipelines
	// and jobs of the ref.
	Protected bool
}

// AddRef adds a branch or a tag without a pipeline, or moves it to another
// head, as a push does that starts none, and protects it or no longer does. It
// returns the ref with its SHA. The project is a path or an ID.
func (s *Server) AddRef(project string, r Ref) *Ref {
	at := s.lock()
	defer s.mu.Unlock()
	if r.Name == "" {
		misuse("AddRef: the ref has no Name")
	}
	r.SHA = cmp.Or(r.SHA, deriveSHA(r.Name, 0))
	owner := s.mustProject("AddRef", project)
	owner.moveRef(r.Name, r.Tag, r.SHA, at)
	owner.refs[r.Name].protected, owner.refs[r.Name].message = r.Protected, r.Message
	return &r
}

// A Pipeline is a pipeline to add. Zero fields have the value that the
// comment says.
type Pipeline struct {
	ID     gitlabci.PipelineID // the next one
	Ref    string              // the default branch
	Tag    bool                // whether Ref is a tag
	SHA    string              // made up from Ref and ID
	Status gitlabci.Status     // success; its jobs change it when they change, see [Job]
	Source gitlabci.Source     // push

	Name       string // none
	YAMLErrors string // none
	Archived   bool   // whether it is too old for its jobs to be retried or played
	Username   string // "maya"; a name that is new makes a user without a token, who owns every project until AddMember

	CreatedAt  time.Time // now
	UpdatedAt  time.Time // now, or CreatedAt if that is later
	StartedAt  time.Time // CreatedAt, if by its Status it ran for certain
	FinishedAt time.Time // UpdatedAt, if its Status is an end other than skipped

	Duration       time.Duration // from StartedAt to FinishedAt
	QueuedDuration time.Duration // from CreatedAt to StartedAt
	Coverage       *float64      // unknown

	Variables []*gitlabci.Variable // none; each needs a Key

	// TestReport is what the jobs uploaded, beside the JUnit files in their
	// Reports, which need no TestReport. Its counts and times are not read but
	// computed from the cases, of which those without a status succeeded. In the summary,
	// the job with the name of a suite is the one that uploaded it.
	TestReport *gitlabci.TestReport

	server   *Server
	pipeline *pipeline
	of       *mergeRequest // see [MergeRequest.AddPipeline]
}

// AddPipeline adds a pipeline to a project, given by its path or ID, and
// returns what was added: p with its defaults. Later changes of the pipeline do not change
// the result.
//
// Its Ref is a branch, a tag or a "refs/merge-requests/1/head", and need not
// exist before. It is moved to the pipeline's SHA as by a push, so that this
// is the latest pipeline of the ref; those of dangling sources, such as child
// pipelines, move nothing.
func (s *Server) AddPipeline(project string, p Pipeline) *Pipeline {
	at := s.lock()
	defer s.mu.Unlock()
	owner := s.mustProject("AddPipeline", project)
	if p.ID < 0 {
		misuse("AddPipeline: the ID %d is negative", p.ID)
	}
	if s.state.pipelines[p.ID] != nil {
		misuse("AddPipeline: the pipeline %d exists already", p.ID)
	}
	p.ID = cmp.Or(p.ID, s.state.lastPipeline+1)
	p.setWords(owner)
	s.state.mustKnow("AddPipeline", p.Status)
	p.setTimes(at)
	p.server, p.pipeline = s, p.stored("AddPipeline", owner)
	p.pipeline.user = s.state.ensureUser(p.Username)
	s.state.addPipeline(p.pipeline)
	foreign := p.of != nil && p.of.project != owner // whose ref is in another project
	if !foreign && (owner.refs[p.Ref] == nil || !p.pipeline.dangling()) {
		owner.moveRef(p.Ref, p.Tag, p.SHA, at)
	}
	return &p
}

// Pipeline returns a pipeline that exists, such as one that a client created,
// to add jobs to it. Its fields are the present values, except TestReport. It panics if
// there is no such pipeline.
func (s *Server) Pipeline(pipeline gitlabci.PipelineID) *Pipeline {
	s.lock()
	defer s.mu.Unlock()
	p := s.state.pipelines[pipeline]
	if p == nil {
		misuse("Pipeline: there is no pipeline %d", pipeline)
	}
	ran, _ := p.runTime()
	waited, _ := p.queueTime()
	handle := &Pipeline{
		ID: p.id, Ref: p.ref, Tag: p.tag, SHA: p.sha, Status: p.status, Source: p.source,
		Name: p.name, YAMLErrors: p.yamlErrors, Archived: p.archived, Username: p.user.username,
		CreatedAt: p.created, UpdatedAt: p.updated, StartedAt: p.started, FinishedAt: p.finished,
		Duration: ran, QueuedDuration: waited, Coverage: copied(p.averageCoverage()),
		server: s, pipeline: p,
	}
	for _, v := range p.variables {
		handle.Variables = append(handle.Variables, new(v))
	}
	return handle
}

// OnCreate sets what the pipelines are like that clients and schedules start in a project,
// given by its path or ID, from now on. They have the Status, times, Coverage and TestReport
// of p, and jobs like these, with other IDs. If one of the jobs is live, see [Job], the jobs
// of each pipeline run, and p's Status is ignored, since it follows from the jobs. A job with
// a Trigger is a trigger job. Everything else is from the request or the schedule. Without
// OnCreate, a new pipeline is pending and has no jobs.
//
// In the response to the create, the pipeline is created, as in GitLab, whose jobs start a
// moment later. At the next request the jobs have started, unless the project's [Settings]
// have CreatedFor.
func (s *Server) OnCreate(project string, p Pipeline, jobs ...Job) {
	var wanted []wantedJob
	for _, j := range jobs {
		wanted = append(wanted, newWantedJob("OnCreate", j, false, s.clock.now())) // before the lock, see there
	}
	s.lock()
	defer s.mu.Unlock()
	owner := s.mustProject("OnCreate", project)
	for i := range wanted {
		wanted[i].job.ID = 0
		wanted[i].resolve("OnCreate", s, owner)
	}
	p.setWords(owner)
	s.state.mustKnow("OnCreate", p.Status)
	owner.onCreate, owner.onCreateJobs = p.stored("OnCreate", owner), wanted
}

func (s *Server) mustProject(method, id string) *project {
	p := s.state.project(id)
	if p == nil {
		misuse("%s: there is no project %q; add it with AddProject", method, id)
	}
	return p
}

func (p *Pipeline) setWords(owner *project) {
	p.Ref = cmp.Or(p.Ref, owner.branch)
	p.SHA = cmp.Or(p.SHA, deriveSHA(p.Ref, int64(p.ID)))
	p.Status = cmp.Or(p.Status, gitlabci.StatusSuccess)
	p.Source = cmp.Or(p.Source, gitlabci.SourcePush)
	p.Username = cmp.Or(p.Username, defaultUsername)
}

func (p *Pipeline) setTimes(now time.Time) {
	p.CreatedAt = orElse(p.CreatedAt, now)
	p.UpdatedAt = orElse(p.UpdatedAt, later(now, p.CreatedAt))
	if begun(p.Status) {
		p.StartedAt = orElse(p.StartedAt, p.CreatedAt)
	}
	if ended(p.Status) {
		p.FinishedAt = orElse(p.FinishedAt, p.UpdatedAt)
	}
}

// orElse returns t as a database would, or other if t is zero.
func orElse(t, other time.Time) time.Time {
	if t.IsZero() {
		return dbTime(other)
	}
	return dbTime(t)
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// stored is the pipeline that the server keeps, without its user.
func (p *Pipeline) stored(method string, owner *project) *pipeline {
	return &pipeline{
		id:         p.ID,
		project:    owner,
		ref:        p.Ref,
		tag:        p.Tag,
		sha:        p.SHA,
		beforeSHA:  owner.headSHA(p.Ref),
		status:     p.Status,
		source:     p.Source,
		name:       p.Name,
		yamlErrors: p.YAMLErrors,
		archived:   p.Archived,
		coverage:   copied(p.Coverage),
		variables:  storedVariables(method, p.Variables),
		suites:     storedSuites(p.TestReport),
		of:         p.of,
		created:    p.CreatedAt,
		updated:    p.UpdatedAt,
		started:    dbTime(p.StartedAt),
		finished:   dbTime(p.FinishedAt),
		duration:   p.Duration,
		queued:     p.QueuedDuration,
	}
}

func storedVariables(method string, given []*gitlabci.Variable) []gitlabci.Variable {
	var kept []gitlabci.Variable
	for i, v := range given {
		if v == nil || v.Key == "" {
			misuse("%s: Variables[%d] has no Key", method, i)
		}
		one := *v
		one.VariableType = cmp.Or(one.VariableType, gitlabci.VariableTypeEnvVar)
		kept = append(kept, one)
	}
	return kept
}

func storedSuites(given *gitlabci.TestReport) []gitlabci.TestSuite {
	if given == nil {
		return nil
	}
	kept := slices.Clone(given.TestSuites)
	for i := range kept {
		kept[i].TestCases = slices.Clone(kept[i].TestCases)
		for j := range kept[i].TestCases {
			one := &kept[i].TestCases[j]
			one.Status = cmp.Or(one.Status, gitlabci.TestStatusSuccess)
			one.Name = cmp.Or(one.Name, "(No name)")
		}
	}
	return kept
}
