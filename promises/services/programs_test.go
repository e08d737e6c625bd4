package services_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
)

// Five programs that people have written with a second client, and here with this one
// alone.

// exportGroup writes the jobs of the newest pipeline of each project below a group, as an
// exporter of metrics does.
func exportGroup(ctx context.Context, client *gitlabci.Client, group gitlabci.GroupID, w io.Writer) error {
	opts := &gitlabci.ListGroupProjectsOptions{IncludeSubgroups: true, Archived: new(false), Simple: true, OrderBy: gitlabci.ProjectOrderByID, Sort: gitlabci.SortAsc}
	for project, err := range client.Projects.AllInGroup(ctx, group, opts) {
		if err != nil {
			return err
		}
		if project.DefaultBranch == "" {
			continue // it has no commits
		}
		pipeline, err := client.Pipelines.Find(ctx, project.ID, &gitlabci.FindPipelineOptions{Ref: project.DefaultBranch})
		if errors.Is(err, gitlabci.ErrNotFound) || errors.Is(err, gitlabci.ErrForbidden) {
			continue // it has none, or CI is switched off
		}
		if err != nil {
			return err
		}
		counts := map[gitlabci.Status]int{}
		for job, err := range client.Jobs.AllForPipeline(ctx, project.ID, pipeline.ID, nil) {
			if err != nil {
				return err
			}
			counts[job.Status]++
		}
		fmt.Fprintf(w, "jobs{project=%q,pipeline=%q} %v\n", project.PathWithNamespace, pipeline.Status, counts)
	}
	return nil
}

func TestProgramThatExportsAGroup(t *testing.T) {
	t.Parallel()
	srv := gitlabcitest.NewServer()
	for _, path := range []string{"tools/api", "tools/web/app", "tools/empty", "other/app"} {
		srv.AddProject(path)
	}
	for _, path := range []string{"tools/api", "tools/web/app", "other/app"} {
		p := srv.AddPipeline(path, gitlabcitest.Pipeline{Status: gitlabci.StatusFailed})
		p.AddJob(gitlabcitest.Job{Name: "build"})
		p.AddJob(gitlabcitest.Job{Name: "test", Status: gitlabci.StatusFailed})
	}
	var out strings.Builder
	require.NoError(t, exportGroup(t.Context(), srv.Client(), "tools", &out))
	require.Equal(t, `jobs{project="tools/api",pipeline="failed"} map[failed:1 success:1]
jobs{project="tools/web/app",pipeline="failed"} map[failed:1 success:1]
`, out.String())
}

// gate waits for the pipeline of a merge request's present head, and is an error unless it
// succeeds.
func gate(ctx context.Context, client *gitlabci.Client, project gitlabci.ProjectID, mergeRequest int64) error {
	m, err := client.MergeRequests.Get(ctx, project, mergeRequest)
	if err != nil {
		return err
	}
	pipeline, err := client.Pipelines.Find(ctx, project, &gitlabci.FindPipelineOptions{MergeRequest: mergeRequest, Wait: true})
	if err != nil {
		return err
	}
	pipeline, err = client.Pipelines.Wait(ctx, pipeline.ProjectID, pipeline.ID, nil)
	if err != nil {
		return err
	}
	if pipeline.Status == gitlabci.StatusSuccess {
		return nil
	}
	failures, err := client.Pipelines.Failures(ctx, pipeline.ProjectID, pipeline.ID, nil)
	if err != nil {
		return err
	}
	var names []string
	for _, failure := range failures {
		names = append(names, failure.Job.Name)
	}
	return fmt.Errorf("!%d (%s) may not be merged: %s of pipeline %d failed", m.IID, m.Title, strings.Join(names, ", "), pipeline.ID)
}

func TestProgramThatGatesMergeRequests(t *testing.T) {
	t.Parallel()
	for name, kind := range map[string]gitlabcitest.PipelineKind{
		"of the branch": gitlabcitest.PipelineKindBranch, "in a fork": gitlabcitest.PipelineKindDetached, "of merged results": gitlabcitest.PipelineKindMergedResults,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := gitlabcitest.NewServer()
				srv.AddProject("someone/app")
				m := gitlabcitest.MergeRequest{Source: "change", Title: "Paint it"}
				if name == "in a fork" {
					m.Fork = "someone/app"
				}
				change := srv.AddMergeRequest("group/app", m)
				old := change.AddPipeline(kind, gitlabcitest.Pipeline{})
				old.AddJob(gitlabcitest.Job{Name: "test"})
				time.Sleep(time.Second)
				change.Push("")
				go func() { // GitLab makes the pipeline of the push a moment later
					time.Sleep(20 * time.Second)
					p := change.AddPipeline(kind, gitlabcitest.Pipeline{})
					p.AddJob(gitlabcitest.Job{Name: "test", Script: gitlabcitest.Script{Runs: time.Minute, Result: gitlabci.StatusFailed}})
				}()
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				err := gate(ctx, srv.Client(), "group/app", change.IID)
				require.ErrorContains(t, err, "!1 (Paint it) may not be merged: test of pipeline")
			})
		})
	}
}

// release waits for the pipeline of a tag, and downloads what it built.
func release(ctx context.Context, client *gitlabci.Client, project gitlabci.ProjectID, tag, file string) (notes string, err error) {
	t, err := client.Tags.Get(ctx, project, tag)
	if err != nil {
		return "", err
	}
	pipeline, err := client.Pipelines.Find(ctx, project, &gitlabci.FindPipelineOptions{Ref: "refs/tags/" + tag, Wait: true})
	if err != nil {
		return "", err
	}
	if pipeline, err = client.Pipelines.Wait(ctx, project, pipeline.ID, nil); err != nil {
		return "", err
	}
	if pipeline.Status != gitlabci.StatusSuccess {
		return "", fmt.Errorf("%s: %s", pipeline.WebURL, pipeline.Status)
	}
	job, err := client.Jobs.FindByName(ctx, project, pipeline.ID, "build")
	if err != nil {
		return "", err
	}
	return t.Message, client.Artifacts.Save(ctx, project, job.ID, file, nil)
}

func TestProgramThatReleasesATag(t *testing.T) {
	t.Parallel()
	srv := gitlabcitest.NewServer()
	srv.AddRef("group/app", gitlabcitest.Ref{Name: "v1.4.2"}) // a branch of that name
	srv.AddPipeline("group/app", gitlabcitest.Pipeline{Ref: "v1.4.2", Status: gitlabci.StatusFailed})
	p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{Ref: "v1.4.2", Tag: true})
	p.AddJob(gitlabcitest.Job{Name: "build", Artifacts: fstest.MapFS{"app": {Data: []byte("a program")}}})
	file := filepath.Join(t.TempDir(), "app.zip")

	_, err := release(t.Context(), srv.Client(), "group/app", "v1.4.2", file)
	require.NoError(t, err)
	archive, err := os.Stat(file)
	require.NoError(t, err)
	require.Positive(t, archive.Size())
	_, err = release(t.Context(), srv.Client(), "group/app", "v1.4.3", file)
	require.ErrorIs(t, err, gitlabci.ErrNotFound)
}

// A nightly is a schedule that a program keeps as it should be.
type nightly struct {
	project gitlabci.ProjectID
	config  string
	secret  string // of the environment "staging"
}

// apply checks the configuration, sets the variable of one scope, keeps one schedule, and
// runs it now.
func (n nightly) apply(ctx context.Context, client *gitlabci.Client) (*gitlabci.Pipeline, error) {
	checked, err := client.Lint.Validate(ctx, n.project, n.config, nil)
	if err != nil {
		return nil, err
	}
	if !checked.Valid {
		return nil, fmt.Errorf("the configuration is wrong: %s", strings.Join(checked.Errors, "; "))
	}
	variable := &gitlabci.CIVariable{Key: "DEPLOY_KEY", Value: n.secret, Masked: true, EnvironmentScope: "staging"}
	if _, err := client.Variables.Set(ctx, n.project, variable); err != nil {
		return nil, err
	}
	schedule, err := n.schedule(ctx, client)
	if err != nil {
		return nil, err
	}
	played, err := client.Schedules.Play(ctx, n.project, schedule)
	if err != nil {
		return nil, err
	}
	return client.Pipelines.Wait(ctx, n.project, played.ID, nil)
}

func (n nightly) schedule(ctx context.Context, client *gitlabci.Client) (gitlabci.ScheduleID, error) {
	for schedule, err := range client.Schedules.All(ctx, n.project, nil) {
		if err != nil {
			return 0, err
		}
		if schedule.Description == "nightly" {
			return schedule.ID, nil
		}
	}
	made, err := client.Schedules.Create(ctx, n.project, &gitlabci.CreateScheduleOptions{Description: "nightly", Ref: "main", Cron: "0 2 * * *"})
	if err != nil {
		return 0, err
	}
	return made.ID, nil
}

func TestProgramThatManagesANightly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := gitlabcitest.NewServer()
		production := gitlabci.CIVariable{Key: "DEPLOY_KEY", Value: "of production", VariableType: gitlabci.VariableTypeEnvVar, EnvironmentScope: "production"}
		srv.AddVariable(gitlabci.ProjectID("group/app"), production)
		srv.OnLint("group/app", func(l gitlabcitest.Lint) gitlabci.LintResult {
			if strings.Contains(l.Content, "script") {
				return gitlabci.LintResult{Valid: true}
			}
			return gitlabci.LintResult{Errors: []string{"jobs:test config should implement the script keyword"}}
		})
		srv.OnCreate("group/app", gitlabcitest.Pipeline{}, gitlabcitest.Job{Script: gitlabcitest.Script{Runs: time.Minute}})
		n := nightly{project: "group/app", config: "test: {script: [make]}", secret: "eight-or-more"}
		for range 2 { // the second time, it finds what is there
			pipeline, err := n.apply(t.Context(), srv.Client())
			require.NoError(t, err)
			require.Equal(t, gitlabci.SourceSchedule, pipeline.Source)
			time.Sleep(time.Minute)
		}
		require.Contains(t, srv.Variables(gitlabci.ProjectID("group/app")), production)
		require.Len(t, srv.Variables(gitlabci.ProjectID("group/app")), 2)
		n.config = "test: {}"
		_, err := n.apply(t.Context(), srv.Client())
		require.EqualError(t, err, "the configuration is wrong: jobs:test config should implement the script keyword")
	})
}

// deployFromChat starts a pipeline of another project by the token of the job that the bot
// runs in, and returns what to write in the chat.
func deployFromChat(ctx context.Context, client *gitlabci.Client, project gitlabci.ProjectID, command, jobToken string) (string, error) {
	environment, ok := strings.CutPrefix(command, "/deploy ")
	if !ok {
		return "usage: /deploy ENVIRONMENT", nil
	}
	opts := &gitlabci.TriggerPipelineOptions{Variables: []*gitlabci.Variable{{Key: "ENVIRONMENT", Value: environment}}}
	pipeline, err := client.Pipelines.Trigger(ctx, project, "main", jobToken, opts)
	switch {
	case errors.Is(err, gitlabci.ErrOutcomeUnknown):
		return "the deployment may have started; look before you try again", nil
	case errors.Is(err, gitlabci.ErrNotFound):
		return "this bot may not deploy there", nil
	case err != nil:
		return "", err
	}
	return "deploying to " + environment + ": " + pipeline.WebURL, nil
}

func TestProgramThatDeploysFromChat(t *testing.T) {
	t.Parallel()
	srv := gitlabcitest.NewServer()
	srv.AddProject("group/deploy")
	srv.Configure("group/deploy", gitlabcitest.Settings{JobTokensFrom: []string{"group/app"}})
	bot := srv.AddPipeline("group/app", gitlabcitest.Pipeline{}).AddJob(gitlabcitest.Job{Name: "bot", Status: gitlabci.StatusRunning})
	client, err := gitlabci.NewClient(gitlabci.WithBaseURL(gitlabcitest.URL), gitlabci.WithTransport(srv.Transport()))
	require.NoError(t, err)
	say := func(command, token string) string {
		response, err := deployFromChat(t.Context(), client, "group/deploy", command, token)
		require.NoError(t, err)
		return response
	}
	require.Equal(t, "usage: /deploy ENVIRONMENT", say("hello", srv.JobToken(bot.ID)))
	require.Contains(t, say("/deploy staging", srv.JobToken(bot.ID)), "deploying to staging: https://")
	require.Equal(t, "this bot may not deploy there", say("/deploy staging", "glptt-0000000000000000"))
	srv.Fault(gitlabcitest.Fault{Route: "POST /projects/:id/trigger/pipeline", Status: 502, Executed: true, Times: 1})
	require.Contains(t, say("/deploy staging", srv.JobToken(bot.ID)), "look before you try again")
}
