package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"golang.org/x/sync/errgroup"

	"example.com/gitlabci"
	"example.com/gitlabci/examples/internal/console"
	"example.com/gitlabci/joblog"
)

// A node becomes a span. Its key is the same whenever the pipeline is read.
type node struct {
	key, name  string
	start, end time.Time
	status     gitlabci.Status // "" of a section
	attributes []attribute.KeyValue
	children   []*node
}

// A reader reads a pipeline.
type reader struct {
	client *gitlabci.Client
	notes  *console.Notes
	bar    *console.Bar
	logs   bool

	host string // of the server: IDs of several must differ
	jobs map[*node]*gitlabci.Job
}

func (r *reader) read(ctx context.Context, project gitlabci.ProjectID, id gitlabci.PipelineID) (*node, error) {
	tree, err := r.client.Pipelines.Tree(ctx, project, id)
	if err != nil {
		return nil, err
	}
	if status := tree.Pipeline.Status; !status.Finished() {
		return nil, fmt.Errorf("pipeline %d is %s: a trace is of one that has finished (see -wait)", id, status)
	}
	if web, err := url.Parse(tree.Pipeline.WebURL); err == nil {
		r.host = web.Host
	}
	r.jobs = map[*node]*gitlabci.Job{}
	root, err := r.pipeline(ctx, tree)
	if err != nil || !r.logs {
		return root, err
	}
	return root, r.readLogs(ctx)
}

// pipeline is a node of a pipeline with its stages, in the order of their first jobs.
func (r *reader) pipeline(ctx context.Context, tree *gitlabci.PipelineTree) (*node, error) {
	p := tree.Pipeline
	n := &node{
		key: fmt.Sprintf("%s pipeline %d", r.host, p.ID), name: fmt.Sprintf("pipeline %d", p.ID), status: p.Status,
		start: first(p.StartedAt, p.CreatedAt), end: first(p.FinishedAt, p.UpdatedAt),
		attributes: []attribute.KeyValue{
			attribute.Int64("cicd.pipeline.run.id", int64(p.ID)),
			attribute.String("cicd.pipeline.name", p.Name),
			attribute.String("cicd.pipeline.run.url.full", p.WebURL),
			attribute.String("vcs.ref.head.name", p.Ref),
			attribute.String("vcs.ref.head.revision", p.SHA),
			attribute.String("gitlab.pipeline.source", string(p.Source)),
		},
	}
	if tree.Err != nil {
		r.notes.Print(fmt.Sprintf("pipeline %d is left out: %v", p.ID, tree.Err))
		return n, nil
	}
	opts := &gitlabci.ListPipelineJobsOptions{IncludeRetried: true}
	for job, err := range r.client.Jobs.AllForPipeline(ctx, p.ProjectID, p.ID, opts) {
		if err != nil {
			return nil, err
		}
		newest := slices.ContainsFunc(tree.Jobs, func(one *gitlabci.Job) bool { return one.ID == job.ID })
		if child := r.job(&job.JobInfo, !newest); !child.start.IsZero() {
			r.jobs[child] = job
			n.add(job.Stage, child)
		}
	}
	for _, job := range tree.TriggerJobs {
		child, err := r.trigger(ctx, job, tree.Downstream)
		if err != nil {
			return nil, err
		}
		if !child.start.IsZero() {
			n.add(job.Stage, child)
		}
	}
	slices.SortStableFunc(n.children, func(a, b *node) int { return a.start.Compare(b.start) })
	return n, nil
}

// job is a node of a job. Its start is zero if the job never ran.
func (r *reader) job(j *gitlabci.JobInfo, retried bool) *node {
	return &node{
		key: fmt.Sprintf("%s job %d", r.host, j.ID), name: j.Name, status: j.Status, start: j.StartedAt, end: first(j.FinishedAt, j.StartedAt),
		attributes: []attribute.KeyValue{
			attribute.Int64("cicd.pipeline.task.run.id", int64(j.ID)),
			attribute.String("cicd.pipeline.task.name", j.Name),
			attribute.String("cicd.pipeline.task.run.url.full", j.WebURL),
			attribute.Float64("gitlab.job.queued_seconds", j.QueuedDuration.Duration().Seconds()),
			attribute.String("gitlab.job.failure_reason", string(j.FailureReason)),
			attribute.Bool("gitlab.job.allow_failure", j.AllowFailure),
			attribute.Bool("gitlab.job.retried", retried),
		},
	}
}

// trigger is a node of a trigger job, with the pipeline that it started.
func (r *reader) trigger(ctx context.Context, j *gitlabci.TriggerJob, downstream []*gitlabci.PipelineTree) (*node, error) {
	n := r.job(&j.JobInfo, false)
	for _, tree := range downstream {
		if tree.Trigger.ID != j.ID {
			continue
		}
		child, err := r.pipeline(ctx, tree)
		if err != nil {
			return nil, err
		}
		n.children = append(n.children, child)
		n.start = first(n.start, j.CreatedAt)
		n.end = first(j.FinishedAt, child.end)
	}
	return n, nil
}

// add adds a job to its stage, which begins with its first job and ends with its last.
func (n *node) add(name string, job *node) {
	i := slices.IndexFunc(n.children, func(stage *node) bool { return stage.name == name })
	if i < 0 {
		i = len(n.children)
		n.children = append(n.children, &node{key: n.key + " stage " + name, name: name, start: job.start})
	}
	stage := n.children[i]
	stage.children = append(stage.children, job)
	slices.SortStableFunc(stage.children, func(a, b *node) int { return a.start.Compare(b.start) })
	stage.start = stage.children[0].start
	if job.end.After(stage.end) {
		stage.end = job.end
	}
}

func first(times ...time.Time) time.Time { return cmp.Or(times...) }

// readLogs adds the sections of all logs, four at a time.
func (r *reader) readLogs(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(4)
	read := make(chan struct{}, len(r.jobs))
	for n, job := range r.jobs {
		group.Go(func() error {
			err := r.sections(ctx, n, job)
			read <- struct{}{}
			r.bar.Set(int64(len(read)), int64(len(r.jobs)))
			if errors.Is(err, gitlabci.ErrForbidden) || errors.Is(err, gitlabci.ErrNotFound) || errors.Is(err, io.ErrUnexpectedEOF) {
				r.notes.Print(fmt.Sprintf("the log of job %d is left out, or its end: %v", job.ID, err))
				return nil
			}
			return err
		})
	}
	return group.Wait()
}

func (r *reader) sections(ctx context.Context, n *node, job *gitlabci.Job) error {
	log, err := r.client.Jobs.Log(ctx, job.Pipeline.ProjectID, job.ID)
	if err != nil {
		return err
	}
	defer log.Close()
	summary, err := joblog.Summarize(log)
	n.nest(summary.Sections)
	if summary.Reason != "" {
		n.attributes = append(n.attributes, attribute.String("gitlab.job.failure", summary.Reason))
	}
	return err
}

// nest adds sections. Names may repeat, so keys count them.
func (n *node) nest(sections []*joblog.SectionSummary) {
	for i, section := range sections {
		child := &node{
			key: fmt.Sprintf("%s section %d", n.key, i), name: section.Name, start: section.Start, end: first(section.End, n.end),
			attributes: []attribute.KeyValue{attribute.String("gitlab.section.header", section.Header)},
		}
		child.nest(section.Sections)
		n.children = append(n.children, child)
	}
}
