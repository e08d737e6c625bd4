package main

import (
	"fmt"
	"time"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
)

const demoLog = "section_start:1767603600:step_script\r\x1b[0K\x1b[36;1mExecuting the script\x1b[0;m\n" +
	"\x1b[32;1m$ go test ./...\x1b[0;m\n" +
	"--- FAIL: TestDivide (0.00s)\n    divide_test.go:12: got 1, want 2\nFAIL\n" +
	"section_end:1767603660:step_script\r\x1b[0K\x1b[31;1mERROR: Job failed: exit code 1\n\x1b[0;m"

const demoJUnit = `<testsuite name="shop"><testcase classname="shop" name="TestAdd" time="0.1"/>` +
	`<testcase classname="shop" name="TestDivide" time="0.4"><failure>divide_test.go:12: got 1, want 2</failure></testcase></testsuite>`

// A demo is a pipeline of a fake GitLab, and when it began.
type demo struct {
	pipeline *gitlabcitest.Pipeline
	began    time.Time
}

// job is a job of the pipeline: how many seconds after its beginning it waits for a
// runner, for how long, and how long it runs.
func (d demo) job(stage, name string, at, waits, runs int, status gitlabci.Status) gitlabcitest.Job {
	seconds := func(n int) time.Duration { return time.Duration(n) * time.Second }
	j := gitlabcitest.Job{Stage: stage, Name: name, Status: status, CreatedAt: d.began.Add(seconds(at))}
	if runs > 0 {
		j.StartedAt = j.CreatedAt.Add(seconds(waits))
		j.Duration = seconds(runs)
	}
	return j
}

// fakeGitLab has a pipeline that failed, with a child and one in another project.
func fakeGitLab() (*gitlabcitest.Server, gitlabci.PipelineID) {
	srv := gitlabcitest.NewServer()
	srv.AddProject("group/e2e")
	began := time.Now().Add(-time.Hour).Truncate(time.Minute)
	add := func(project string, after, lasted time.Duration, p gitlabcitest.Pipeline) demo {
		p.CreatedAt, p.FinishedAt = began.Add(after), began.Add(after+lasted)
		return demo{srv.AddPipeline(project, p), p.CreatedAt}
	}
	docs := add("group/app", 69*time.Second, 190*time.Second, gitlabcitest.Pipeline{Source: gitlabci.SourceParentPipeline})
	docs.pipeline.AddJob(docs.job("check", "links", 0, 5, 40, "success"))
	docs.pipeline.AddJob(docs.job("check", "spelling", 0, 4, 25, "success"))
	docs.pipeline.AddJob(docs.job("publish", "pages", 46, 15, 110, "success"))
	tests := add("group/e2e", 210*time.Second, 400*time.Second, gitlabcitest.Pipeline{Source: gitlabci.SourcePipeline, Status: "failed"})
	for i, runs := range []int{310, 280, 335} {
		status := gitlabci.Status("success")
		if i == 2 {
			status = "failed"
		}
		job := tests.job("browser", fmt.Sprintf("checkout %d/3", i+1), 2, 8+9*i, runs, status)
		job.FailureReason = gitlabci.FailureReasonJobExecutionTimeout
		tests.pipeline.AddJob(job)
	}
	app := add("group/app", 0, 15*time.Minute, gitlabcitest.Pipeline{Name: "Release candidate", Status: "failed"})
	app.fill(docs, tests)
	srv.OnLint("group/app", demoNeeds)
	return srv, app.pipeline.ID
}

// fill adds the jobs of the pipeline that the demo shows.
func (d demo) fill(docs, tests demo) {
	for _, job := range []gitlabcitest.Job{
		d.job("build", "build: [linux, amd64]", 1, 6, 150, "success"),
		d.job("build", "build: [linux, arm64]", 1, 12, 190, "success"),
		d.job("build", "assets", 1, 3, 65, "success"),
		d.job("test", "lint", 1, 14, 48, "failed"),
		d.job("test", "unit 1/3", 158, 5, 130, "failed"),
		d.job("test", "unit 1/3", 300, 4, 140, "failed"),
		d.job("test", "unit 2/3", 158, 21, 125, "success"),
		d.job("test", "unit 3/3", 158, 38, 150, "success"),
		d.job("test", "race", 204, 55, 290, "success"),
		d.job("package", "image", 204, 30, 160, "success"),
		d.job("deploy", "staging", 0, 0, 0, "skipped"),
		d.job("deploy", "production", 0, 0, 0, "manual"),
	} {
		switch {
		case job.Name == "lint":
			job.AllowFailure = true
		case job.Name == "unit 1/3":
			job.Retried = job.Duration < 140*time.Second
			job.Log = demoLog
			job.Reports = map[gitlabci.ArtifactType][]byte{gitlabci.ArtifactTypeJUnit: []byte(demoJUnit)}
		}
		d.pipeline.AddJob(job)
	}
	child, other := d.job("test", "docs", 68, 0, 192, "success"), d.job("test", "end to end", 205, 0, 372, "failed")
	child.Downstream, other.Downstream = docs.pipeline, tests.pipeline
	d.pipeline.AddTriggerJob(child)
	d.pipeline.AddTriggerJob(other)
}

// demoNeeds is what GitLab says about the configuration.
func demoNeeds(gitlabcitest.Lint) gitlabci.LintResult {
	job := func(stage, name string, needs ...string) *gitlabci.LintJob {
		j := &gitlabci.LintJob{Stage: stage, Name: name, Needs: []gitlabci.LintNeed{}}
		for _, need := range needs {
			j.Needs = append(j.Needs, gitlabci.LintNeed{Name: need})
		}
		return j
	}
	const amd, arm = "build: [linux, amd64]", "build: [linux, arm64]"
	return gitlabci.LintResult{Valid: true, Jobs: []*gitlabci.LintJob{
		job("test", "lint"), job("test", "unit 1/3", amd), job("test", "unit 2/3", amd), job("test", "unit 3/3", amd),
		job("test", "race", arm), job("test", "docs", "assets"), job("test", "end to end", arm), job("package", "image", "assets", arm),
	}}
}
