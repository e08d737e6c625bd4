package gitlabci

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"example.com/gitlabci/internal/poll"
)

const (
	// settleTime is how long the unfinished jobs of a finished pipeline are watched while
	// none of them changes.
	settleTime = time.Minute

	// maxUnchanged is how long a 304 is believed. A broken cache sends it forever.
	maxUnchanged = 15 * time.Minute
)

// A watched is a pipeline that is watched, in the state that the events have reported.
type watched struct {
	project  ProjectID
	id       PipelineID
	info     *PipelineInfo // as last read; before that nil, or what a trigger job says
	pages    []listedPage  // of the list of jobs, as last read
	listed   time.Time     // when that list was last read without ETags
	jobs     poll.States[Status]
	triggers map[JobID]*watchedTrigger
	manual   map[JobID]*Job // those that wait for a person

	since    time.Time // when GitLab said that it exists; zero if only the caller says so
	read     bool      // whether anything was read yet
	current  bool      // whether the last poll read it
	gone     bool      // not to be read any further
	bare     bool      // it has finished, and no list had any jobs; perhaps a replica lags
	changed  time.Time // when it last did
	patience poll.Patience
	absence  poll.Absence
	lag      poll.Lag // of responses behind what is known
	stop     func()   // ends that its events wake the watch; nil if they do not
}

// A watchedTrigger is a trigger job of a watched pipeline.
type watchedTrigger struct {
	status     Status
	superseded bool // by a retry: GitLab no longer lists it
	started    bool // whether there is a downstream pipeline
	child      *watched
}

func newWatched(project ProjectID, id PipelineID) *watched {
	return &watched{project: project, id: id, jobs: poll.States[Status]{Common: statuses}}
}

// An observation is what one poll reads of a pipeline.
type observation struct {
	same     bool          // the jobs and the pipeline are as in the last one
	pipeline *PipelineInfo // not newer than the jobs
	jobs     []*Job        // in order, each once
	triggers []*TriggerJob // the same
	pages    []listedPage  // those of the jobs
	listed   time.Time
}

// A listedPage is what is kept of a page of jobs, so that it is sent again only after a
// change.
type listedPage struct {
	cursor, next Cursor
	etag         string // "" if a 304 could hide that another page follows now
}

// outdated reports whether a response is older than what is known, because a
// replica of GitLab's database lags. To believe it would report changes that never
// happened. If responses stay so for longer than replicas lag, they are true.
func (p *watched) outdated(o *observation) bool {
	newest := p.info
	if !o.same {
		newest = o.pipeline
	}
	back := p.read && newest.isBehind(p.info) || p.jobsGoBack(o)
	for _, t := range o.triggers { // a retry below takes these back, so only the time shows it
		back = back || t.Pipeline != nil && t.Pipeline.isBehind(newest)
	}
	return p.lag.Lasts(back)
}

// isBehind reports whether a pipeline was read at an earlier change than another time. An old
// server may not say when it changed.
func (p *PipelineInfo) isBehind(other *PipelineInfo) bool {
	return !p.UpdatedAt.IsZero() && p.UpdatedAt.Before(other.UpdatedAt)
}

// jobsGoBack reports whether a job has a status that no job has after its last one.
func (p *watched) jobsGoBack(o *observation) bool {
	return slices.ContainsFunc(o.jobs, func(job *Job) bool {
		status, known := p.jobs.Last(int64(job.ID))
		return known && goesBack(status, job.Status)
	})
}

// update keeps what a poll has read, and returns the changes: in the order of the jobs' IDs,
// and with the end of the pipeline after theirs.
func (p *watched) update(o *observation) (events []*PipelineEvent) {
	previous := p.info
	if !o.same {
		p.info = o.pipeline.clone()
	}
	events = append(p.updateJobs(o), p.updateTriggers(o.triggers)...)
	if !p.read || previous.Status != p.info.Status {
		event := p.event(&PipelineEvent{Status: p.info.Status})
		if p.read {
			event.Previous = previous.Status
		}
		place := len(events)
		if !p.info.Status.Finished() {
			place = 0
		}
		events = slices.Insert(events, place, event)
	}
	p.read = true
	if len(events) > 0 {
		p.changed = time.Now()
	}
	return events
}

func (p *watched) updateJobs(o *observation) (events []*PipelineEvent) {
	if !o.same {
		p.pages, p.listed = o.pages, o.listed
	}
	if !p.read {
		p.jobs.Grow(len(o.jobs))
	}
	for _, job := range o.jobs {
		p.noteManual(job)
		if status, known := p.jobs.Last(int64(job.ID)); !known || status != job.Status {
			p.jobs.Set(int64(job.ID), job.Status.clone())
			events = append(events, p.event(&PipelineEvent{Job: job, Status: job.Status, Previous: status}))
		}
	}
	return events
}

func (p *watched) updateTriggers(listed []*TriggerJob) (events []*PipelineEvent) {
	for _, known := range p.triggers {
		known.superseded = true
	}
	for _, t := range listed {
		p.noteManual(&Job{JobInfo: t.JobInfo})
		known := p.triggers[t.ID]
		if known == nil || known.status != t.Status {
			event := p.event(&PipelineEvent{TriggerJob: t, Status: t.Status})
			if known != nil {
				event.Previous = known.status
			}
			events = append(events, event)
		}
		if known == nil {
			known = &watchedTrigger{}
			if p.triggers == nil {
				p.triggers = map[JobID]*watchedTrigger{}
			}
			p.triggers[t.ID] = known
		}
		known.status, known.superseded, known.started = t.Status.clone(), false, t.DownstreamPipeline != nil
	}
	return events
}

// event gives an event a copy of the pipeline: it is the caller's.
func (p *watched) event(e *PipelineEvent) *PipelineEvent {
	e.Pipeline = new(*p.info)
	return e
}

// clone returns a copy whose texts share memory with nothing else. The texts of a response
// share blocks of a kilobyte. A caller that keeps one text would keep its whole block.
func (p *PipelineInfo) clone() *PipelineInfo {
	copied := new(*p)
	texts := [...]*string{(*string)(&copied.ProjectID), &copied.SHA, &copied.Ref, (*string)(&copied.Status), (*string)(&copied.Source), &copied.WebURL, &copied.Name}
	var all strings.Builder
	length := 0
	for _, text := range texts {
		length += len(*text)
	}
	all.Grow(length)
	for _, text := range texts {
		begin := all.Len()
		all.WriteString(*text)
		*text = all.String()[begin:]
	}
	return copied
}

// clone returns the status without the memory of a response.
func (s Status) clone() Status {
	if i := slices.Index(statuses, s); i >= 0 {
		return statuses[i]
	}
	return Status(strings.Clone(string(s)))
}

// isBare reports whether no list of the jobs of a finished pipeline had any. That is normal
// if it was skipped.
func (p *watched) isBare() bool {
	for range p.jobs.All() {
		return false
	}
	return p.info.Status.Finished() && p.info.Status != StatusSkipped
}

// isOver reports whether the pipeline is not polled any more.
func (p *watched) isOver() bool {
	if p.gone || !p.read || !p.info.Status.Finished() {
		return p.gone
	}
	return p.atRest() || time.Since(p.changed) >= settleTime
}

// unsubscribe ends that the pipeline's events wake the watch.
func (p *watched) unsubscribe() {
	if p.stop != nil {
		p.stop()
		p.stop = nil
	}
}

// atRest reports whether all jobs have ended, or wait for a person, and have
// started what they start. GitLab computes the status of the pipeline separately, so a
// finished pipeline need not be at rest.
func (p *watched) atRest() bool {
	for _, status := range p.jobs.All() {
		if status.Active() {
			return false
		}
	}
	for _, t := range p.triggers {
		if !t.superseded && (t.status.Active() || t.status == StatusSuccess && !t.started) {
			return false
		}
	}
	return true
}

// unsettled reports whether statuses that changed within the last minute are inconsistent,
// so that another change must follow: GitLab computes the status of a pipeline or of a
// trigger job after those of the jobs, and not every change of them has an event.
func (p *watched) unsettled() bool {
	for _, t := range p.triggers {
		late := t.child != nil && !t.superseded && t.status.Active() && t.child.isOver()
		if late && time.Since(t.child.changed) < settleTime {
			return true
		}
	}
	return time.Since(p.changed) < settleTime && !p.info.Status.Blocked() && p.atRest() != p.info.Status.Finished()
}

// needsPerson reports whether the pipeline continues only if a person does something: it is
// manual, or its trigger jobs wait for a pipeline that needs a person. It is false while a job
// is at work, since the status of the pipeline can be late.
func (p *watched) needsPerson() bool {
	if p.info.Status.Finished() {
		return false
	}
	for _, status := range p.jobs.All() {
		if atWork(status) {
			return false
		}
	}
	waits := false
	for _, t := range p.triggers {
		if t.superseded || !atWork(t.status) {
			continue
		}
		if t.child == nil || t.child.isOver() || !t.child.needsPerson() {
			return false
		}
		waits = true
	}
	return waits || p.info.Status.Blocked()
}

// noteManual keeps a job that waits for a person. It is a copy, since callers get the job.
func (p *watched) noteManual(job *Job) {
	if delete(p.manual, job.ID); !job.Status.Blocked() {
		return
	}
	if p.manual == nil {
		p.manual = map[JobID]*Job{}
	}
	p.manual[job.ID] = new(*job)
}

// toPlay returns the jobs because of which the pipeline is blocked, by ID: the manual
// ones that must not fail, or if there are none all manual ones.
func (p *watched) toPlay() []*Job {
	jobs := slices.SortedFunc(maps.Values(p.manual), func(a, b *Job) int { return cmp.Compare(a.ID, b.ID) })
	optional := func(job *Job) bool { return job.AllowFailure }
	if needed := slices.DeleteFunc(slices.Clone(jobs), optional); len(needed) > 0 {
		return needed
	}
	return jobs
}

// atWork reports whether a job with this status keeps its pipeline from being
// manual: those that have not begun and delayed ones do not.
func atWork(status Status) bool {
	return status.Active() && status != StatusCreated && status != StatusScheduled
}
