package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"example.com/gitlabci"
	"example.com/gitlabci/examples/internal/console"
	"example.com/gitlabci/examples/internal/junit"
)

const (
	maxCommits = 64 // as many as a history has bits
	maxReport  = 256 << 20
)

// A test is known by its names.
type test struct {
	Suite     string `json:"suite"`
	Classname string `json:"classname,omitzero"`
	Name      string `json:"name"`
}

// A history is how a test ended, by commit: the newest one is the lowest bit.
type history struct {
	test
	Certain  bool     `json:"certain"` // or else suspect
	Failures int      `json:"failures"`
	Runs     int      `json:"runs"`
	Commits  []string `json:"commits,omitzero"` // at which it failed and passed, newest first

	passed, failed uint64
}

// A reader reads test reports, four at a time. It keeps the history of each test, and the
// results of the reports that it is reading.
type reader struct {
	*settings
	client *gitlabci.Client
	notes  *console.Notes

	mu        sync.Mutex
	tests     map[test]*history
	commits   []string // newest first
	pipelines int
	reports   int
	attempts  int // of jobs that were retried, whose reports were read
	gone      int // reports of such attempts that are deleted or hidden
}

// read reads the reports of the pipelines. A report that cannot be read is noted, and the
// others are read nevertheless.
func (r *reader) read(ctx context.Context, bar *console.Bar) error {
	pipelines, err := r.list(ctx)
	if err != nil {
		return err
	}
	var group errgroup.Group
	group.SetLimit(4)
	done, bad := 0, 0
	for _, pipeline := range pipelines {
		group.Go(func() error {
			err := r.pipeline(ctx, pipeline)
			r.mu.Lock()
			defer r.mu.Unlock()
			done++
			bar.Set(int64(done), int64(len(pipelines)))
			if err != nil && ctx.Err() == nil {
				bad++
				r.notes.Print(fmt.Sprintf("pipeline %d: %v", pipeline.ID, err))
			}
			return err
		})
	}
	err = group.Wait()
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil:
		return fmt.Errorf("reports of %d of %d pipelines could not be read", bad, len(pipelines))
	}
	return nil
}

// list returns the newest pipelines whose tests have ended.
func (r *reader) list(ctx context.Context) (found []*gitlabci.PipelineInfo, err error) {
	if r.ref == "" {
		project, err := r.client.Projects.Get(ctx, r.project)
		if err != nil {
			return nil, err
		}
		r.ref = project.DefaultBranch
	}
	for pipeline, err := range r.client.Pipelines.All(ctx, r.project, &gitlabci.ListPipelinesOptions{Ref: r.ref}) {
		if err != nil {
			return nil, err
		}
		if !pipeline.Status.Finished() && pipeline.Status != gitlabci.StatusManual {
			continue
		}
		found = append(found, pipeline)
		if !slices.Contains(r.commits, pipeline.SHA) {
			r.commits = append(r.commits, pipeline.SHA)
		}
		if len(found) == r.settings.pipelines {
			break
		}
	}
	r.pipelines = len(found)
	return found, nil
}

// pipeline reads the report of a pipeline, which is that of the newest attempts of its jobs,
// and then those of attempts that were retried.
func (r *reader) pipeline(ctx context.Context, p *gitlabci.PipelineInfo) error {
	passed := map[test]bool{}
	var failure error // may be of one of many suites
	for c, err := range r.client.Pipelines.TestCases(ctx, r.project, p.ID) {
		if failure = err; err != nil {
			break
		}
		record(passed, test{c.SuiteName, c.Classname, c.Name}, c.Status == gitlabci.TestStatusSuccess, c.Status == gitlabci.TestStatusSkipped)
	}
	if failure == nil || len(passed) > 0 {
		r.add(p.SHA, passed, false)
	}
	newest := map[string]gitlabci.JobID{}
	var jobs []*gitlabci.Job
	for job, err := range r.client.Jobs.AllForPipeline(ctx, r.project, p.ID, &gitlabci.ListPipelineJobsOptions{IncludeRetried: true}) {
		if err != nil {
			return errors.Join(failure, err)
		}
		newest[job.Name] = max(newest[job.Name], job.ID)
		isReport := func(a gitlabci.JobArtifact) bool { return a.FileType == gitlabci.ArtifactTypeJUnit }
		if slices.ContainsFunc(job.Artifacts, isReport) {
			jobs = append(jobs, job)
		}
	}
	for _, job := range jobs {
		if job.ID < newest[job.Name] {
			failure = errors.Join(failure, r.attempt(ctx, p.SHA, job))
		}
	}
	return failure
}

// record records how a test ended. If a report has several tests of one name, a failure counts.
func record(passed map[test]bool, t test, ok, skipped bool) {
	if before, known := passed[t]; !skipped {
		passed[t] = ok && (before || !known)
	}
}

var parallel = regexp.MustCompile(`[\s:]+\d+[\s:/\\]+\d+\s*$`)

// attempt reads the report of an attempt, which GitLab's reports of pipelines leave out.
func (r *reader) attempt(ctx context.Context, sha string, job *gitlabci.Job) error {
	file, err := r.client.Artifacts.Open(ctx, r.project, job.ID, &gitlabci.OpenOptions{FileType: gitlabci.ArtifactTypeJUnit, Gunzip: true})
	if errors.Is(err, gitlabci.ErrNotFound) || errors.Is(err, gitlabci.ErrForbidden) || errors.Is(err, errors.ErrUnsupported) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.gone++
		return nil
	}
	if err != nil {
		return err
	}
	defer file.Close() // only reads
	suite := cmp.Or(parallel.ReplaceAllString(job.Name, ""), job.Name)
	passed := map[test]bool{}
	for c, err := range junit.Read(io.LimitReader(file, maxReport)) {
		if err != nil {
			return fmt.Errorf("the report of job %d: %w", job.ID, err)
		}
		record(passed, test{suite, c.Classname, cmp.Or(c.Name, "(No name)")}, c.Passed(), c.Skipped != nil)
	}
	r.add(sha, passed, true)
	return nil
}

// add adds a report to the histories.
func (r *reader) add(sha string, passed map[test]bool, retried bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.reports++; retried {
		r.attempts++
	}
	commit := uint64(1) << slices.Index(r.commits, sha)
	for t, ok := range passed {
		h := r.tests[t]
		if h == nil {
			h = &history{test: t}
			r.tests[t] = h
		}
		if h.Runs++; ok {
			h.passed |= commit
		} else {
			h.failed |= commit
			h.Failures++
		}
	}
}
