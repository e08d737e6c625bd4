package main

import (
	"fmt"
	"slices"
	"time"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
)

// A step is what is run in every pipeline of the demo.
type step struct {
	name, stage string
	least, most time.Duration
	tags        []string
	optional    bool // may fail
	manual      bool
}

// steps are in the order of their stages.
var steps = []step{
	{name: "build", stage: "build", least: 20 * time.Second, most: 60 * time.Second, tags: []string{"docker", "linux"}},
	{name: "docs", stage: "build", least: 10 * time.Second, most: 20 * time.Second},
	{name: "unit 1/2", stage: "test", least: 20 * time.Second, most: 50 * time.Second, tags: []string{"docker"}},
	{name: "unit 2/2", stage: "test", least: 20 * time.Second, most: 50 * time.Second, tags: []string{"docker"}},
	{name: "integration", stage: "test", least: 40 * time.Second, most: 80 * time.Second, tags: []string{"docker", "large"}},
	{name: "lint", stage: "test", least: 5 * time.Second, most: 15 * time.Second, optional: true},
	{name: "image", stage: "package", least: 15 * time.Second, most: 40 * time.Second, tags: []string{"docker"}},
	{name: "staging", stage: "deploy", least: 10 * time.Second, most: 30 * time.Second},
	{name: "production", stage: "deploy", least: 10 * time.Second, most: 30 * time.Second, manual: true},
}

const (
	pastPipelines = 300
	pastInterval  = 150 * time.Minute
	artifactsKept = 10 * 24 * time.Hour // of artifacts and reports: older ones have vanished
)

// A past is how a pipeline ended: all steps succeeded, except for one.
type past struct {
	status gitlabci.Status
	bad    string // the step that failed or was canceled, or ""
	flaky  string // a step that succeeded when it was tried again, or ""
	reason gitlabci.FailureReason
	ref    string
}

// addHistory adds pipelines that have ended, the newest of main with all there
// is to show.
func (d *demo) addHistory() {
	for i := range pastPipelines {
		last := i == pastPipelines-1
		at := d.now.Add(-pastInterval * time.Duration(pastPipelines-i)).Add(d.between(0, pastInterval/2))
		p, outcome := d.pastPipeline(i), d.outcome()
		if last {
			p, outcome = gitlabcitest.Pipeline{Ref: "main"}, past{status: gitlabci.StatusSuccess}
		}
		p.SHA, p.CreatedAt, p.Username = d.sha(), at, pick(d, developers)
		d.addPast(p, outcome, last || d.chance(10))
	}
}

// pastPipeline is the purpose of a pipeline.
func (d *demo) pastPipeline(i int) gitlabcitest.Pipeline {
	switch draw := d.draws.IntN(100); {
	case draw < 45:
		return gitlabcitest.Pipeline{Ref: "main"}
	case draw < 55:
		return gitlabcitest.Pipeline{Ref: "main", Source: gitlabci.SourceSchedule, Name: "Nightly"}
	case draw < 75:
		return gitlabcitest.Pipeline{Ref: pick(d, branches), Source: pick(d, []gitlabci.Source{gitlabci.SourcePush, gitlabci.SourceWeb})}
	case draw < 92:
		return gitlabcitest.Pipeline{Ref: fmt.Sprintf("refs/merge-requests/%d/head", 1+i/20), Source: gitlabci.SourceMergeRequestEvent}
	case draw < 97:
		return gitlabcitest.Pipeline{Ref: fmt.Sprintf("v1.%d.0", i), Tag: true}
	}
	return gitlabcitest.Pipeline{
		Ref: "main", Source: gitlabci.SourceAPI, Name: "Release candidate",
		Variables: []*gitlabci.Variable{{Key: "TARGET", Value: "staging"}, {Key: "DRY_RUN", Value: "true"}},
	}
}

func (d *demo) outcome() past {
	required := []string{"build", "unit 1/2", "unit 2/2", "integration", "image", "staging"}
	switch draw := d.draws.IntN(100); {
	case draw < 15:
		reason := gitlabci.FailureReasonScriptFailure
		if d.chance(10) {
			reason = gitlabci.FailureReasonRunnerSystemFailure
		}
		return past{status: gitlabci.StatusFailed, bad: pick(d, required), reason: reason}
	case draw < 20:
		return past{status: gitlabci.StatusCanceled, bad: pick(d, required)}
	case draw < 25:
		return past{status: gitlabci.StatusSuccess, bad: "lint", reason: gitlabci.FailureReasonScriptFailure}
	case draw < 35:
		return past{status: gitlabci.StatusSuccess, flaky: pick(d, required)}
	}
	return past{status: gitlabci.StatusSuccess}
}

// addPast adds a pipeline with its jobs, stage after stage, and the two pipelines that it has
// started if it triggers any.
func (d *demo) addPast(p gitlabcitest.Pipeline, outcome past, triggers bool) {
	outcome.ref = p.Ref
	jobs, end := d.pastJobs(p, outcome)
	p.Status, p.StartedAt, p.FinishedAt, p.UpdatedAt = outcome.status, jobs[0].StartedAt, end, end
	p.Coverage = new(float64(70 + d.draws.IntN(30)))
	added := d.srv.AddPipeline(demoProject, p)
	for _, job := range jobs {
		added.AddJob(job)
	}
	if triggers {
		d.addDownstream(added)
	}
}

// addDownstream adds a child pipeline and one in the other project.
func (d *demo) addDownstream(upstream *gitlabcitest.Pipeline) {
	times := gitlabcitest.Pipeline{Username: upstream.Username, CreatedAt: upstream.CreatedAt, UpdatedAt: upstream.UpdatedAt}
	child, other := times, times
	child.Ref, child.Tag, child.SHA, child.Source = upstream.Ref, upstream.Tag, upstream.SHA, gitlabci.SourceParentPipeline
	other.Source = gitlabci.SourcePipeline
	for _, one := range []struct {
		project, name, stage string
		pipeline             gitlabcitest.Pipeline
		again                gitlabcitest.Trigger
	}{
		{demoProject, "windows", "test", child, d.again.child},
		{deployProject, "deployment", "deploy", other, d.again.other},
	} {
		downstream := d.srv.AddPipeline(one.project, one.pipeline)
		for _, job := range one.again.Jobs {
			log := d.log(step{name: job.Name}, one.pipeline.CreatedAt, time.Minute, "")
			downstream.AddJob(gitlabcitest.Job{Name: job.Name, Stage: job.Stage, Log: log, Retries: []gitlabcitest.Script{job.Script}})
		}
		upstream.AddTriggerJob(gitlabcitest.Job{
			Name: one.name, Stage: one.stage, Status: gitlabci.StatusSuccess, Downstream: downstream, Trigger: &one.again,
		})
	}
}

// pastJobs are the jobs of a pipeline, and when the last of them ended.
func (d *demo) pastJobs(p gitlabcitest.Pipeline, outcome past) (jobs []gitlabcitest.Job, end time.Time) {
	begin, end := p.CreatedAt, p.CreatedAt
	for i, s := range steps {
		if i > 0 && s.stage != steps[i-1].stage {
			begin = end
		}
		from := begin
		if s.name == outcome.flaky {
			first := d.pastJob(s, past{status: gitlabci.StatusFailed, bad: s.name, reason: gitlabci.FailureReasonScriptFailure}, from)
			first.Retried, from = true, first.FinishedAt
			jobs = append(jobs, first)
		}
		job := d.pastJob(s, outcome, from)
		if end.Before(job.FinishedAt) {
			end = job.FinishedAt
		}
		jobs = append(jobs, job)
	}
	return jobs, end
}

// pastJob is a job that began at a time, if it ran.
func (d *demo) pastJob(s step, outcome past, begin time.Time) gitlabcitest.Job {
	status, ran := outcome.of(s)
	job := gitlabcitest.Job{Name: s.name, Stage: s.stage, Status: status, AllowFailure: s.optional || s.manual, Tags: s.tags}
	job.Retries = d.again.steps[s.name]
	if s.manual && status != gitlabci.StatusManual {
		job.When = gitlabcitest.WhenManual
	}
	if !ran {
		return job
	}
	takes := d.between(s.least, s.most)
	job.StartedAt = begin.Add(d.between(time.Second, 8*time.Second))
	job.FinishedAt = job.StartedAt.Add(takes)
	if status == gitlabci.StatusFailed {
		job.FailureReason = outcome.reason
	}
	job.Log = d.log(s, job.StartedAt, takes, job.FailureReason)
	job.Coverage = d.coverage(s)
	if job.FinishedAt.Before(d.now.Add(-artifactsKept)) {
		return job
	}
	job.ArtifactsExpireAt = job.FinishedAt.Add(artifactsKept)
	job.Reports = d.reports(s, status == gitlabci.StatusFailed)
	if status == gitlabci.StatusSuccess {
		job.Artifacts = d.artifacts(s, outcome.ref)
	}
	return job
}

// of is the status of a step, and whether it ran at all: those of later stages
// than a bad one did not, unless that was optional.
func (o past) of(s step) (status gitlabci.Status, ran bool) {
	switch late := o.status != gitlabci.StatusSuccess && s.rank() > o.rank(); {
	case late && o.status == gitlabci.StatusCanceled:
		return gitlabci.StatusCanceled, false
	case late:
		return gitlabci.StatusSkipped, false
	case s.name == o.bad && o.status == gitlabci.StatusCanceled:
		return gitlabci.StatusCanceled, true
	case s.name == o.bad:
		return gitlabci.StatusFailed, true
	case s.manual:
		return gitlabci.StatusManual, false
	}
	return gitlabci.StatusSuccess, true
}

// rank is the number of the step's stage.
func (s step) rank() int {
	return slices.Index([]string{"build", "test", "package", "deploy"}, s.stage)
}

// rank is that of the bad step.
func (o past) rank() int {
	return steps[slices.IndexFunc(steps, func(s step) bool { return s.name == o.bad })].rank()
}
