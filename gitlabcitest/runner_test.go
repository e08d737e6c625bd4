package gitlabcitest_test

import (
	"strconv"
	"sync"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
)

func TestPipelineHandle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := gitlabcitest.NewServer()
		created, err := srv.Client().Pipelines.Create(t.Context(), "group/app", "main", &gitlabci.CreatePipelineOptions{
			Variables: []*gitlabci.Variable{{Key: "A", Value: "1"}},
		})
		require.NoError(t, err)
		p := srv.Pipeline(created.ID)
		require.Equal(t, created.SHA, p.SHA)
		require.Equal(t, []any{created.ID, "main", gitlabci.StatusPending, gitlabci.SourceAPI, "maya"}, []any{p.ID, p.Ref, p.Status, p.Source, p.Username})
		require.Equal(t, []*gitlabci.Variable{{Key: "A", Value: "1", VariableType: gitlabci.VariableTypeEnvVar}}, p.Variables)
		p.AddJob(gitlabcitest.Job{Script: gitlabcitest.Script{Queues: 5 * time.Second, Runs: 10 * time.Second, Coverage: new(7.0)}})
		course{{5, "running: running"}, {15, "success: success"}}.follow(t, srv, p.ID)
		require.Equal(t, gitlabci.StatusPending, p.Status, "the handle is as of then")
		p = srv.Pipeline(created.ID)
		require.Equal(t, gitlabci.StatusSuccess, p.Status)
		require.Equal(t, []any{5 * time.Second, 10 * time.Second, new(7.0)}, []any{p.QueuedDuration, p.Duration, p.Coverage})
		require.True(t, p.FinishedAt.Equal(time.Now()))
	})
	srv := gitlabcitest.NewServer()
	old := srv.AddPipeline("group/app", gitlabcitest.Pipeline{Archived: true})
	require.True(t, srv.Pipeline(old.ID).Archived)
}

// A test may change its arguments afterwards, and the results.
func TestCopies(t *testing.T) {
	srv := gitlabcitest.NewServer()
	coverage, tags := 50.0, []string{"linux"}
	p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{Coverage: &coverage})
	*p.AddJob(gitlabcitest.Job{Tags: tags, Coverage: &coverage}).Coverage = 1
	srv.OnCreate("group/app", gitlabcitest.Pipeline{Coverage: &coverage}, gitlabcitest.Job{Tags: tags, Coverage: &coverage})
	coverage, tags[0] = 0, "windows"
	*srv.Pipeline(p.ID).Coverage = 1
	require.Equal(t, 201, post(t, srv, "/projects/1/pipeline?ref=main").status)
	for _, id := range []string{"101", "102"} {
		o := get(t, srv, "/projects/1/pipelines/"+id).object(t)
		require.Equal(t, "50.00", o["coverage"])
		job := get(t, srv, "/projects/1/pipelines/"+o.id()+"/jobs").list(t)[0]
		require.Equal(t, []any{50.0, []any{"linux"}}, []any{job["coverage"], job["tag_list"]})
	}
}

func TestWithoutScript(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := gitlabcitest.NewServer()
		p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
		p.AddJob(gitlabcitest.Job{Stage: "a", Script: runs(1)})
		b := p.AddJob(gitlabcitest.Job{Stage: "b", When: gitlabcitest.WhenOnSuccess})
		p.AddJob(gitlabcitest.Job{Stage: "c", Status: gitlabci.StatusCreated, Retries: []gitlabcitest.Script{atOnce}})
		course{{1, "pending: success pending created"}, {3600, "pending: success pending created"}}.follow(t, srv, p.ID)
		srv.SetJobStatus(b.ID, gitlabci.StatusRunning)
		srv.SetJobStatus(b.ID, gitlabci.StatusSuccess)
		course{{3600, "created: success success created"}}.follow(t, srv, p.ID)
	})
}

// Each pipeline that a client creates has a run of its own.
func TestOnCreateWithLiveJobs(t *testing.T) {
	type job = gitlabcitest.Job
	synctest.Test(t, func(t *testing.T) {
		srv := gitlabcitest.NewServer()
		srv.OnCreate("group/app", gitlabcitest.Pipeline{Status: gitlabci.StatusFailed},
			job{ID: 1, Name: "build", Stage: "a", Script: gitlabcitest.Script{Runs: 10 * time.Second, Log: "ok\n", Artifacts: fstest.MapFS{"a": {Data: []byte("A")}}}},
			job{ID: 1, Stage: "b", Trigger: &gitlabcitest.Trigger{Depend: true, Jobs: []job{{ID: 1, Script: runs(10)}}}},
			job{ID: 1, Name: "lint", Stage: "b"},
		)
		for i := range 2 {
			created, err := srv.Client().Pipelines.Create(t.Context(), "group/app", "main", nil)
			require.NoError(t, err)
			require.Equal(t, gitlabci.StatusCreated, created.Status)
			require.True(t, created.StartedAt.IsZero())
			require.True(t, created.FinishedAt.IsZero())
			course{{0, "running: running created success"}, {10, "running: success running success"}, {20, "success: success success success"}}.follow(t, srv, created.ID)
			latest := gitlabci.LatestArtifacts{Ref: "main", Job: "build"}
			file, err := srv.Client().Artifacts.OpenFile(t.Context(), "group/app", latest, "a", nil)
			require.NoError(t, err)
			require.NoError(t, file.Close())
			require.EqualValues(t, 101+2*i, created.ID)
		}
		logs := 0
		for j, err := range srv.Client().Jobs.All(t.Context(), "group/app", nil) {
			require.NoError(t, err)
			if j.Name == "build" {
				logs++
				require.Equal(t, 10*time.Second, j.FinishedAt.Sub(j.StartedAt))
				require.Len(t, j.Artifacts, 3)
			}
		}
		require.Equal(t, 2, logs)
	})
}

// Events at the same time happen in the order in which they were begun, and each thing at
// its own time, no matter when it is read.
func TestOrderOfEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := gitlabcitest.NewServer()
		srv.AddProject("group/lib")
		for _, seconds := range []int{30, 10, 20, 10, 10, 10, 10, 10} {
			p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
			p.AddJob(gitlabcitest.Job{Stage: "a", Script: runs(seconds)})
			p.AddJob(gitlabcitest.Job{Stage: "b", Trigger: &gitlabcitest.Trigger{Project: "group/lib", Jobs: []gitlabcitest.Job{{Script: runs(1)}}}})
		}
		time.Sleep(15 * time.Second)
		srv.AddRef("group/lib", gitlabcitest.Ref{Name: "main", SHA: "abcdef"}) // nobody has looked so far
		time.Sleep(time.Hour)
		found := get(t, srv, "/projects/2/pipelines?sort=asc").list(t)
		require.Len(t, found, 8)
		var created []any
		for i, o := range found {
			created = append(created, o["created_at"])
			require.Equal(t, i > 5, o["sha"] == "abcdef", "those before the push have the old head")
		}
		require.Equal(t, []any{clock(10), clock(10), clock(10), clock(10), clock(10), clock(10), clock(20), clock(30)}, created)
		var upstream []int
		for id := range 8 {
			trigger := get(t, srv, "/projects/1/pipelines/"+strconv.Itoa(101+id)+"/trigger_jobs").list(t)[0]
			upstream = append(upstream, int(trigger.in("downstream_pipeline")["id"].(float64)))
		}
		require.Equal(t, []int{116, 109, 115, 110, 111, 112, 113, 114}, upstream)
	})
}

func TestDeletedPipelineDoesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := gitlabcitest.NewServer()
		p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
		p.AddJob(gitlabcitest.Job{ID: 1, Stage: "a", Script: runs(10)})
		p.AddJob(gitlabcitest.Job{ID: 2, Stage: "b", Trigger: &gitlabcitest.Trigger{}})
		other := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
		other.AddJob(gitlabcitest.Job{Script: runs(20)})
		require.Equal(t, 204, send(t, srv, "DELETE", "/projects/1/pipelines/101", "").status)
		course{{19, "running: running"}, {20, "success: success"}}.follow(t, srv, other.ID)
		require.Equal(t, []int{102}, get(t, srv, "/projects/1/pipelines?source=push").ids(t))
		require.Empty(t, get(t, srv, "/projects/1/pipelines?source=parent_pipeline").list(t))
	})
}

// GitLab cancels what it deletes, and the children of that, which stay.
func TestDeletedParentOfChild(t *testing.T) {
	for at, want := range map[int]string{1: "canceled: canceled", 20: "failed: failed"} { // while the child runs, and after that
		synctest.Test(t, func(t *testing.T) {
			srv := gitlabcitest.NewServer()
			p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
			p.AddJob(gitlabcitest.Job{ID: 1, Stage: "a", Trigger: &gitlabcitest.Trigger{Depend: true, Jobs: []gitlabcitest.Job{
				{Script: fails(10), Retries: []gitlabcitest.Script{runs(10)}},
			}}})
			for i, when := range []gitlabcitest.When{gitlabcitest.WhenOnSuccess, gitlabcitest.WhenOnFailure} {
				if at == 20 {
					when = gitlabcitest.WhenOnSuccess
				}
				p.AddJob(gitlabcitest.Job{ID: gitlabci.JobID(i + 2), Stage: "b", When: when, Trigger: &gitlabcitest.Trigger{}})
			}
			time.Sleep(time.Duration(at) * time.Second)
			require.Equal(t, 204, send(t, srv, "DELETE", "/projects/1/pipelines/101", "").status)
			course{{0, want}, {20, want}}.follow(t, srv, 102)
			require.Equal(t, 201, post(t, srv, "/projects/1/pipelines/102/retry").status)
			course{{10, "success: success"}, {3600, "success: success"}}.follow(t, srv, 102)
			require.Equal(t, []int{102}, get(t, srv, "/projects/1/pipelines?source=parent_pipeline").ids(t))
		})
	}
}

func TestDeletedPipelineBetween(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := gitlabcitest.NewServer()
		p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
		p.AddJob(gitlabcitest.Job{ID: 1, Trigger: &gitlabcitest.Trigger{Depend: true, Jobs: []gitlabcitest.Job{
			{Trigger: &gitlabcitest.Trigger{Depend: true, Jobs: []gitlabcitest.Job{{Script: fails(10)}}}},
		}}})
		course{{10, "failed: failed"}}.follow(t, srv, p.ID)
		require.Equal(t, 204, send(t, srv, "DELETE", "/projects/1/pipelines/102", "").status)
		post(t, srv, "/projects/1/pipelines/103/retry")
		course{{1, "failed: failed"}, {3600, "failed: failed"}}.follow(t, srv, p.ID)
	})
}

// A trigger job does not wait for ever for what was deleted.
func TestDeletedChild(t *testing.T) {
	for name, child := range map[string]gitlabcitest.Trigger{
		"running":            {Jobs: []gitlabcitest.Job{{Script: runs(10)}}},
		"stops with grace":   {Jobs: []gitlabcitest.Job{{Script: gitlabcitest.Script{Runs: time.Hour, Cancels: time.Minute}}}},
		"manual":             {Jobs: []gitlabcitest.Job{{When: gitlabcitest.WhenManual}}},
		"without jobs":       {Pipeline: gitlabcitest.Pipeline{Status: gitlabci.StatusRunning}},
		"of another project": {Project: "group/lib", Jobs: []gitlabcitest.Job{{Script: runs(10)}}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := gitlabcitest.NewServer()
				srv.AddProject("group/lib")
				p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
				child.Depend = true
				p.AddJob(gitlabcitest.Job{Trigger: &child})
				course{{1, "running: running"}}.follow(t, srv, p.ID)
				owner := "1"
				if child.Project != "" {
					owner = "2"
				}
				require.Equal(t, 204, send(t, srv, "DELETE", "/projects/"+owner+"/pipelines/102", "").status)
				course{{0, "canceled: canceled"}}.follow(t, srv, p.ID)
				require.Nil(t, triggerJob(t, srv)["downstream_pipeline"])
			})
		})
	}
}

func TestScriptMisuse(t *testing.T) {
	type job = gitlabcitest.Job
	srv := gitlabcitest.NewServer()
	p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
	p.AddTriggerJob(job{ID: 2})
	files, reports := fstest.MapFS{}, map[gitlabci.ArtifactType][]byte{"junit": nil}
	tests := map[string]job{
		`two scripts for one job: a Script, and the Status "success" as its end`:   {Status: "success", Script: atOnce},
		`two scripts for one job: a Script, and the Status "skipped" as its end`:   {Status: "skipped", Script: atOnce},
		"two scripts for one job: it has Log, and so has its Script":               {Log: "x", Script: gitlabcitest.Script{Log: "y"}},
		"two scripts for one job: it has Coverage, and so has its Script":          {Coverage: new(1.0), Script: gitlabcitest.Script{Coverage: new(2.0)}},
		"two scripts for one job: it has Artifacts, and so has its Script":         {Artifacts: files, Script: gitlabcitest.Script{Artifacts: files}},
		"two scripts for one job: it has an Archive, and so has its Script":        {Archive: []byte("x"), Script: gitlabcitest.Script{Artifacts: files}},
		"two scripts for one job: it has Reports, and so has its Script":           {Reports: reports, Script: gitlabcitest.Script{Reports: reports}},
		"two scripts for one job: it has ArtifactsExpireAt, and so has its Script": {ArtifactsExpireAt: day(1), Script: gitlabcitest.Script{ArtifactsExpireIn: 1}},
		"a Script with a time of -1s, which is negative":                           {Script: gitlabcitest.Script{Runs: -time.Second}},
		"a Script with a time of -1ns, which is negative":                          {Retries: []gitlabcitest.Script{{LogLag: -1}}},
		`a Script with the Result "skipped", which is not how a job ends that ran`: {Script: gitlabcitest.Script{Result: "skipped"}},
		`a Script with the Result "running", which is not how a job ends that ran`: {Script: gitlabcitest.Script{Result: "running"}},
		"a Script that NeverRuns, and yet says what happens when it does":          {Script: gitlabcitest.Script{NeverRuns: true, Log: "x"}},
		`"never" is not a When`:                                                                                {When: "never"},
		"a StartIn of -1s, which is negative":                                                                  {StartIn: -time.Second},
		"only a delayed job has a StartIn, and this one is manual":                                             {StartIn: time.Second, When: gitlabcitest.WhenManual},
		"trigger jobs have no Script and no Retries; see Trigger":                                              {Trigger: &gitlabcitest.Trigger{}, Script: atOnce},
		"trigger jobs have no Log, Artifacts or Reports":                                                       {Trigger: &gitlabcitest.Trigger{}, Log: "x"},
		`there is no project "group/x"; add it with AddProject`:                                                {Trigger: &gitlabcitest.Trigger{Project: "group/x"}},
		`there is no project "group/y"; add it with AddProject`:                                                {Trigger: &gitlabcitest.Trigger{Jobs: []job{{Trigger: &gitlabcitest.Trigger{Project: "group/y"}}}}},
		"a StartIn of -2s, which is negative":                                                                  {Trigger: &gitlabcitest.Trigger{Jobs: []job{{StartIn: -2 * time.Second}}}},
		`Reports: "trace" is not the type of a report`:                                                         {Script: gitlabcitest.Script{Reports: map[gitlabci.ArtifactType][]byte{"trace": nil}}},
		"Artifacts: out of order":                                                                              {Script: gitlabcitest.Script{Artifacts: brokenFS{}}},
		"two scripts for one job: a Trigger that is to start a pipeline, and a Downstream that it has started": {Trigger: &gitlabcitest.Trigger{}, Downstream: p},
	}
	for sentence, j := range tests {
		t.Run(sentence, func(t *testing.T) {
			if j.Downstream == nil {
				require.PanicsWithValue(t, "gitlabcitest: AddJob: "+sentence, func() { p.AddJob(j) })
				require.PanicsWithValue(t, "gitlabcitest: OnCreate: "+sentence, func() { srv.OnCreate("group/app", gitlabcitest.Pipeline{}, j) })
				return
			}
			require.PanicsWithValue(t, "gitlabcitest: AddTriggerJob: "+sentence, func() { p.AddTriggerJob(j) })
		})
	}
	for sentence, mistake := range map[string]func(){
		"AddTriggerJob: trigger jobs have no Script and no Retries; see Trigger": func() {
			p.AddTriggerJob(job{Retries: []gitlabcitest.Script{atOnce}})
		},
		"Pipeline: there is no pipeline 7":                                   func() { srv.Pipeline(7) },
		"SetJobStatus: there is no job 7":                                    func() { srv.SetJobStatus(7, "running") },
		"FailJob: there is no job 7":                                         func() { srv.FailJob(7, "") },
		"AppendLog: there is no job 7":                                       func() { srv.AppendLog(7, "x") },
		"SetLog: there is no job 7":                                          func() { srv.SetLog(7, "x") },
		"AppendLog: the job 2 is a trigger job, which has no log":            func() { srv.AppendLog(2, "x") },
		"SetLog: the job 2 is a trigger job, which has no log":               func() { srv.SetLog(2, "x") },
		`AddPipeline: there is no project "group/x"; add it with AddProject`: func() { srv.AddPipeline("group/x", gitlabcitest.Pipeline{}) },
	} {
		t.Run(sentence, func(t *testing.T) {
			require.PanicsWithValue(t, "gitlabcitest: "+sentence, mistake)
		})
	}
	require.Len(t, get(t, srv, "/projects/1/pipelines/101/trigger_jobs").list(t), 1, "no lock is left and no job")
	require.Empty(t, get(t, srv, "/projects/1/pipelines/101/jobs").list(t))
}

func TestParallelRunners(t *testing.T) {
	srv := gitlabcitest.NewServer()
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			client, p := srv.Client(), srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
			script := gitlabcitest.Script{Runs: time.Millisecond, Log: "a\nb\nc\n", LogLag: time.Millisecond}
			job := p.AddJob(gitlabcitest.Job{Script: script, Retries: []gitlabcitest.Script{{Queues: time.Hour}}})
			p.AddJob(gitlabcitest.Job{Stage: "later", Trigger: &gitlabcitest.Trigger{Depend: true, Jobs: []gitlabcitest.Job{{Script: script}}}})
			for range 8 {
				log, err := client.Jobs.Log(t.Context(), "group/app", job.ID)
				srv.AppendLog(job.ID, "x\n")
				if err := closed(log, err); err != nil {
					t.Error(err)
				}
				srv.SetLog(job.ID, "y\n")
				srv.Pipeline(p.ID)
			}
			if _, err := client.Pipelines.Cancel(t.Context(), "group/app", p.ID); err != nil {
				t.Error(err)
			}
			if _, err := client.Pipelines.Retry(t.Context(), "group/app", p.ID); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}
