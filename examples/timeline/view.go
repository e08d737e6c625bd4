package main

import (
	"cmp"
	"fmt"
	"strings"

	"example.com/gitlabci"
)

// A drawing makes what the template shows of a chart.
type drawing struct {
	chart *chart
	axis  *axis
	rows  []*rowView // all so far
}

// A groupView is a pipeline as it is shown.
type groupView struct {
	*group
	Depth     int
	Elsewhere string // its project, if that is another one than the first pipeline's
	Stages    []*stageView
}

// A stageView is a stage as it is shown.
type stageView struct {
	Name  string
	Depth int
	Jobs  int
	Span  barView // from its first job to its last
	Took  string
	Rows  []*rowView
}

// A rowView is a job as it is shown.
type rowView struct {
	*row
	Depth    int
	Pipeline *gitlabci.Pipeline
	Icon     kind
	Bad      bool // failed, or succeeded only after a retry
	Bars     []barView
	Mark     barView // of the critical path
	Took     string
	Says     []string
	After    string // the job that it waited for longest
	Below    *groupView

	Waited, Ran, Begins, Ends string // in the table
}

// A barView is a bar in percents of the width.
type barView struct {
	Kind     kind
	X, Width float64
}

// Y is where a bar begins in the height of a row, and Height is its own: waiting is thin.
func (b barView) Y() int {
	if b.Kind == waiting {
		return 8
	}
	return 4
}

func (b barView) Height() int { return 22 - 2*b.Y() - 2 }

// deepest is how far pipelines below pipelines are indented.
const deepest = 3

func (g *groupView) Indent() int { return min(g.Depth, deepest) }
func (s *stageView) Indent() int { return min(s.Depth, deepest) }
func (r *rowView) Indent() int   { return min(r.Depth, deepest) }

const thinnest = 0.3 // percents that a bar has at least, so that it can be seen

func (d *drawing) bar(k kind, s span) barView {
	from, to := d.axis.x(s.from), d.axis.x(s.to)
	width := max(to-from, thinnest)
	return barView{k, min(from, 100-width), width}
}

func (d *drawing) group(g *group, depth int) *groupView {
	view := &groupView{group: g, Depth: depth}
	if g.Pipeline.ProjectID != d.chart.Root.Pipeline.ProjectID {
		view.Elsewhere = projectOf(g.Pipeline.WebURL)
	}
	for _, s := range g.Stages {
		view.Stages = append(view.Stages, d.stage(g, s, depth))
	}
	return view
}

func (d *drawing) stage(g *group, s *stage, depth int) *stageView {
	view := &stageView{Name: s.Name, Depth: depth, Jobs: len(s.Rows)}
	var whole span
	for _, r := range s.Rows {
		view.Rows = append(view.Rows, d.row(g, r, depth))
		if len(r.Bars) == 0 {
			continue
		}
		if whole.from.IsZero() || r.begin().Before(whole.from) {
			whole.from = r.begin()
		}
		if r.end().After(whole.to) {
			whole.to = r.end()
		}
	}
	if !whole.from.IsZero() {
		view.Span, view.Took = d.bar("", whole), short(whole.to.Sub(whole.from))
	}
	return view
}

func (d *drawing) row(g *group, r *row, depth int) *rowView {
	view := &rowView{row: r, Depth: depth, Pipeline: g.Pipeline, Icon: iconOf(r.JobInfo), Took: words(string(r.Status))}
	d.rows = append(d.rows, view)
	view.Bad = r.Attempts > 1 || view.Icon == failed || view.Icon == warning || view.Icon == canceled
	for _, b := range r.Bars {
		view.Bars = append(view.Bars, d.bar(b.Kind, span{b.From, b.To}))
	}
	if len(r.Bars) > 0 {
		if last := g.before(r); last != nil {
			view.After = last.Name
		}
		view.Mark = d.bar("", span{r.begin(), r.end()})
		view.Begins, view.Ends = offset(r.begin().Sub(d.chart.From)), offset(r.end().Sub(d.chart.From))
		if last := r.Bars[len(r.Bars)-1]; last.Kind != waiting {
			view.Ran = short(last.To.Sub(last.From))
			view.Took = view.Ran
		}
	}
	view.Waited = short(r.QueuedDuration.Duration())
	d.say(view)
	if r.Below != nil {
		view.Below = d.group(r.Below, depth+1)
	}
	return view
}

// say describes in words what the bars show.
func (d *drawing) say(view *rowView) {
	verdict := words(string(view.Status))
	var below *gitlabci.PipelineInfo
	if view.row.Below != nil {
		below = &view.row.Below.Pipeline.PipelineInfo
	}
	if reason := because(view.FailureReason, below); reason != "" {
		verdict += ": " + reason
	}
	if view.Icon == warning {
		verdict += ", which is allowed"
	}
	view.Says = append(view.Says, verdict)
	attempt := 0
	for _, b := range view.row.Bars {
		took, when := short(b.To.Sub(b.From)), offset(b.From.Sub(d.chart.From))+" to "+offset(b.To.Sub(d.chart.From))
		if b.Kind == waiting {
			view.Says = append(view.Says, fmt.Sprintf("waited %s for a runner, %s", took, when))
			continue
		}
		text := fmt.Sprintf("ran %s, %s", took, when)
		if attempt++; view.Attempts > 1 {
			text = fmt.Sprintf("attempt %d: %s", attempt, text)
		}
		if b.Kind == retried {
			text += ", " + strings.TrimSuffix(words(string(b.Job.Status)+": "+string(b.Job.FailureReason)), ": ")
		}
		view.Says = append(view.Says, text)
	}
	if view.Critical {
		view.Says = append(view.Says, "on the critical path")
	}
}

// because says why a job failed. GitLab has no reason for a trigger job whose pipeline failed.
func because(reason gitlabci.FailureReason, below *gitlabci.PipelineInfo) string {
	if reason == gitlabci.FailureReasonUnknownFailure && below != nil {
		return fmt.Sprintf("pipeline %d is %s", below.ID, words(string(below.Status)))
	}
	return words(string(reason))
}

// iconOf names the icon of a job's status.
func iconOf(job *gitlabci.JobInfo) kind {
	switch job.Status {
	case gitlabci.StatusRunning, gitlabci.StatusCanceling:
		return running
	case gitlabci.StatusSuccess, gitlabci.StatusFailed, gitlabci.StatusCanceled:
		return kindOf(job)
	case gitlabci.StatusSkipped, gitlabci.StatusManual:
		return kind(job.Status)
	default:
		return waiting
	}
}

// A failureView is a job that failed as it is shown.
type failureView struct {
	*gitlabci.JobFailure
	Because, Lines string
}

func newFailureView(f *gitlabci.JobFailure) *failureView {
	var below *gitlabci.PipelineInfo
	if f.TriggerJob != nil {
		below = f.TriggerJob.DownstreamPipeline
	}
	return &failureView{f, because(f.Reason, below), strings.Join(f.Lines[:min(len(f.Lines), mostLines)], "\n")}
}

const longestLine = 200 // letters of what a test printed

// A testView is a test that failed as it is shown.
type testView struct {
	failedTest
	URL, First string
}

func newTestView(t failedTest) *testView {
	view := &testView{failedTest: t}
	if t.Pipeline.WebURL != "" {
		view.URL = t.Pipeline.WebURL + "/test_report"
	}
	text := strings.TrimSpace(cmp.Or(t.SystemOutput, t.StackTrace))
	line, _, _ := strings.Cut(text, "\n")
	view.First = cut(line, longestLine)
	return view
}
