package gitlabci

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
)

const (
	treeConcurrency = 8
	largestTree     = 10_000 // pipelines, beyond what GitLab allows
)

// A treeReader reads a tree, level by level, so that it looks the same however
// fast the answers come.
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
		if err := together(ctx, tasks); err != nil {
			return err
		}
		var below []*treeNode
		for _, node := range level {
			node.tree.Err = cmp.Or(node.errs[0], node.errs[1], node.errs[2])
			below = append(below, r.below(node)...)
		}
		if len(r.known) > largestTree {
			return fmt.Errorf("gitlabci: pipeline %d has more than %d pipelines below it", root.tree.Pipeline.ID, largestTree)
		}
		level = below
	}
	return nil
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
			return n.excuse(0, err)
		},
		func(ctx context.Context) error {
			jobs, err := collect(client.Jobs.AllForPipeline(ctx, n.project, id, nil))
			tree.Jobs = inOrder(jobs, jobID)
			return n.excuse(1, err)
		},
		func(ctx context.Context) error {
			triggers, err := collect(client.Jobs.AllTriggerJobs(ctx, n.project, id, nil))
			tree.TriggerJobs = inOrder(triggers, triggerJobID)
			return n.excuse(2, err)
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

// excuse keeps an error that is none of the whole tree's, and returns others.
func (n *treeNode) excuse(part int, err error) error {
	if n.tree.Trigger == nil || !mayNotRead(err) {
		return err
	}
	n.errs[part] = err
	return nil
}

// mayNotRead reports whether it is the token that something cannot be read
// with; GitLab says so, or that there is no such thing.
func mayNotRead(err error) bool { return errors.Is(err, ErrForbidden) || errors.Is(err, ErrNotFound) }

// below gives a pipeline the places of those that it started, but for those
// that have one.
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

// downstreamProject is that of the DownstreamPipeline. Old servers do not tell;
// that of the upstream one it is for child pipelines.
func (t *TriggerJob) downstreamProject(upstream ProjectID) ProjectID {
	if t.DownstreamPipeline.ProjectID == 0 {
		return upstream
	}
	return t.DownstreamPipeline.Project()
}

// together runs tasks, a few at once, until one of them fails or the context
// ends. It returns when none is running any more.
func together(ctx context.Context, tasks []func(context.Context) error) error {
	working, stop := context.WithCancel(ctx)
	defer stop()
	var begun atomic.Int64
	var failed sync.Once
	var failure error
	var workers sync.WaitGroup
	for range min(treeConcurrency, len(tasks)) {
		workers.Go(func() {
			for working.Err() == nil {
				next := int(begun.Add(1)) - 1
				if next >= len(tasks) {
					return
				}
				if err := tasks[next](working); err != nil {
					failed.Do(func() { failure = err })
					stop()
				}
			}
		})
	}
	workers.Wait()
	if failure == nil && ctx.Err() != nil {
		return fmt.Errorf("gitlabci: reading a tree of pipelines: %w", ctx.Err())
	}
	return failure
}
