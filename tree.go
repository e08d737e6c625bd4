package gitlabci

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"example.com/gitlabci/internal/pool"
	"example.com/gitlabci/internal/rest"
)

// A PipelineTree is a pipeline, its jobs, and the pipelines that it started, as they were
// while [PipelinesService.Tree] read them. The caller may keep and change it.
//
// Tree sends four requests or more for each pipeline, up to eight at the same time. A running
// pipeline can change meanwhile. Pipelines started by earlier attempts of trigger jobs are
// not in the tree. More than 10,000 pipelines are an error: GitLab allows 1,000 by default.
type PipelineTree struct {
	// Pipeline is never nil. If it could not be read, it has what its trigger
	// job says about it, down to UpdatedAt and WebURL.
	Pipeline *Pipeline

	Trigger     *TriggerJob        // that started it; nil at the root
	Jobs        []*Job             // the newest attempt of each, oldest first
	TriggerJobs []*TriggerJob      // the same
	Tests       *TestReportSummary // nil if it could not be read
	Downstream  []*PipelineTree    // by their trigger jobs, each only once in the tree

	// Err is why Pipeline, Jobs or TriggerJobs could not be read: it matches
	// [ErrForbidden] or [ErrNotFound], and is nil at the root. TestsErr is the
	// same for Tests, at the root too, and can match [ErrUnauthorized]: the
	// tokens of jobs may not read them.
	Err, TestsErr error
}

// Tree returns a pipeline with its jobs and all that it started: child pipelines, pipelines
// in other projects, and what these started in turn.
//
//	GET /projects/:id/pipelines/:pipeline_id
//	GET /projects/:id/pipelines/:pipeline_id/jobs
//	GET /projects/:id/pipelines/:pipeline_id/bridges
//	GET /projects/:id/pipelines/:pipeline_id/test_report_summary
//
// See https://docs.gitlab.com/ci/pipelines/downstream_pipelines/.
// The error matches [ErrNotFound] if the project or the pipeline does not exist, and
// [ErrForbidden] if the project hides its pipelines from the token. A downstream pipeline
// that the token may not read is no error: its place in the tree has one. Any other failure
// is an error.
func (s *PipelinesService) Tree(ctx context.Context, project ProjectID, pipeline PipelineID) (*PipelineTree, error) {
	return readCreated(ctx, s.client, pipeline, func() (*PipelineTree, error) { return s.tree(ctx, project, pipeline) })
}

func (s *PipelinesService) tree(ctx context.Context, project ProjectID, pipeline PipelineID) (*PipelineTree, error) {
	r := &treeReader{service: s, known: map[PipelineID]bool{pipeline: true}}
	root := &treeNode{project: project, tree: &PipelineTree{Pipeline: &Pipeline{PipelineInfo: PipelineInfo{ID: pipeline}}}}
	if err := r.read(ctx, root); err != nil {
		return nil, err
	}
	return root.tree, nil
}

// Pipelines ranges over the pipelines of the tree, depth first and beginning
// with its own.
func (t *PipelineTree) Pipelines() iter.Seq[*PipelineTree] {
	return func(yield func(*PipelineTree) bool) { t.walk(yield) }
}

// walk reports whether to continue.
func (t *PipelineTree) walk(yield func(*PipelineTree) bool) bool {
	if !yield(t) {
		return false
	}
	for _, below := range t.Downstream {
		if !below.walk(yield) {
			return false
		}
	}
	return true
}

// All ranges over the jobs of all pipelines, in the order of
// [PipelineTree.Pipelines]. A job's Pipeline says which one it belongs to.
func (t *PipelineTree) All() iter.Seq[*Job] {
	return func(yield func(*Job) bool) {
		for one := range t.Pipelines() {
			for _, job := range one.Jobs {
				if !yield(job) {
					return
				}
			}
		}
	}
}

// Failed returns the jobs of all pipelines that failed and were not allowed to. They make
// their pipeline fail, and the pipelines above it only if the trigger jobs in between wait
// for their pipelines. For pipelines that could not be started, see
// [PipelineTree.FailedTriggerJobs].
func (t *PipelineTree) Failed() []*Job {
	var failed []*Job
	for job := range t.All() {
		if job.Status == StatusFailed && !job.AllowFailure {
			failed = append(failed, job)
		}
	}
	return failed
}

// FailedTriggerJobs returns the trigger jobs of all pipelines that failed and
// were not allowed to: their FailureReason is why GitLab did not start a
// pipeline, unless there is a DownstreamPipeline, which then failed itself.
func (t *PipelineTree) FailedTriggerJobs() []*TriggerJob {
	var failed []*TriggerJob
	for one := range t.Pipelines() {
		for _, job := range one.TriggerJobs {
			if job.Status == StatusFailed && !job.AllowFailure {
				failed = append(failed, job)
			}
		}
	}
	return failed
}

// Slowest returns at most n jobs, those with the longest Duration, from the
// longest on. Jobs that did not run are not among them.
func (t *PipelineTree) Slowest(n int) []*Job {
	var ran []*Job
	for job := range t.All() {
		if job.Duration > 0 {
			ran = append(ran, job)
		}
	}
	slices.SortStableFunc(ran, func(a, b *Job) int { return cmp.Compare(b.Duration, a.Duration) })
	return slices.Clip(ran[:min(max(n, 0), len(ran))])
}

// TestReportSummary sums the Tests of all pipelines, without those that could
// not be read, and is never nil. Suites of one name in several pipelines stay
// apart. GitLab can count the jobs of child pipelines in the summary of their
// parent: a suite whose jobs were all counted further up is left out.
func (t *PipelineTree) TestReportSummary() *TestReportSummary {
	sum, counted := &TestReportSummary{}, map[JobID]bool{}
	isNew := func(job JobID) bool { return !counted[job] }
	for one := range t.Pipelines() {
		if one.Tests == nil {
			continue
		}
		for _, suite := range one.Tests.TestSuites {
			if len(suite.BuildIDs) > 0 && !slices.ContainsFunc(suite.BuildIDs, isNew) {
				continue
			}
			sum.TestSuites = append(sum.TestSuites, suite)
			sum.Total.add(&suite)
		}
		for _, suite := range one.Tests.TestSuites { // not before, or suites of one job would hide each other
			for _, job := range suite.BuildIDs {
				counted[job] = true
			}
		}
	}
	return sum
}

func (t *TestTotal) add(suite *TestSuiteSummary) {
	t.Time += suite.TotalTime
	t.Count += suite.TotalCount
	t.Success += suite.SuccessCount
	t.Failed += suite.FailedCount
	t.Skipped += suite.SkippedCount
	t.Error += suite.ErrorCount
	t.SuiteError = cmp.Or(t.SuiteError, suite.SuiteError)
}

const (
	treeConcurrency  = 8
	maxTreePipelines = 10_000 // pipelines, beyond what GitLab allows
)

// A treeReader reads a tree, level by level, so that it is the same in whatever
// order the responses arrive.
type treeReader struct {
	service *PipelinesService
	known   map[PipelineID]bool // those in the tree
}

// A treeNode is a pipeline on its way into the tree.
type treeNode struct {
	project ProjectID
	tree    *PipelineTree
	errs    [3]error // of the pipeline, its jobs and its trigger jobs
}

func (r *treeReader) read(ctx context.Context, root *treeNode) error {
	for level := []*treeNode{root}; len(level) > 0; {
		var tasks []func(context.Context) error
		for _, node := range level {
			tasks = append(tasks, r.tasks(node)...)
		}
		if err := runTasks(ctx, tasks); err != nil {
			return err
		}
		var below []*treeNode
		for _, node := range level {
			node.tree.Err = cmp.Or(node.errs[0], node.errs[1], node.errs[2])
			below = append(below, r.below(node)...)
		}
		if len(r.known) > maxTreePipelines {
			return tooManyBelow(root.tree.Pipeline.ID)
		}
		level = below
	}
	return nil
}

// tooManyBelow is the error of a pipeline whose downstream pipelines do not end.
func tooManyBelow(id PipelineID) error {
	return fmt.Errorf("gitlabci: pipeline %d has more than %d pipelines below it", id, maxTreePipelines)
}

// tasks read the parts of a pipeline. Each writes to fields of its own.
func (r *treeReader) tasks(n *treeNode) []func(context.Context) error {
	id, tree, client := n.tree.Pipeline.ID, n.tree, r.service.client
	return []func(context.Context) error{
		func(ctx context.Context) error {
			whole, err := r.service.Get(ctx, n.project, id)
			if err == nil {
				tree.Pipeline = whole
			}
			return n.keepError(0, err)
		},
		func(ctx context.Context) error {
			jobs, err := collect(jobsOf(id), client.Jobs.AllForPipeline(ctx, n.project, id, nil))
			tree.Jobs = sortedByID(jobs, jobID)
			return n.keepError(1, err)
		},
		func(ctx context.Context) error {
			triggers, err := collect(triggerJobsOf(id), client.Jobs.AllTriggerJobs(ctx, n.project, id, nil))
			tree.TriggerJobs = sortedByID(triggers, triggerJobID)
			return n.keepError(2, err)
		},
		func(ctx context.Context) error {
			tests, err := r.service.TestReportSummary(ctx, n.project, id)
			if err == nil || mayNotRead(err) || errors.Is(err, ErrUnauthorized) {
				tree.Tests, tree.TestsErr = tests, err
				return nil
			}
			return err
		},
	}
}

// keepError keeps the error of one part, if the rest of the tree can be read without it.
// Other errors are returned.
func (n *treeNode) keepError(part int, err error) error {
	if n.tree.Trigger == nil || !mayNotRead(err) {
		return err
	}
	n.errs[part] = err
	return nil
}

// mayNotRead reports whether the token may not read something: GitLab says so, or
// that it does not exist.
func mayNotRead(err error) bool { return errors.Is(err, ErrForbidden) || errors.Is(err, ErrNotFound) }

// below adds to a pipeline those that it started, except for those that are in the
// tree already.
func (r *treeReader) below(n *treeNode) (below []*treeNode) {
	for _, trigger := range n.tree.TriggerJobs {
		started := trigger.DownstreamPipeline
		if started == nil || r.known[started.ID] {
			continue
		}
		r.known[started.ID] = true
		tree := &PipelineTree{Pipeline: &Pipeline{PipelineInfo: *started}, Trigger: trigger}
		n.tree.Downstream = append(n.tree.Downstream, tree)
		below = append(below, &treeNode{project: trigger.downstreamProject(n.project), tree: tree})
	}
	return below
}

// downstreamProject is that of the DownstreamPipeline. Old servers do not send it:
// then it is the upstream project, which is right for child pipelines.
func (t *TriggerJob) downstreamProject(upstream ProjectID) ProjectID {
	if t.DownstreamPipeline.ProjectID == "" {
		return upstream
	}
	return t.DownstreamPipeline.ProjectID
}

// runTasks runs tasks, a few at the same time, until one of them fails or the context ends.
// It returns when none is running any more. If the context ends several tasks, the error is
// that of one which had failed before, if there is one.
func runTasks(ctx context.Context, tasks []func(context.Context) error) error {
	errs := make([]error, len(tasks))
	err := pool.Each(ctx, len(tasks), treeConcurrency, func(ctx context.Context, i int) error {
		errs[i] = tasks[i](ctx)
		return errs[i]
	})
	if ctx.Err() != nil && !rest.IsAfter(err) {
		if i := slices.IndexFunc(errs, rest.IsAfter); i >= 0 {
			return errs[i]
		}
	}
	if ended := rest.Ended(ctx); ended != nil && (err == nil || err.Error() == ended.Error()) {
		return rest.Errorf("reading a tree of pipelines: %w", ended)
	}
	return err
}
