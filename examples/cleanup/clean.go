package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"time"

	"github.com/jedib0t/go-pretty/v6/progress"

	"example.com/gitlabci"
	"example.com/gitlabci/examples/internal/console"
)

const mostFailures = 10 // in a row

// A cleaning is one run of the program.
type cleaning struct {
	project      gitlabci.ProjectID
	opts         gitlabci.ListPipelinesOptions
	age          console.Age
	keep         int
	concurrency  int
	delete, demo bool

	cutoff time.Time
	out    io.Writer
	bar    *console.Bar
	seen   int64
	ofRef  map[string]int // pipelines that were seen
	kept   map[string]int // pipelines, by why
	chosen int
	done   map[string]int // pipelines, by the word for their result
	inRow  int            // failures
}

// run deletes pipelines, or lists them in a dry run, and says how many. It reads the whole
// list before the first deletion, since what is kept depends on what is newer.
func (c *cleaning) run(ctx context.Context, client *gitlabci.Client, out io.Writer, notes *console.Notes) error {
	c.out, c.ofRef, c.kept, c.done = out, map[string]int{}, map[string]int{}, map[string]int{}
	c.cutoff = time.Now().Add(-time.Duration(c.age))
	c.bar = notes.NewBar("pipelines", progress.UnitsDefault)
	old := c.choose(client.Pipelines.All(ctx, c.project, &c.opts))
	opts := &gitlabci.EachOptions{Concurrency: c.concurrency, DryRun: !c.delete}
	var ended error
	for result, err := range client.Pipelines.DeleteEach(ctx, c.project, old, opts) {
		if ended = err; err == nil {
			ended = c.count(result)
		}
		if ended != nil {
			break
		}
	}
	c.bar.End()
	switch {
	case len(c.done) == 0 && ended != nil:
		return ended
	case c.done["failed"] > 0 && ended == nil:
		ended = console.WithCode(3, errors.New("some pipelines could not be deleted"))
	}
	return errors.Join(c.sum(), ended)
}

// choose yields the pipelines to delete, of a list that begins with the newest.
func (c *cleaning) choose(all iter.Seq2[*gitlabci.PipelineInfo, error]) iter.Seq2[*gitlabci.PipelineInfo, error] {
	return func(yield func(*gitlabci.PipelineInfo, error) bool) {
		for pipeline, err := range all {
			if err == nil {
				c.seen++
				c.bar.Set(c.seen, 0)
				if c.keeps(pipeline) {
					continue
				}
				c.chosen++
			}
			if !yield(pipeline, err) {
				return
			}
		}
	}
}

// keeps reports whether a pipeline is kept, and counts why.
func (c *cleaning) keeps(p *gitlabci.PipelineInfo) bool {
	c.ofRef[p.Ref]++
	switch {
	case p.UpdatedAt.IsZero() || p.UpdatedAt.After(c.cutoff):
		c.kept["recent"]++
	case c.ofRef[p.Ref] <= c.keep:
		c.kept["newest"]++
	case !p.Status.Finished() && p.Status != gitlabci.StatusManual: // which may wait forever
		c.kept["running"]++
	default:
		return false
	}
	return true
}

// count counts and prints a result. Its error ends the run.
func (c *cleaning) count(result *gitlabci.EachResult) error {
	word := "deleted"
	switch {
	case result.DryRun:
		word = "would delete"
	case errors.Is(result.Err, gitlabci.ErrForbidden), errors.Is(result.Err, gitlabci.ErrUnauthorized):
		return fmt.Errorf("%w; only an owner of the project may delete pipelines", result.Err)
	case errors.Is(result.Err, gitlabci.ErrNotFound):
		word = "was gone"
	case result.Err != nil:
		word = "failed"
	}
	c.done[word]++
	c.bar.Set(int64(c.done["deleted"]+c.done["was gone"]+c.done["failed"]), int64(c.chosen))
	p := result.Pipeline
	line := fmt.Sprintf("%-12s %10d  %-9s %s  %s", word, p.ID, console.Printable(string(p.Status)), p.UpdatedAt.Format(time.DateOnly), console.Printable(p.Ref))
	if c.inRow++; word != "failed" {
		c.inRow = 0
	} else {
		line += fmt.Sprintf("\n  %v", result.Err)
	}
	if err := c.bar.Print(c.out, line); err != nil || c.inRow < mostFailures {
		return err
	}
	return fmt.Errorf("%d deletions failed in a row: %w", mostFailures, result.Err)
}

// sum prints how many pipelines were deleted and kept.
func (c *cleaning) sum() error {
	kept := fmt.Sprintf("kept: %d changed since %s, %d newest of a ref, %d running",
		c.kept["recent"], c.cutoff.Format(time.DateOnly), c.kept["newest"], c.kept["running"])
	done := fmt.Sprintf("dry run of %v: %d pipelines would be deleted; -delete deletes them", c.bar.Took(), c.chosen)
	if c.delete {
		done = fmt.Sprintf("%d of %d pipelines were deleted in %v, %d were gone, %d failed",
			c.done["deleted"], c.chosen, c.bar.Took(), c.done["was gone"], c.done["failed"])
	}
	_, err := fmt.Fprintf(c.out, "%s\n%s\n", kept, done)
	return err
}
