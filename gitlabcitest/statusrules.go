package gitlabcitest

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"example.com/gitlabci"
)

// An external is what another system says of a job that it runs itself. GitLab keeps the
// status that the system sets as a job of the pipeline.
type external struct{ targetURL, description string }

// byRunner reports whether it is a runner that runs the job.
func (j *job) byRunner() bool { return !j.trigger && j.external == nil }

// externalStage is the stage of all external statuses.
const externalStage = "external"

// A wantedStatus is a commit status that someone sets. Nil fields change nothing.
type wantedStatus struct {
	sha, ref, name string
	user           *user
	state          gitlabci.Status

	targetURL, description *string
	coverage               *float64
}

// statusPipeline is the newest pipeline of a commit that a status can be added to, of the
// ref if one is given, and the named one alone if there is an ID; or nil.
func (p *project) statusPipeline(w wantedStatus, named gitlabci.PipelineID) *pipeline {
	for _, one := range slices.Backward(p.pipelines) {
		fits := one.sha == w.sha && !one.dangling() && !one.archived && (w.ref == "" || w.ref == one.ref)
		if fits && (named == 0 || named == one.id) {
			return one
		}
	}
	return nil
}

// unfinishedStatus is the status that a wanted one updates: of the same name and user,
// and not yet ended. It is nil if a new one is made.
func (p *pipeline) unfinishedStatus(w wantedStatus) *job {
	for _, j := range p.jobs {
		unfinished := j.status == gitlabci.StatusPending || j.status == gitlabci.StatusRunning
		if j.external != nil && unfinished && j.name == w.name && j.user == w.user {
			return j
		}
	}
	return nil
}

// longestStatusText is how many characters the texts of a status can have.
const longestStatusText = 255

// wrong is why a status cannot be saved, or nil.
func (w wantedStatus) wrong() fieldErrors {
	found := fieldErrors{}
	for _, one := range []struct {
		field string
		text  *string
	}{{"ref", &w.ref}, {"target_url", w.targetURL}, {"description", w.description}} {
		if one.text != nil && utf8.RuneCountInString(*one.text) > longestStatusText {
			found[one.field] = append(found[one.field], "is too long (maximum is 255 characters)")
		}
	}
	if w.targetURL != nil && *w.targetURL != "" && !isWebURL(*w.targetURL) {
		found["target_url"] = append(found["target_url"], "must be a valid URL")
	}
	if strings.TrimSpace(w.name) == "" {
		found["name"] = append(found["name"], "can't be blank")
	}
	if len(found) == 0 {
		return nil
	}
	return found
}

func isWebURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != ""
}

// statusEvents are what GitLab calls the way to a state, and the states from which it
// leads there. A new status can go anywhere.
var statusEvents = map[gitlabci.Status]struct {
	name string
	from []gitlabci.Status
}{
	gitlabci.StatusPending:  {"enqueue", nil},
	gitlabci.StatusRunning:  {"run", []gitlabci.Status{gitlabci.StatusPending}},
	gitlabci.StatusSuccess:  {"success", []gitlabci.Status{gitlabci.StatusPending, gitlabci.StatusRunning}},
	gitlabci.StatusFailed:   {"drop", []gitlabci.Status{gitlabci.StatusPending, gitlabci.StatusRunning}},
	gitlabci.StatusCanceled: {"cancel", []gitlabci.Status{gitlabci.StatusPending, gitlabci.StatusRunning}},
	gitlabci.StatusSkipped:  {"skip", []gitlabci.Status{gitlabci.StatusPending}},
}

// setStatus sets a status in a pipeline: one that has not ended, or a new one. It returns
// GitLab's complaint if the state cannot be reached, and nothing is changed then. Jobs and
// statuses of the same name are superseded, of any user.
func (s *state) setStatus(p *pipeline, w wantedStatus, at time.Time) (j *job, complaint string) {
	j = p.unfinishedStatus(w)
	event := statusEvents[w.state]
	switch {
	case j == nil:
		j = &job{
			pipeline: p, external: &external{}, name: w.name, stage: externalStage, user: w.user,
			status: gitlabci.StatusCreated, created: p.nextJob(at),
		}
		s.addJob(j)
	case !slices.Contains(event.from, j.status):
		return nil, fmt.Sprintf(`Cannot transition status via :%s from :%s (Reason(s): Status cannot transition via %q)`,
			event.name, j.status, event.name)
	}
	j.external.targetURL = *cmp.Or(w.targetURL, &j.external.targetURL)
	j.external.description = *cmp.Or(w.description, &j.external.description)
	j.coverage = cmp.Or(w.coverage, j.coverage)
	for _, other := range p.jobs {
		other.superseded = other.superseded || other != j && other.name == j.name
	}
	s.moveStatus(j, w.state, at)
	s.afterChange(p, at)
	return j, ""
}

func (s *state) moveStatus(j *job, to gitlabci.Status, at time.Time) {
	if to == gitlabci.StatusRunning && j.status == gitlabci.StatusCreated {
		s.move(j, gitlabci.StatusPending, at)
	}
	if to == gitlabci.StatusFailed {
		s.failJob(j, gitlabci.FailureReasonAPIFailure, at)
		return
	}
	s.move(j, to, at)
}

// A CommitStatus is the status that another system reports for a commit, to add to a
// pipeline. Zero fields have the value that the comment says.
type CommitStatus struct {
	Name   string          // "default"
	Status gitlabci.Status // success

	TargetURL   string   // none
	Description string   // none
	Coverage    *float64 // unknown
	Username    string   // of the user who sets it: that of the pipeline
}

// AddStatus sets a commit status of the pipeline, as a client of the user does, and
// returns its ID. The pipeline has the status of its jobs then, of which this is one. It
// panics if GitLab would refuse the status.
func (p *Pipeline) AddStatus(c CommitStatus) gitlabci.JobID {
	if p.server == nil {
		misuse("AddStatus: this Pipeline was not returned by AddPipeline")
	}
	at := p.server.lock()
	defer p.server.mu.Unlock()
	state := p.server.state
	w := wantedStatus{
		name: cmp.Or(c.Name, "default"), state: cmp.Or(c.Status, gitlabci.StatusSuccess), user: p.pipeline.user,
		targetURL: &c.TargetURL, description: &c.Description, coverage: copied(c.Coverage),
	}
	if c.Username != "" {
		w.user = state.ensureUser(c.Username)
	}
	_, known := statusEvents[w.state]
	switch wrong := w.wrong(); {
	case !state.exists(p.pipeline):
		misuse("AddStatus: the pipeline %d was deleted", p.ID)
	case !known:
		misuse("AddStatus: nobody can set the status %q", w.state)
	case wrong != nil:
		misuse("AddStatus: GitLab refuses it: %v", wrong)
	}
	j, complaint := state.setStatus(p.pipeline, w, at)
	if complaint != "" {
		misuse("AddStatus: %s", complaint)
	}
	return j.id
}
