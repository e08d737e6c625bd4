package main

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/internal/testkit"
	"example.com/gitlabci/internal/testkit/light"
)

func TestMain(m *testing.M) { light.SeldomCollected(m) }

// A buffer may be written and read at the same time.
type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// A command is one that runs.
type command struct {
	said   map[string]string // on standard output
	stderr buffer
	client *gitlabci.Client
	stop   func() error
}

// start runs the command on free ports until the test ends, or stop.
func start(t *testing.T, args ...string) *command {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	c := &command{said: map[string]string{}}
	out, in := io.Pipe()
	done := make(chan error, 1)
	go func() {
		done <- run(ctx, append([]string{"-addr", "127.0.0.1:0"}, args...), in, &c.stderr)
		in.Close()
	}()
	c.stop = sync.OnceValue(func() error {
		cancel()
		return <-done
	})
	t.Cleanup(func() { require.NoError(t, c.stop()) })
	text := make([]byte, 4096)
	n, err := out.Read(text)
	require.NoError(t, err)
	for line := range strings.Lines(string(text[:n])) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		c.said[name] = value
	}
	c.client, err = gitlabci.NewClient(gitlabci.WithBaseURL(c.said["GITLAB_URL"]), gitlabci.WithToken(c.said["GITLAB_TOKEN"]))
	require.NoError(t, err)
	return c
}

func TestServesTheDemo(t *testing.T) {
	c := start(t)
	ctx, project := t.Context(), gitlabci.ProjectID(c.said["GITLAB_PROJECT"])
	require.Equal(t, "fake-token", c.said["GITLAB_TOKEN"])
	require.NotContains(t, c.said, "STORAGE_URL")

	statuses := map[gitlabci.Status]int{}
	for pipeline, err := range c.client.Pipelines.All(ctx, project, nil) {
		require.NoError(t, err)
		statuses[pipeline.Status]++
		require.True(t, strings.HasPrefix(pipeline.WebURL, c.said["GITLAB_URL"]+"/"), "it knows its address")
	}
	for _, status := range []gitlabci.Status{gitlabci.StatusSuccess, gitlabci.StatusFailed, gitlabci.StatusCanceled} {
		require.Greater(t, statuses[status], 5, status)
	}
	kinds := map[gitlabci.Status]int{}
	for job, err := range c.client.Jobs.All(ctx, project, nil) {
		require.NoError(t, err)
		kinds[job.Status]++
	}
	for _, status := range []gitlabci.Status{gitlabci.StatusSuccess, gitlabci.StatusFailed, gitlabci.StatusCanceled, gitlabci.StatusSkipped, gitlabci.StatusManual} {
		require.Greater(t, kinds[status], 10, status)
	}
	require.Greater(t, kinds[gitlabci.StatusSuccess], 1000)

	newest, err := c.client.Pipelines.Latest(ctx, project, "")
	require.NoError(t, err)
	require.Equal(t, gitlabci.StatusSuccess, newest.Status)
	report, err := c.client.Pipelines.TestReport(ctx, project, newest.ID)
	require.NoError(t, err)
	require.Len(t, report.TestSuites, 2, "the parallel jobs are one")
	require.Greater(t, report.SuccessCount, 20)
	bridges, err := c.client.Jobs.ListTriggerJobs(ctx, project, newest.ID, nil)
	require.NoError(t, err)
	require.Equal(t, "group/deploy", downstreamProject(t, c, bridges.Items[0]))
	require.Equal(t, "group/app", downstreamProject(t, c, bridges.Items[1]))
	requireScheduleAndVariable(t, c)
	require.NoError(t, c.stop())
}

func requireScheduleAndVariable(t *testing.T, c *command) {
	t.Helper()
	schedules, err := c.client.Schedules.List(t.Context(), demoProject, nil)
	require.NoError(t, err)
	require.Len(t, schedules.Items, 1)
	require.Equal(t, "Nightly", schedules.Items[0].Description)
	require.True(t, schedules.Items[0].Active)
	require.True(t, schedules.Items[0].NextRunAt.After(time.Now().Add(10*time.Hour)))
	variables, err := c.client.Variables.List(t.Context(), gitlabci.ProjectID(demoProject), nil)
	require.NoError(t, err)
	require.Len(t, variables.Items, 1)
	require.Equal(t, "production", variables.Items[0].EnvironmentScope)
}

// downstreamProject is the path of the project that a trigger job's pipeline is in.
func downstreamProject(t *testing.T, c *command, bridge *gitlabci.TriggerJob) string {
	t.Helper()
	require.NotNil(t, bridge.DownstreamPipeline)
	return map[gitlabci.ProjectID]string{"1": "group/app", "2": "group/deploy"}[bridge.DownstreamPipeline.ProjectID]
}

func TestLogsAndArtifacts(t *testing.T) {
	testkit.NotUnderRace(t)
	for name, args := range map[string][]string{"on disk": nil, "in a storage": {"-storage", "127.0.0.1:0"}} {
		t.Run(name, func(t *testing.T) {
			c := start(t, args...)
			latest := gitlabci.LatestArtifacts{Ref: "main", Job: "build"}
			var archive bytes.Buffer
			_, err := c.client.Artifacts.Download(t.Context(), demoProject, latest, &archive, nil)
			require.NoError(t, err)
			unpacked, err := zip.NewReader(bytes.NewReader(archive.Bytes()), int64(archive.Len()))
			require.NoError(t, err)
			require.True(t, slices.ContainsFunc(unpacked.File, func(f *zip.File) bool { return f.Name == "bin/app" }))
			if len(args) > 0 {
				require.NotEmpty(t, c.said["STORAGE_URL"])
				require.NotEqual(t, c.said["GITLAB_URL"], c.said["STORAGE_URL"])
				require.Contains(t, c.stderr.String(), " GET /ci-artifacts/1/")
				require.Contains(t, c.stderr.String(), "X-Amz-Signature=FILTERED")
				require.Contains(t, c.stderr.String(), "/download?job=build 302 ")
			}

			page, err := c.client.Jobs.List(t.Context(), demoProject, &gitlabci.ListJobsOptions{Scope: []gitlabci.Status{gitlabci.StatusFailed}})
			require.NoError(t, err)
			log, err := c.client.Jobs.Log(t.Context(), demoProject, page.Items[0].ID)
			require.NoError(t, err)
			defer log.Close()
			text, err := io.ReadAll(log)
			require.NoError(t, err)
			require.Regexp(t, "^\x1b\\[0K\x1b\\[0;1mRunning with gitlab-runner", string(text))
			require.Contains(t, string(text), "section_start:")
			require.Contains(t, string(text), "ERROR: Job failed")

			built, err := c.client.Jobs.Latest(t.Context(), demoProject, "main", "build", nil)
			require.NoError(t, err)
			output, err := c.client.Jobs.Log(t.Context(), demoProject, built.ID)
			require.NoError(t, err)
			defer output.Close()
			text, err = io.ReadAll(output)
			require.NoError(t, err)
			require.Contains(t, string(text), "[100%] build: ")
			require.NotRegexp(t, `\[10[1-9]%\]|\[1[1-9]\d%\]`, string(text))
		})
	}
}

// A created pipeline runs, with time a thousand times as fast.
func TestCreatedPipelinesRun(t *testing.T) {
	c := start(t, "-speed", "1000")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	pipeline, err := c.client.Pipelines.Create(ctx, demoProject, "main", nil)
	require.NoError(t, err)
	for !pipeline.Status.Finished() {
		pipeline, err = c.client.Pipelines.Get(ctx, demoProject, pipeline.ID)
		require.NoError(t, err)
	}
	require.Equal(t, gitlabci.StatusSuccess, pipeline.Status)
	require.Greater(t, pipeline.Duration.Duration(), time.Minute, "of its own time")
	jobs, err := c.client.Jobs.ListForPipeline(ctx, demoProject, pipeline.ID, &gitlabci.ListPipelineJobsOptions{Scope: []gitlabci.Status{gitlabci.StatusManual}})
	require.NoError(t, err)
	require.Equal(t, "production", jobs.Items[0].Name)
	bridges, err := c.client.Jobs.ListTriggerJobs(ctx, demoProject, pipeline.ID, nil)
	require.NoError(t, err)
	require.Len(t, bridges.Items, 2)
}

// often is for a clock that is a thousand times as fast.
var often = &gitlabci.WatchOptions{MinInterval: 10 * time.Millisecond, MaxInterval: 10 * time.Millisecond}

// requireSuccess waits for a job.
func requireSuccess(ctx context.Context, t *testing.T, c *command, job *gitlabci.Job) {
	t.Helper()
	job, err := c.client.Jobs.Wait(ctx, job.Pipeline.ProjectID, job.ID, often)
	require.NoError(t, err)
	require.Equal(t, gitlabci.StatusSuccess, job.Status)
}

// What clients retry or play of the history runs: a manual job, the trigger jobs with what they
// have started, and a pipeline with jobs that were skipped.
func TestTheHistoryRunsAgain(t *testing.T) {
	c := start(t, "-speed", "1000")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	newest, err := c.client.Pipelines.Latest(ctx, demoProject, "")
	require.NoError(t, err)
	production, err := c.client.Jobs.FindByName(ctx, demoProject, newest.ID, "production")
	require.NoError(t, err)
	played, err := c.client.Jobs.Play(ctx, demoProject, production.ID, nil)
	require.NoError(t, err)
	requireSuccess(ctx, t, c, played)
	then, err := c.client.Pipelines.Wait(ctx, demoProject, newest.ID, often)
	require.NoError(t, err)
	require.Equal(t, gitlabci.StatusSuccess, then.Status)
	require.Greater(t, then.Duration, newest.Duration, "of the job that was played, too")
	require.Less(t, then.Duration.Duration(), newest.Duration.Duration()+time.Minute)
	retryTriggers(ctx, t, c, newest.ID)
	retryFailed(ctx, t, c)
}

func retryTriggers(ctx context.Context, t *testing.T, c *command, id gitlabci.PipelineID) {
	t.Helper()
	triggers, err := c.client.Jobs.ListTriggerJobs(ctx, demoProject, id, nil)
	require.NoError(t, err)
	started := map[gitlabci.PipelineID]bool{}
	for _, trigger := range triggers.Items {
		below := trigger.DownstreamPipeline
		started[below.ID] = true
		jobs, err := c.client.Jobs.ListForPipeline(ctx, below.ProjectID, below.ID, nil)
		require.NoError(t, err)
		again, err := c.client.Jobs.Retry(ctx, below.ProjectID, jobs.Items[0].ID, nil)
		require.NoError(t, err)
		requireSuccess(ctx, t, c, again)
		_, err = c.client.Jobs.Retry(ctx, demoProject, trigger.ID, nil)
		require.NoError(t, err)
	}
	pipeline, err := c.client.Pipelines.Wait(ctx, demoProject, id, often)
	require.NoError(t, err)
	require.Equal(t, gitlabci.StatusSuccess, pipeline.Status)
	again, err := c.client.Jobs.ListTriggerJobs(ctx, demoProject, id, nil)
	require.NoError(t, err)
	require.Len(t, again.Items, 2)
	for _, trigger := range again.Items {
		require.Equal(t, gitlabci.StatusSuccess, trigger.Status)
		require.NotContains(t, started, trigger.DownstreamPipeline.ID)
	}
}

func retryFailed(ctx context.Context, t *testing.T, c *command) {
	t.Helper()
	failed, err := c.client.Pipelines.List(ctx, demoProject, &gitlabci.ListPipelinesOptions{Status: gitlabci.StatusFailed})
	require.NoError(t, err)
	id := failed.Items[0].ID
	production, err := c.client.Jobs.FindByName(ctx, demoProject, id, "production")
	require.NoError(t, err)
	require.Equal(t, gitlabci.StatusSkipped, production.Status)
	_, err = c.client.Pipelines.Retry(ctx, demoProject, id)
	require.NoError(t, err)
	pipeline, err := c.client.Pipelines.Wait(ctx, demoProject, id, often)
	require.NoError(t, err)
	require.Equal(t, gitlabci.StatusSuccess, pipeline.Status)
	production, err = c.client.Jobs.FindByName(ctx, demoProject, id, "production")
	require.NoError(t, err)
	require.Equal(t, gitlabci.StatusManual, production.Status)
}

func TestTheSameSeed(t *testing.T) {
	testkit.NotUnderRace(t)
	shape := func(args ...string) (lines []string) {
		c := start(t, args...)
		for pipeline, err := range c.client.Pipelines.All(t.Context(), demoProject, nil) {
			require.NoError(t, err)
			if pipeline.ID <= 300 {
				lines = append(lines, fmt.Sprint(pipeline.ID, pipeline.Ref, pipeline.SHA, pipeline.Status))
			}
		}
		return lines
	}
	first := shape()
	require.Equal(t, first, shape("-seed", "1"))
	require.NotEqual(t, first, shape("-seed", "2"))
}

func TestTokens(t *testing.T) {
	c := start(t, "-token", "s3cret/word")
	require.Equal(t, "s3cret/word", c.said["GITLAB_TOKEN"])
	for path, want := range map[string]int{
		"projects/1/jobs?private_token=s3cret%2Fword&per_page=3": 200,
		"projects/1/jobs?private_token=fake-token":               401,
		"projects/1/jobs?x=s3cret/word":                          401,
		"absent/s3cret/word":                                     404,
		"absent/s3cret%2Fword":                                   404,
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.said["GITLAB_URL"]+"/api/v4/"+path, nil)
		require.NoError(t, err)
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, want, resp.StatusCode, path)
	}
	require.NoError(t, c.stop(), "all is logged then")
	log := c.stderr.String()
	require.NotContains(t, log, "s3cret")
	require.NotContains(t, log, "fake-token")
	require.Regexp(t, `(?m)^\d\d:\d\d:\d\d GET /api/v4/projects/1/jobs\?per_page=3&private_token=FILTERED 200 [\d.]+[µm]?s$`, log)
	require.Contains(t, log, "?x=FILTERED 401 ")
	require.Equal(t, 2, strings.Count(log, "/api/v4/absent/FILTERED 404 "))
	require.Len(t, regexp.MustCompile(`(?m) 404 [\d.]+[µm]?s unknown to the fake$`).FindAllString(log, -1), 2)
	require.Equal(t, 2, strings.Count(log, "unknown to the fake"))
}

func TestAnOlderRelease(t *testing.T) {
	testkit.NotUnderRace(t)
	c := start(t, "-version", "11.0")
	page, err := c.client.Pipelines.List(t.Context(), demoProject, nil)
	require.NoError(t, err)
	require.Zero(t, page.Items[0].IID)
}

func TestHelp(t *testing.T) {
	var stdout, stderr buffer
	require.NoError(t, run(t.Context(), []string{"-h"}, &stdout, &stderr))
	for _, want := range []string{"-addr", "-token", "-seed", "-speed", "-storage", "-version", "-hook", "-hook-token", "-hook-signing-token", "curl -L", "\tgroup/app ", "\tgroup/deploy ", "unknown to the fake"} {
		require.Contains(t, stdout.String(), want)
	}
	require.Equal(t, 3, strings.Count(stdout.String(), "\tcurl "))
	require.Empty(t, stderr.String())
}

func TestBadFlags(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	for want, args := range map[string][]string{
		"flag provided but not defined: -nope (see -h)":  {"-nope"},
		`"serve" is not a flag (see -h)`:                 {"serve"},
		"the -token is empty (see -h)":                   {"-token", " "},
		"a token of a hook needs a -hook (see -h)":       {"-hook-token", "x"},
		"GitLab refuses it: Invalid url given (see -h)":  {"-hook", "nowhere"},
		"with a key of 32 bytes":                         {"-hook", "https://bot.example.com/", "-hook-signing-token", "x"},
		"not a number (see -h)":                          {"-speed", "fast"},
		"WithSpeed: 0 is not above 0 and at most 1000":   {"-speed", "0"},
		"WithVersion: 99.0 is newer than 19.5":           {"-version", "99.0"},
		"address already in use":                         {"-addr", taken.Addr().String()},
		"listen tcp " + taken.Addr().String() + ": bind": {"-addr", "127.0.0.1:0", "-storage", taken.Addr().String()},
	} {
		var stdout, stderr buffer
		require.ErrorContains(t, run(t.Context(), args, &stdout, &stderr), want)
		require.Empty(t, stdout.String())
	}
}

// What a client starts is delivered to a hook, with its tokens.
func TestDeliversToAHook(t *testing.T) {
	const token, signing = "correct horse", "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
	received := make(chan *http.Request, 1000)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { received <- r }))
	defer receiver.Close()
	c := start(t, "-hook", receiver.URL+"/hook", "-hook-token", token, "-hook-signing-token", signing, "-speed", "500")
	_, err := c.client.Pipelines.Create(t.Context(), "group/app", "main", nil)
	require.NoError(t, err)
	events := map[string]bool{}
	for len(events) < 2 {
		r := <-received
		events[r.Header.Get("X-Gitlab-Event")] = true
		require.Equal(t, "/hook", r.URL.Path)
		require.Equal(t, token, r.Header.Get("X-Gitlab-Token"))
		require.Regexp(t, `^v1,[A-Za-z0-9+/]{43}=$`, r.Header.Get("Webhook-Signature"))
		require.Equal(t, c.said["GITLAB_URL"], r.Header.Get("X-Gitlab-Instance"))
	}
	require.Equal(t, map[string]bool{"Job Hook": true, "Pipeline Hook": true}, events)
	require.NoError(t, c.stop())
}
