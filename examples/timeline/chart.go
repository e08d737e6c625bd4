package main

import (
	"cmp"
	"slices"
	"time"

	"example.com/gitlabci"
)

// A reading is what GitLab said about a pipeline at a time.
type reading struct {
	At       time.Time
	Tree     *gitlabci.PipelineTree
	Attempts map[gitlabci.PipelineID][]*gitlabci.Job // all attempts of its jobs
	Needs    map[gitlabci.PipelineID]needs           // of the pipelines for which GitLab has them
	NoNeeds  error                                   // why it does not for the first pipeline
	Failures []*gitlabci.JobFailure
	Tests    []failedTest
	NotRead  []error // what is missing in the above
}

// A failedTest is a test that failed, and the pipeline whose report has it.
type failedTest struct {
	*gitlabci.TestCase
	Pipeline *gitlabci.Pipeline
}

// A chart is a pipeline with all that it started, as rows of bars.
type chart struct {
	Root     *group
	From, To time.Time
	Path     path // what the end of Root waited for
	At       time.Time
}

// A group is a pipeline of a chart.
type group struct {
	Pipeline *gitlabci.Pipeline
	Err      error // why not all of it could be read
	Stages   []*stage

	needs needs
}

// A stage is the jobs of one stage, in the order in which they began.
type stage struct {
	Name string
	Rows []*row
}

// A row is a job with all its attempts.
type row struct {
	*gitlabci.JobInfo
	Bars     []bar
	Attempts int
	Below    *group // what it started; nil if nothing
	Critical bool

	first gitlabci.JobID // of its first attempt
	stage int
}

// A bar is a part of a job's time.
type bar struct {
	Kind     kind
	From, To time.Time
	Job      *gitlabci.JobInfo // the attempt
}

// A kind is what a job did in a part of its time, or how that ended.
type kind string

const (
	waiting  kind = "waiting" // for a runner
	retried  kind = "retried" // an attempt that another one superseded
	running  kind = "running"
	success  kind = "success"
	failed   kind = "failed"
	warning  kind = "warning" // failed, and was allowed to
	canceled kind = "canceled"
)

// newChart arranges what GitLab said.
func newChart(r *reading) *chart {
	c := &chart{Root: r.group(r.Tree), At: r.At}
	c.From = c.Root.Pipeline.CreatedAt
	for row := range c.Root.all() {
		for _, b := range row.Bars {
			if c.From.IsZero() || b.From.Before(c.From) {
				c.From = b.From
			}
			if b.To.After(c.To) {
				c.To = b.To
			}
		}
	}
	if !c.To.After(c.From) { // nothing ran
		c.To = c.From.Add(time.Second)
	}
	c.Path = c.Root.path()
	return c
}

// group arranges one pipeline and those below it.
func (r *reading) group(tree *gitlabci.PipelineTree) *group {
	id := tree.Pipeline.ID
	g := &group{Pipeline: tree.Pipeline, Err: tree.Err, needs: r.Needs[id]}
	attempts := map[string][]*gitlabci.JobInfo{}
	for _, job := range r.Attempts[id] {
		attempts[job.Name] = append(attempts[job.Name], &job.JobInfo)
	}
	var rows []*row
	for _, job := range tree.Jobs {
		rows = append(rows, newRow(&job.JobInfo, attempts[job.Name], r.At))
	}
	for _, trigger := range tree.TriggerJobs {
		one := newRow(&trigger.JobInfo, attempts[trigger.Name], r.At)
		for _, below := range tree.Downstream {
			if below.Trigger != nil && below.Trigger.ID == trigger.ID {
				one.Below = r.group(below)
			}
		}
		rows = append(rows, one)
	}
	g.arrange(rows)
	return g
}

// arrange makes stages of rows. GitLab does not say in which order they run, but makes
// the jobs of earlier stages earlier.
func (g *group) arrange(rows []*row) {
	slices.SortStableFunc(rows, func(a, b *row) int {
		return cmp.Or(cmp.Compare(rank(a.Stage), rank(b.Stage)), cmp.Compare(a.first, b.first))
	})
	for _, one := range rows {
		i := slices.IndexFunc(g.Stages, func(s *stage) bool { return s.Name == one.Stage })
		if i < 0 {
			i = len(g.Stages)
			g.Stages = append(g.Stages, &stage{Name: one.Stage})
		}
		one.stage = i
		g.Stages[i].Rows = append(g.Stages[i].Rows, one)
	}
	for _, s := range g.Stages {
		slices.SortStableFunc(s.Rows, func(a, b *row) int {
			if len(a.Bars) == 0 || len(b.Bars) == 0 {
				return cmp.Compare(len(b.Bars), len(a.Bars)) // those that did not begin are last
			}
			return a.Bars[0].From.Compare(b.Bars[0].From)
		})
	}
}

// rank is where GitLab puts a stage.
func rank(stage string) int {
	switch stage {
	case ".pre":
		return -1
	case ".post":
		return 1
	default:
		return 0
	}
}

// newRow makes a row of a job and those of its attempts that were before it.
func newRow(job *gitlabci.JobInfo, attempts []*gitlabci.JobInfo, now time.Time) *row {
	one := &row{JobInfo: job, Attempts: 1, first: job.ID}
	slices.SortFunc(attempts, func(a, b *gitlabci.JobInfo) int { return cmp.Compare(a.ID, b.ID) })
	for _, attempt := range attempts {
		if attempt.ID >= job.ID {
			continue // itself, or retried after the tree was read
		}
		one.Attempts++
		one.first = min(one.first, attempt.ID)
		one.add(attempt, retried, now)
	}
	one.add(job, kindOf(job), now)
	return one
}

// add adds the bars of an attempt.
func (r *row) add(job *gitlabci.JobInfo, k kind, now time.Time) {
	end := job.FinishedAt
	if end.IsZero() {
		end = now
		if job.Status.Finished() {
			end = job.StartedAt.Add(job.Duration.Duration())
		}
	}
	began := cmp.Or(job.StartedAt, end)
	if queued := job.QueuedDuration.Duration(); queued > 0 {
		r.Bars = append(r.Bars, bar{waiting, began.Add(-queued), began, job})
	}
	if !job.StartedAt.IsZero() {
		if end.Before(began) {
			end = began // the clocks of GitLab's machines differ
		}
		r.Bars = append(r.Bars, bar{k, began, end, job})
	}
}

// kindOf is how the newest attempt of a job is shown.
func kindOf(job *gitlabci.JobInfo) kind {
	switch {
	case job.Status == gitlabci.StatusSuccess:
		return success
	case job.Status == gitlabci.StatusFailed && job.AllowFailure:
		return warning
	case job.Status == gitlabci.StatusFailed:
		return failed
	case job.Status.Finished():
		return canceled
	default:
		return running
	}
}

// all ranges over the rows of the group and of those below it.
func (g *group) all() func(yield func(*row) bool) {
	return func(yield func(*row) bool) { g.walk(yield) }
}

func (g *group) walk(yield func(*row) bool) bool {
	for _, s := range g.Stages {
		for _, one := range s.Rows {
			if !yield(one) || one.Below != nil && !one.Below.walk(yield) {
				return false
			}
		}
	}
	return true
}
