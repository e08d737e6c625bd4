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
	*settings
	cutoff time.Time
	out    io.Writer
	bar    *console.Bar

	recent, newest, running int            // pipelines that are kept, by why
	ofRef                   map[string]int // how many were seen
	chosen                  int

	deleted, gone, failed, inRow int
}

// clean deletes pipelines, or lists them in a dry run, and says how many. It reads the whole
// list before the first deletion, since what is kept depends on what is newer.
func clean(ctx context.Context, client *gitlabci.Client, s *settings, out io.Writer, notes *console.Notes) error {
	c := &cleaning{settings: s, out: out, ofRef: map[string]int{}, cutoff: time.Now().Add(-time.Duration(s.age))}
	c.bar = notes.NewBar("pipelines", progress.UnitsDefault)
	err := c.each(client.Pipelines.DeleteEach(ctx, s.project, c.choose(client.Pipelines.All(ctx, s.project, &s.opts)),
		&gitlabci.EachOptions{Concurrency: s.concurrency, DryRun: !s.delete}))
	took := c.bar.Took()
	c.bar.End()
	if err != nil && c.deleted+c.gone+c.failed == 0 {
		return err
	}
	return errors.Join(c.sum(took), err)
}

// choose yields the pipelines to delete, of a list that begins with the newest.
func (c *cleaning) choose(all iter.Seq2[*gitlabci.PipelineInfo, error]) iter.Seq2[*gitlabci.PipelineInfo, error] {
	return func(yield func(*gitlabci.PipelineInfo, error) bool) {
		seen := int64(0)
		for pipeline, err := range all {
			if err != nil {
				yield(nil, err)
				return
			}
			seen++
			c.bar.Set(seen, 0)
			if c.keeps(pipeline) {
				continue
			}
			c.chosen++
			if !yield(pipeline, nil) {
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
		c.recent++
	case c.ofRef[p.Ref] <= c.keep:
		c.newest++
	case !p.Status.Finished() && p.Status != gitlabci.StatusManual: // which may wait forever
		c.running++
	default:
		return false
	}
	return true
}

// each prints what becomes of each pipeline. Its error says why not all of them were tried,
// or matches errSome.
func (c *cleaning) each(results iter.Seq2[*gitlabci.EachResult, error]) error {
	for result, err := range results {
		if err != nil {
			return err
		}
		if err := c.take(result); err != nil {
			return err
		}
		c.bar.Set(int64(c.deleted+c.gone+c.failed), int64(c.chosen))
	}
	if c.failed > 0 {
		return errSome
	}
	return nil
}

// take counts a result. Its error ends the run.
func (c *cleaning) take(result *gitlabci.EachResult) error {
	word, err, inRow := "deleted", result.Err, c.inRow
	c.inRow = 0
	switch {
	case result.DryRun:
		word = "would delete"
	case errors.Is(err, gitlabci.ErrForbidden), errors.Is(err, gitlabci.ErrUnauthorized):
		return fmt.Errorf("%w; only an owner of the project may delete pipelines", err)
	case errors.Is(err, gitlabci.ErrNotFound):
		c.gone++
		word = "was gone"
	case err != nil:
		c.failed++
		c.inRow = inRow + 1
		word = "failed"
	default:
		c.deleted++
	}
	p := result.Pipeline
	line := fmt.Sprintf("%-12s %10d  %-9s %s  %s", word, p.ID, console.Printable(string(p.Status)), p.UpdatedAt.Format(time.DateOnly), console.Printable(p.Ref))
	if c.inRow > 0 {
		line += fmt.Sprintf("\n  %v", err)
	}
	if printErr := c.bar.Print(c.out, line); printErr != nil || c.inRow < mostFailures {
		return printErr
	}
	return fmt.Errorf("%d deletions failed in a row: %w", mostFailures, err)
}

// sum prints how many pipelines were deleted and kept.
func (c *cleaning) sum(took time.Duration) error {
	kept := fmt.Sprintf("kept: %d changed since %s, %d newest of a ref, %d running", c.recent, c.cutoff.Format(time.DateOnly), c.newest, c.running)
	if !c.delete {
		_, err := fmt.Fprintf(c.out, "%s\ndry run of %v: %d pipelines would be deleted; -delete deletes them\n", kept, took, c.chosen)
		return err
	}
	_, err := fmt.Fprintf(c.out, "%s\n%d of %d pipelines were deleted in %v, %d were gone, %d failed\n", kept, c.deleted, c.chosen, took, c.gone, c.failed)
	return err
}
