package main

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"example.com/gitlabci"
)

// noon is when the pipelines of these tests were created.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func at(second int) time.Time { return noon.Add(time.Duration(second) * time.Second) }

// job is a job that waited, ran and ended in these seconds after noon. One that did not
// start, or did not end, has -1.
func job(id gitlabci.JobID, stage, name string, status gitlabci.Status, waited, started, ended int) *gitlabci.Job {
	j := &gitlabci.Job{JobInfo: gitlabci.JobInfo{ID: id, Stage: stage, Name: name, Status: status, CreatedAt: noon}}
	if started >= 0 {
		j.StartedAt = at(started)
	}
	if ended >= 0 {
		j.FinishedAt, j.Duration = at(ended), gitlabci.Seconds(ended-started)
	}
	j.QueuedDuration = gitlabci.Seconds(waited)
	return j
}

func tree(id gitlabci.PipelineID, jobs ...*gitlabci.Job) *gitlabci.PipelineTree {
	return &gitlabci.PipelineTree{Pipeline: &gitlabci.Pipeline{PipelineInfo: gitlabci.PipelineInfo{ID: id, CreatedAt: noon}}, Jobs: jobs}
}

// starts makes a tree one below a trigger job.
func starts(up *gitlabci.PipelineTree, trigger *gitlabci.Job, below *gitlabci.PipelineTree) *gitlabci.PipelineTree {
	below.Trigger = &gitlabci.TriggerJob{JobInfo: trigger.JobInfo, DownstreamPipeline: &below.Pipeline.PipelineInfo}
	up.TriggerJobs = append(up.TriggerJobs, below.Trigger)
	up.Downstream = append(up.Downstream, below)
	return up
}

// sketch draws a group in letters: a line for each job, with its bars in seconds.
func (g *group) sketch(indent string) string {
	var text strings.Builder
	for _, s := range g.Stages {
		for _, r := range s.Rows {
			fmt.Fprintf(&text, "%s%s/%s", indent, s.Name, r.Name)
			for _, b := range r.Bars {
				fmt.Fprintf(&text, " %s %v-%v", b.Kind, b.From.Sub(noon).Seconds(), b.To.Sub(noon).Seconds())
			}
			text.WriteString("\n")
			if r.Below != nil {
				text.WriteString(r.Below.sketch(indent + "  "))
			}
		}
	}
	return text.String()
}

func TestChart(t *testing.T) {
	below := tree(2, job(9, "check", "links", "success", 1, 6, 8))
	hidden := tree(3)
	hidden.Err = gitlabci.ErrNotFound
	allowed := job(2, "test", "lint", "failed", 0, 5, 7)
	allowed.AllowFailure = true
	lost := job(3, "test", "lost", "success", 0, 5, -1)
	lost.Duration = 4
	for name, test := range map[string]struct {
		tree    *gitlabci.PipelineTree
		retried []*gitlabci.Job
		want    string
	}{
		"nothing": {tree: tree(1)},
		"stages": {
			tree: tree(1, job(1, "z", "first", "success", 2, 2, 4), job(2, ".post", "end", "success", 0, 9, 10), job(3, "a", "second", "failed", 1, 5, 8), job(4, ".pre", "begin", "success", 0, 0, 1)),
			want: ".pre/begin success 0-1\nz/first waiting 0-2 success 2-4\na/second waiting 4-5 failed 5-8\n.post/end success 9-10\n",
		},
		"a retried job stays in its place": {
			tree:    tree(1, job(2, "test", "race", "success", 0, 5, 6), job(8, "build", "compile", "success", 1, 9, 12)),
			retried: []*gitlabci.Job{job(7, "build", "compile", "canceled", 0, 5, 8), job(1, "build", "compile", "failed", 1, 1, 4)},
			want:    "build/compile waiting 0-1 retried 1-4 retried 5-8 waiting 8-9 success 9-12\ntest/race success 5-6\n",
		},
		"retried after it was read": {
			tree:    tree(1, job(1, "build", "compile", "failed", 0, 1, 4)),
			retried: []*gitlabci.Job{job(2, "build", "compile", "failed", 0, 5, 8)},
			want:    "build/compile failed 1-4\n",
		},
		"in the order of their begin": {
			tree: tree(1, job(1, "test", "skipped", "skipped", 0, -1, -1), job(2, "test", "late", "success", 0, 5, 6), job(3, "test", "early", "success", 2, 5, 6)),
			want: "test/early waiting 3-5 success 5-6\ntest/late success 5-6\ntest/skipped\n",
		},
		"not at an end": {
			tree: tree(1, job(1, "test", "runs", "running", 1, 5, -1), job(2, "test", "pends", "pending", 90, -1, -1), job(3, "test", "waits", "manual", 0, -1, -1)),
			want: "test/runs waiting 4-5 running 5-100\ntest/pends waiting 10-100\ntest/waits\n",
		},
		"ends": {
			tree: tree(1, job(1, "test", "stuck", "failed", 60, -1, 60), allowed, lost, job(4, "test", "stopped", "canceled", 0, 5, 6), job(5, "test", "skewed", "success", 0, 9, 8)),
			want: "test/stuck waiting 0-60\ntest/lint warning 5-7\ntest/lost success 5-9\ntest/stopped canceled 5-6\ntest/skewed success 9-9\n",
		},
		"pipelines below": {
			tree: starts(starts(tree(1, job(1, "test", "unit", "success", 0, 1, 2)), job(2, "test", "child", "success", 0, 3, 9), below), job(3, "test", "secret", "failed", 0, 4, 5), hidden),
			want: "test/unit success 1-2\ntest/child success 3-9\n  check/links waiting 5-6 success 6-8\ntest/secret failed 4-5\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newChart(&reading{At: at(100), Tree: test.tree, Attempts: map[gitlabci.PipelineID][]*gitlabci.Job{1: test.retried}})
			if got := c.Root.sketch(""); got != test.want {
				t.Errorf("it is\n%snot\n%s", got, test.want)
			}
			if !c.To.After(c.From) {
				t.Errorf("it ends at %v", c.To)
			}
		})
	}
	if c := newChart(&reading{Tree: starts(tree(1), job(3, "test", "secret", "failed", 0, 4, 5), hidden)}); !errors.Is(c.Root.Stages[0].Rows[0].Below.Err, gitlabci.ErrNotFound) {
		t.Error("the error of a pipeline that cannot be read is lost")
	}
}

func TestCriticalPath(t *testing.T) {
	build := []*gitlabci.Job{job(1, "build", "fast", "success", 1, 1, 5), job(2, "build", "slow 1/2", "success", 1, 1, 9), job(3, "build", "slow 2/2", "success", 1, 1, 20)}
	below := func() *gitlabci.PipelineTree {
		return tree(2, job(8, "a", "first", "success", 2, 12, 16), job(9, "b", "last", "success", 0, 17, 29))
	}
	unit := job(10, "test", "unit", "success", 2, 22, 30)
	quick := job(11, "test", "quick", "success", 1, 6, 40)
	trigger := job(12, "test", "child", "success", 0, 10, 30)
	for name, test := range map[string]struct {
		tree    *gitlabci.PipelineTree
		retried []*gitlabci.Job
		needs   needs
		want    string
	}{
		"nothing ran":                      {tree: tree(1, job(1, "test", "unit", "manual", 0, -1, -1)), want: "0s"},
		"by stages":                        {tree: tree(1, append(build, unit)...), want: "slow 2/2, unit: 30s, 27s running, 3s waiting, 0s between"},
		"not what ended after it began":    {tree: tree(1, append(build, quick)...), want: "fast, quick: 40s, 38s running, 2s waiting, 0s between"},
		"not what still ran":               {tree: tree(1, build[2], quick), want: "quick: 40s, 34s running, 1s waiting, 5s between"},
		"by needs":                         {tree: tree(1, append(build, unit)...), needs: needs{"unit": {"fast"}}, want: "fast, unit: 30s, 12s running, 3s waiting, 15s between"},
		"by needs of parallel jobs":        {tree: tree(1, append(build, unit)...), needs: needs{"unit": {"fast", "slow"}}, want: "slow 2/2, unit: 30s, 27s running, 3s waiting, 0s between"},
		"by needs of one of them":          {tree: tree(1, append(build, unit)...), needs: needs{"unit": {"fast", "slow 1/2"}}, want: "slow 1/2, unit: 30s, 16s running, 3s waiting, 11s between"},
		"it needs nothing":                 {tree: tree(1, append(build, unit)...), needs: needs{"unit": {}}, want: "unit: 30s, 8s running, 2s waiting, 20s between"},
		"the others have needs":            {tree: tree(1, append(build, unit)...), needs: needs{"fast": {}}, want: "slow 2/2, unit: 30s, 27s running, 3s waiting, 0s between"},
		"it needs itself":                  {tree: tree(1, unit), needs: needs{"unit": {"unit"}}, want: "unit: 30s, 8s running, 2s waiting, 20s between"},
		"it runs":                          {tree: tree(1, append(build, job(4, "test", "unit", "running", 0, 20, -1))...), want: "slow 2/2, unit: 1m 40s, 1m 39s running, 1s waiting, 0s between"},
		"a trigger job that waits":         {tree: starts(tree(1, build[1]), trigger, below()), want: "slow 1/2, child, first, last: 30s, 24s running, 3s waiting, 3s between"},
		"a trigger job that does not wait": {tree: starts(tree(1, build[1]), job(12, "test", "child", "success", 0, 10, 11), below()), want: "slow 1/2, child: 11s, 9s running, 1s waiting, 1s between"},
		"what was retried after it had begun": {
			tree:    tree(1, job(20, "build", "again", "success", 0, 60, 90), job(5, "test", "unit", "success", 0, 10, 95)),
			retried: []*gitlabci.Job{job(1, "build", "again", "failed", 0, 0, 10)},
			want:    "again, unit: 1m 35s, 1m 35s running, 0s waiting, 0s between",
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newChart(&reading{At: at(100), Tree: test.tree, Attempts: map[gitlabci.PipelineID][]*gitlabci.Job{1: test.retried}, Needs: map[gitlabci.PipelineID]needs{1: test.needs}})
			var names []string
			for _, r := range c.Path.Rows {
				names = append(names, r.Name)
				if !r.Critical {
					t.Errorf("%s is not marked", r.Name)
				}
			}
			got := short(c.Path.Total)
			if names != nil {
				got = fmt.Sprintf("%s: %s, %s running, %s waiting, %s between", strings.Join(names, ", "), got, short(c.Path.Running), short(c.Path.Waiting), short(c.Path.Between))
			}
			if got != test.want {
				t.Errorf("it is\n%s, not\n%s", got, test.want)
			}
			if c.Path.ByNeeds != (test.needs != nil) {
				t.Error("by needs:", c.Path.ByNeeds)
			}
		})
	}
}

func TestBaseName(t *testing.T) {
	for name, want := range map[string]string{
		"unit 1/3": "unit", "build: [linux, amd64]": "build", "unit": "unit", "unit 1": "unit 1", "a/b": "a/b", "1/2": "1/2", "a b/c": "a b/c", "list []": "list []", ": [x]": ": [x]", "": "",
	} {
		if got := baseName(name); got != want {
			t.Errorf("%q: %q", name, got)
		}
	}
}
