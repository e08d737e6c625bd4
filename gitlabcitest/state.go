package gitlabcitest

import (
	"cmp"
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest/internal/versions"
)

// A state is what the server knows: things and how they belong together. It
// knows nothing of HTTP, decides nothing, and is guarded by the server's lock.
type state struct {
	version   versions.Version // whose rules count
	users     []*user
	tokens    map[string]*token // by what clients send
	projects  []*project
	moved     map[string]*project // by the paths that they had
	groups    []string            // the paths of all above the projects
	pipelines map[gitlabci.PipelineID]*pipeline
	jobs      map[gitlabci.JobID]*job

	agenda    agenda // what is to happen by itself
	hookQueue *hookQueue

	lastPipeline gitlabci.PipelineID
	lastJob      gitlabci.JobID

	lastHook, lastDeployment, lastTrigger, lastSchedule, lastEnvironment int64

	groupMembers   map[string]map[*user]Role // by the path of the group
	groupVariables map[string]*variableSet   // the same
	variables      variableSet               // of the instance
}

// newState starts the kinds of IDs apart, so that the ID of another kind finds nothing.
func newState() *state {
	s := &state{
		version:      versions.Newest,
		tokens:       map[string]*token{},
		moved:        map[string]*project{},
		pipelines:    map[gitlabci.PipelineID]*pipeline{},
		jobs:         map[gitlabci.JobID]*job{},
		lastPipeline: 100,
		lastJob:      1000,

		groupMembers:   map[string]map[*user]Role{},
		groupVariables: map[string]*variableSet{},
	}
	s.hookQueue = &hookQueue{state: s}
	return s
}

type user struct {
	id       int64
	username string
	admin    bool
	blocked  bool
	ownsAll  bool // whether they own every project, as those do whom nobody gave a role
}

type project struct {
	state     *state
	id        int64
	path      string
	branch    string // the default one
	created   time.Time
	refs      map[string]*ref
	commits   map[string]*commit             // that tests added, by SHA
	locks     map[string]gitlabci.PipelineID // by ref, the pipeline whose artifacts stay beyond their time
	pipelines []*pipeline                    // by ID
	parents   []*pipeline                    // those that are no child pipelines, by ID
	jobs      []*job                         // of all pipelines, by ID, without trigger jobs
	lastIID   int64

	mergeRequests map[int64]*mergeRequest // that tests added, by number
	outgoing      []*mergeRequest         // of those, the ones whose source branch is in this project

	members       map[*user]Role
	settings      Settings
	jobTokensFrom []*project // other ones whose jobs' tokens are let in

	environments []*environment // that tests added, and jobs implied
	deployments  []*deployment  // that tests added

	leases map[string]bool // by SHA, whether a commit status is being set

	hooks []*hook // by ID

	triggers  []*triggerToken // by ID
	schedules []*schedule     // by ID

	variables variableSet
	configs   map[string]string // by SHA, where tests set one
	lint      func(Lint) gitlabci.LintResult

	onCreate     *pipeline   // what new pipelines become, or nil
	onCreateJobs []wantedJob // the jobs that they have then
}

// A ref is a branch, a tag or, as refs/merge-requests/1/head, neither.
type ref struct {
	kind      refKind
	sha       string // of its head
	protected bool   // whether it takes a Maintainer to run something on it
	message   string // of a tag, "" unless it is annotated
}

type refKind int

const (
	otherRef refKind = iota
	branchRef
	tagRef
)

type pipeline struct {
	id        gitlabci.PipelineID
	iid       int64
	project   *project
	user      *user
	ref       string
	tag       bool
	sha       string
	beforeSHA string
	status    gitlabci.Status
	source    gitlabci.Source
	name      string

	yamlErrors string
	archived   bool // too old for its jobs to run again
	coverage   *float64
	variables  []gitlabci.Variable
	suites     []gitlabci.TestSuite
	jobs       []*job        // by ID
	upstream   *job          // the job that started it, mostly a trigger job, or nil
	schedule   *schedule     // that started it, or nil
	of         *mergeRequest // that it was started for; or nil, and then it can still be one's by its ref
	wanted     *pipeline     // what it becomes once it is no longer created, see OnCreate; or nil

	live           bool // follows its jobs, since one of them is live
	statusFromJobs bool // has its status and its times from its jobs

	created, updated, started, finished time.Time
	duration, queued                    time.Duration // zero: what the times say
}

type job struct {
	id           gitlabci.JobID
	pipeline     *pipeline
	trigger      bool      // starts a pipeline instead of a runner
	external     *external // what another system says of it, which runs it; nil if GitLab does
	downstream   *pipeline // of a trigger job, nil until it exists
	name, stage  string
	tags         []string // of the runner it needs
	status       gitlabci.Status
	reason       gitlabci.FailureReason
	allowFailure bool
	coverage     *float64
	superseded   bool                // by a retry
	manual       bool                // waits, or once waited, for a person or a time
	user         *user               // who started it
	debug        bool                // whether the log may contain secrets
	artifactRole Role                // the least to read the artifacts, zero is any
	inputs       map[string][]string // by name, with the values that each allows
	environment  string              // that it deploys to, or ""
	deployment   int64               // its ID, zero before it begins

	live      *liveState // how it proceeds by its script; nil without one
	log       []byte     // what shows of it, when last looked at
	artifacts []*artifact
	expire    time.Time // of the artifacts; zero is never

	created, queued, started, finished, erased time.Time // queued is zero: as created

	early time.Duration // how much earlier than it started it was ready, before it was created; it counts as running
}

// An artifact is a file that a job left behind, as GitLab keeps it.
type artifact struct {
	kind, format, name string
	data               []byte // never changed
	created            time.Time
	derived
}

func (s *state) findUser(username string) *user {
	for _, u := range s.users {
		if u.username == username {
			return u
		}
	}
	return nil
}

func (s *state) ensureUser(username string) *user {
	u := s.findUser(username)
	if u == nil {
		u = &user{id: int64(len(s.users) + 1), username: username, ownsAll: true}
		s.users = append(s.users, u)
	}
	return u
}

func (s *state) addProject(path string, at time.Time) *project {
	p := &project{id: int64(len(s.projects) + 1), path: path, branch: defaultBranch, created: at}
	p.commits = map[string]*commit{}
	p.refs, p.locks, p.members = map[string]*ref{}, map[string]gitlabci.PipelineID{}, map[*user]Role{}
	p.mergeRequests, p.leases, p.configs = map[int64]*mergeRequest{}, map[string]bool{}, map[string]string{}
	p.refs[p.branch] = &ref{kind: branchRef, sha: deriveSHA(path, 0)}
	p.state = s
	s.projects = append(s.projects, p)
	s.addGroups(path)
	return p
}

// addGroups adds the groups above a project.
func (s *state) addGroups(path string) {
	for i, r := range path {
		if group := path[:i]; r == '/' && !slices.Contains(s.groups, group) {
			s.groups = append(s.groups, group)
		}
	}
}

// groupsOf are the IDs of the groups above a project, from the outermost in.
func (s *state) groupsOf(p *project) (ids []int64) {
	for i, group := range s.groups {
		if strings.HasPrefix(p.path, group+"/") {
			ids = append(ids, int64(i+1))
		}
	}
	return ids
}

var allDigits = regexp.MustCompile(`^-?\d+$`)

// project finds a project by its path or, if the text is a number, by its ID.
func (s *state) project(id string) *project {
	byID := allDigits.MatchString(id)
	for _, p := range s.projects {
		if byID && strconv.FormatInt(p.id, 10) == id || !byID && p.path == id {
			return p
		}
	}
	return nil
}

// addPipeline gives p its place in its project, and an ID unless it has one.
func (s *state) addPipeline(p *pipeline) {
	if p.id == 0 {
		p.id = s.lastPipeline + 1
	}
	s.lastPipeline = max(s.lastPipeline, p.id)
	s.pipelines[p.id] = p
	p.project.lastIID++
	p.iid = p.project.lastIID
	p.project.pipelines = insertPipeline(p.project.pipelines, p)
	if p.source != gitlabci.SourceParentPipeline {
		p.project.parents = insertPipeline(p.project.parents, p)
	}
	p.lock()
}

func insertPipeline(pipelines []*pipeline, p *pipeline) []*pipeline {
	i, _ := slices.BinarySearchFunc(pipelines, p.id, byPipelineID)
	return slices.Insert(pipelines, i, p)
}

func (s *state) removePipeline(p *pipeline) {
	delete(s.pipelines, p.id)
	for _, j := range p.jobs {
		s.agenda.remove(j)
		delete(s.jobs, j.id)
		p.project.jobs = remove(p.project.jobs, j.id, byJobID)
	}
	p.project.pipelines = remove(p.project.pipelines, p.id, byPipelineID)
	p.project.parents = remove(p.project.parents, p.id, byPipelineID)
}

// remove takes what has an ID out of a list by ID, if it is there.
func remove[T, ID any](all []T, id ID, byID func(T, ID) int) []T {
	i, found := slices.BinarySearchFunc(all, id, byID)
	if !found {
		return all
	}
	return slices.Delete(all, i, i+1)
}

func byPipelineID(p *pipeline, id gitlabci.PipelineID) int { return cmp.Compare(p.id, id) }

// addJob gives j its place in its pipeline, and an ID unless it has one.
func (s *state) addJob(j *job) {
	if j.id == 0 {
		j.id = s.lastJob + 1
	}
	s.lastJob = max(s.lastJob, j.id)
	s.jobs[j.id] = j
	j.pipeline.jobs = insertJob(j.pipeline.jobs, j)
	if owner := j.pipeline.project; j.byRunner() {
		owner.jobs = insertJob(owner.jobs, j)
	}
}

func insertJob(jobs []*job, j *job) []*job {
	i, _ := slices.BinarySearchFunc(jobs, j.id, byJobID)
	return slices.Insert(jobs, i, j)
}

func byJobID(j *job, id gitlabci.JobID) int { return cmp.Compare(j.id, id) }

// exists reports whether p has not been deleted.
func (s *state) exists(p *pipeline) bool { return p != nil && s.pipelines[p.id] == p }

// job finds a job of the project, and with trigger a trigger job too.
func (s *state) job(owner *project, id int64, trigger bool) *job {
	j := s.jobs[gitlabci.JobID(id)]
	if j == nil || j.pipeline.project != owner || !j.byRunner() && !(j.trigger && trigger) {
		return nil
	}
	return j
}

func (p *project) pipeline(id int64) *pipeline {
	i, found := slices.BinarySearchFunc(p.pipelines, gitlabci.PipelineID(id), byPipelineID)
	if !found {
		return nil
	}
	return p.pipelines[i]
}

// moveRef makes sha the head of a ref, and of the merge requests that come from
// it.
func (p *project) moveRef(name string, tag bool, sha string, at time.Time) {
	kind := branchRef
	switch {
	case tag:
		kind = tagRef
	case strings.HasPrefix(name, "refs/"):
		kind = otherRef
	}
	p.refs[name] = &ref{kind: kind, sha: sha, protected: p.protects(name)}
	for _, m := range p.outgoing {
		if kind == branchRef && m.source == name {
			m.push(sha, at)
		}
	}
}

// head is the SHA of a ref's head, or "" if there is no such ref.
func (p *project) head(name string) string {
	if r := p.refs[name]; r != nil {
		return r.sha
	}
	return ""
}

// headSHA is the SHA of a ref's head, or forty zeros if there is no such ref.
func (p *project) headSHA(name string) string { return cmp.Or(p.head(name), noSHA) }

// branchAt is the first branch whose head is a commit, except for one branch; or "". The
// earlier commits of a branch are not known.
func (p *project) branchAt(sha, except string) string {
	for _, name := range slices.Sorted(maps.Keys(p.refs)) {
		if r := p.refs[name]; r.kind == branchRef && r.sha == sha && name != except {
			return name
		}
	}
	return ""
}

// noSHA is what GitLab writes where there is no commit.
var noSHA = strings.Repeat("0", 2*sha1.Size)

// deriveSHA makes up the SHA of a commit, always the same one.
func deriveSHA(ref string, id int64) string {
	sum := sha1.Sum(fmt.Appendf(nil, "%s\n%d", ref, id))
	return hex.EncodeToString(sum[:])
}
