package main

import (
	"fmt"
	"math/rand/v2"
	"time"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
)

const (
	demoProject   = "group/app"
	deployProject = "group/deploy"
)

// A demo generates the data of the server.
type demo struct {
	srv   *gitlabcitest.Server
	draws *rand.Rand
	now   time.Time
	again again
}

// again is how the jobs of the history run when someone retries or plays them. They share that.
type again struct {
	steps        map[string][]gitlabcitest.Script
	child, other gitlabcitest.Trigger
}

// addDemo gives a server its token and the demo's projects, people, pipelines, schedule and
// variable.
func addDemo(srv *gitlabcitest.Server, s *settings) {
	if s.token != srv.Token() {
		srv.AddToken(gitlabcitest.Token{Value: s.token, Scopes: []string{"api", "sudo"}})
		srv.RevokeToken(srv.Token())
	}
	d := &demo{srv: srv, draws: rand.New(rand.NewPCG(s.seed, 0)), now: time.Now()}
	d.again = drawAgain(d, s.seed)
	srv.AddProject(deployProject)
	for _, username := range developers {
		srv.AddUser(gitlabcitest.User{Username: username})
		srv.AddMember(demoProject, username, gitlabcitest.RoleDeveloper)
		srv.AddMember(deployProject, username, gitlabcitest.RoleDeveloper)
	}
	srv.AddRef(demoProject, gitlabcitest.Ref{Name: "main", Protected: true})
	d.addHistory()
	for _, branch := range branches {
		d.addRunning(branch)
	}
	srv.OnCreate(demoProject, gitlabcitest.Pipeline{}, d.scripted()...)
	srv.OnCreate(deployProject, gitlabcitest.Pipeline{}, d.rollout())
	far := d.now.Add(12 * time.Hour).UTC() // so that programs see the same pipelines at any time of the day
	srv.AddSchedule(demoProject, gitlabcitest.Schedule{Description: "Nightly", Cron: fmt.Sprintf("0 %d * * *", far.Hour())})
	srv.AddVariable(gitlabci.ProjectID(demoProject), gitlabci.CIVariable{
		Key: "DEPLOY_URL", Value: "https://app.example.com", EnvironmentScope: "production", Description: "where production is",
	})
	if s.hook.URL != "" {
		srv.AddHook(demoProject, s.hook)
		srv.AddHook(deployProject, s.hook)
	}
}

var (
	developers = []string{"noor", "ravi", "elif"}
	branches   = []string{"feature/login", "feature/search", "fix/cache"}
)

// addRunning adds a pipeline that runs by the clock.
func (d *demo) addRunning(branch string) {
	pipeline := d.srv.AddPipeline(demoProject, gitlabcitest.Pipeline{Ref: branch, Username: pick(d, developers)})
	for _, job := range d.scripted() {
		pipeline.AddJob(job)
	}
}

// scripted are the jobs of a pipeline that runs, as it does on main.
func (d *demo) scripted() (jobs []gitlabcitest.Job) {
	for _, s := range steps {
		job := gitlabcitest.Job{Name: s.name, Stage: s.stage, Tags: s.tags, AllowFailure: s.optional || s.manual, Script: d.script(s)}
		if s.manual {
			job.When, job.Environment = gitlabcitest.WhenManual, s.name
		}
		jobs = append(jobs, job)
	}
	child, other := d.triggers()
	return append(jobs,
		gitlabcitest.Job{Name: "windows", Stage: "test", Trigger: &child},
		gitlabcitest.Job{Name: "deployment", Stage: "deploy", Trigger: &other},
	)
}

// triggers are the child pipeline that a pipeline starts, and the one in the other project.
func (d *demo) triggers() (child, other gitlabcitest.Trigger) {
	child = gitlabcitest.Trigger{Jobs: []gitlabcitest.Job{d.short("build windows"), d.short("unit windows")}, Depend: true}
	other = gitlabcitest.Trigger{Project: deployProject, Jobs: []gitlabcitest.Job{d.rollout()}}
	return child, other
}

// script is how a step runs.
func (d *demo) script(s step) gitlabcitest.Script {
	takes := d.between(s.least, s.most)
	return gitlabcitest.Script{
		Queues:    d.between(time.Second, 5*time.Second),
		Runs:      takes,
		Cancels:   2 * time.Second,
		Log:       d.log(s, d.now, takes, ""),
		Artifacts: d.artifacts(s, "main"),
		Reports:   d.reports(s, false),
		Coverage:  d.coverage(s),
	}
}

// drawAgain draws how the history runs again. The draws are its own, so that the history does
// not depend on them.
func drawAgain(d *demo, seed uint64) again {
	drawn := &demo{draws: rand.New(rand.NewPCG(seed, 1)), now: d.now}
	a := again{steps: map[string][]gitlabcitest.Script{}}
	for _, s := range steps {
		a.steps[s.name] = []gitlabcitest.Script{drawn.script(s)}
	}
	a.child, a.other = drawn.triggers()
	return a
}

// short is a job of a pipeline that another one starts.
func (d *demo) short(name string) gitlabcitest.Job {
	takes := d.between(10*time.Second, 30*time.Second)
	log := d.log(step{name: name}, d.now, takes, "")
	return gitlabcitest.Job{Name: name, Stage: "build", Script: gitlabcitest.Script{Queues: time.Second, Runs: takes, Log: log}}
}

func (d *demo) rollout() gitlabcitest.Job { return d.short("rollout") }

func (d *demo) between(least, most time.Duration) time.Duration {
	return least + time.Duration(d.draws.Int64N(int64(most-least)+1)).Round(time.Millisecond)
}

// chance is true in a percentage of cases.
func (d *demo) chance(percent int) bool { return d.draws.IntN(100) < percent }

func pick[T any](d *demo, from []T) T { return from[d.draws.IntN(len(from))] }

func (d *demo) sha() string {
	return fmt.Sprintf("%016x%016x%08x", d.draws.Uint64(), d.draws.Uint64(), d.draws.Uint32())
}
