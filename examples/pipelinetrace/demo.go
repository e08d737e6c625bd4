package main

import (
	"fmt"
	"strings"
	"time"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
)

// A demo is a pipeline of a fake GitLab that is over.
type demo struct {
	pipeline *gitlabcitest.Pipeline
	began    time.Time
}

func (d demo) job(stage, name string, at, runs int, status gitlabci.Status) gitlabcitest.Job {
	started := d.began.Add(time.Duration(at) * time.Second)
	return gitlabcitest.Job{
		Stage: stage, Name: name, Status: status, StartedAt: started, Duration: time.Duration(runs) * time.Second,
		Log: demoLog(started, runs, status), Retried: name == "unit" && at < 100,
	}
}

// demoLog is what a runner writes: of the time, it takes 6 seconds to prepare, and 4 to
// fetch the sources.
func demoLog(at time.Time, runs int, status gitlabci.Status) string {
	var log strings.Builder
	section := func(name string, seconds int) {
		fmt.Fprintf(&log, "section_start:%d:%s\r\x1b[0K%s\n", at.Unix(), name, strings.ReplaceAll(name, "_", " "))
		at = at.Add(time.Duration(seconds) * time.Second)
		fmt.Fprintf(&log, "section_end:%d:%s\r\x1b[0K", at.Unix(), name)
	}
	section("prepare_executor", 6)
	section("get_sources", 4)
	section("step_script", runs-10)
	if status == gitlabci.StatusFailed {
		log.WriteString("ERROR: Job failed: exit code 1\n")
	}
	return log.String()
}

const demoPipeline gitlabci.PipelineID = 2101

// fakeGitLab has a pipeline with a retried job and a pipeline in another project.
func fakeGitLab() *gitlabcitest.Server {
	srv := gitlabcitest.NewServer()
	srv.AddProject("group/e2e")
	began := time.Now().Add(-time.Hour).Truncate(time.Second)
	add := func(project string, id gitlabci.PipelineID, after, lasted time.Duration) demo {
		from := began.Add(after)
		return demo{srv.AddPipeline(project, gitlabcitest.Pipeline{ID: id, CreatedAt: from, FinishedAt: from.Add(lasted), Status: gitlabci.StatusSuccess}), from}
	}
	tests := add("group/e2e", 2102, 3*time.Minute, 4*time.Minute)
	tests.pipeline.AddJob(tests.job("browser", "checkout", 10, 225, "success"))
	app := add("group/app", demoPipeline, 0, 7*time.Minute)
	app.pipeline.AddJob(app.job("build", "image", 5, 85, "success"))
	app.pipeline.AddJob(app.job("test", "unit", 95, 35, "failed"))
	app.pipeline.AddJob(app.job("test", "unit", 140, 38, "success"))
	trigger := app.job("test", "end to end", 180, 240, "success")
	trigger.Log, trigger.Downstream = "", tests.pipeline
	app.pipeline.AddTriggerJob(trigger)
	return srv
}
