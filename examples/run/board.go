package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"example.com/gitlabci"
	"example.com/gitlabci/examples/internal/console"
)

const barWidth = 22 // columns of the bar that says when a job ran

// A board shows the jobs of a pipeline as they change: as a table that is drawn again and
// again, or as a line for each change.
type board struct {
	out     io.Writer
	live    *console.Live // nil if each change is a line
	colored bool

	mu       sync.Mutex
	began    time.Time
	pipeline *gitlabci.PipelineInfo // the upstream one, as it was first
	status   gitlabci.Status        // of that pipeline
	rows     []*row
	err      error // the first of out
}

// A row is the newest attempt of a job.
type row struct {
	name string
	job  *gitlabci.JobInfo
}

func newBoard(out io.Writer, plain bool) *board {
	b := &board{out: out, colored: console.WantsColors(out), began: time.Now()}
	if !plain && console.IsTerminal(out) {
		b.live = console.NewLive(out)
	}
	return b
}

// above returns where lines are written that stay above the table, or notes if there is none.
func (b *board) above(notes io.Writer) io.Writer {
	if b.live == nil {
		return notes
	}
	return b.live
}

// event is called for each change.
func (b *board) event(e *gitlabci.PipelineEvent) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.pipeline == nil {
		b.pipeline = e.Pipeline
		b.print(b.above(b.out), "pipeline %d on %s %s", e.Pipeline.ID, console.Printable(e.Pipeline.Ref), e.Pipeline.WebURL)
	}
	name := fmt.Sprintf("pipeline %d", e.Pipeline.ID)
	switch {
	case e.Job != nil:
		name = b.update(e.Pipeline.ID, &e.Job.JobInfo)
	case e.TriggerJob != nil:
		name = b.update(e.Pipeline.ID, &e.TriggerJob.JobInfo)
	case e.Pipeline.ID == b.pipeline.ID:
		b.status = e.Status
	}
	switch {
	case e.Err != nil:
		b.print(b.above(b.out), "%s is not watched: %v", name, e.Err)
	case b.live == nil:
		b.print(b.out, "%s is %s", name, e.Status)
	}
}

func (b *board) print(out io.Writer, format string, args ...any) {
	_, err := fmt.Fprintf(out, format+"\n", args...)
	b.err = cmp.Or(b.err, err)
}

// update puts the state of a job into its row, and returns the name of the row.
func (b *board) update(pipeline gitlabci.PipelineID, job *gitlabci.JobInfo) string {
	name := console.Printable(job.Name)
	if pipeline != b.pipeline.ID {
		name = fmt.Sprintf("%d: %s", pipeline, name)
	}
	i := slices.IndexFunc(b.rows, func(r *row) bool { return r.name == name })
	switch {
	case i < 0:
		b.rows = append(b.rows, &row{name, job})
	case b.rows[i].job.ID <= job.ID:
		b.rows[i].job = job
	}
	return name
}

// end shows how the pipeline ended: for one that was canceled there is no event.
func (b *board) end(result *gitlabci.RunResult) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if result != nil {
		b.status = result.Pipeline.Status
	}
}

// lines returns the table as it is now.
func (b *board) lines() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.pipeline == nil {
		return nil
	}
	_, height := console.Size(b.out)
	rows := b.shown(height - 4) // without the header, the sum and the line of the cursor
	t := console.NewTable(map[int]int{1: 30, 2: 10})
	t.AppendHeader(table.Row{"job", "stage", "status  ", "  took", fmt.Sprintf("%-*s", barWidth, "when")})
	now := b.now()
	for _, r := range rows {
		t.AppendRow(b.line(r, now))
	}
	lines := strings.Split(t.Render(), "\n")
	if more := len(b.rows) - len(rows); more > 0 {
		lines = append(lines, fmt.Sprintf("and %d more", more))
	}
	return append(lines, b.sum())
}

// now is the time by GitLab's clock, which may differ from ours.
func (b *board) now() time.Time {
	now := b.pipeline.CreatedAt.Add(time.Since(b.began))
	for _, r := range b.rows {
		if last := cmp.Or(r.job.FinishedAt, r.job.StartedAt); last.After(now) {
			now = last
		}
	}
	return now
}

// line returns a row of the table.
func (b *board) line(r *row, now time.Time) table.Row {
	status, bar, took := console.StatusText(r.job.Status, b.colored), "", ""
	if began := r.job.StartedAt; !began.IsZero() {
		end := cmp.Or(r.job.FinishedAt, now)
		took = fmt.Sprintf("%6s", max(0, end.Sub(began)).Round(time.Second))
		bar = console.TimeBar(barWidth, b.pipeline.CreatedAt, now, began, end)
		if b.colored {
			bar = console.StatusColor(r.job.Status).Sprint(bar)
		}
	}
	return table.Row{r.name, console.Printable(r.job.Stage), status, took, bar}
}

// sum returns the line below the table.
func (b *board) sum() string {
	ended, failed := 0, ""
	for _, r := range b.rows {
		if r.job.Status.Finished() {
			ended++
		}
		if r.job.Status == gitlabci.StatusFailed {
			failed = "; " + r.name + ": " + cmp.Or(console.Printable(string(r.job.FailureReason)), "failed")
		}
	}
	took := time.Since(b.began).Round(time.Second)
	return fmt.Sprintf("%s after %v: %d of %d jobs ended%s", console.StatusText(b.status, b.colored), took, ended, len(b.rows), failed)
}

// shown returns the rows that there is room for: if not all, the failed and running ones.
func (b *board) shown(most int) []*row {
	if len(b.rows) <= most {
		return b.rows
	}
	rows := slices.Clone(b.rows)
	slices.SortStableFunc(rows, func(x, y *row) int { return cmp.Compare(rank(x.job.Status), rank(y.job.Status)) })
	return rows[:max(0, most-1)]
}

// rank orders the rows of which only some are shown.
func rank(status gitlabci.Status) int {
	switch status {
	case gitlabci.StatusFailed:
		return 0
	case gitlabci.StatusSuccess, gitlabci.StatusCreated, gitlabci.StatusSkipped:
		return 2
	default:
		return 1
	}
}

// explain prints why a pipeline failed, and how it ended.
func (b *board) explain(result *gitlabci.RunResult) error {
	for _, failure := range result.Failed {
		title := console.Printable(failure.Job.Name) + " failed"
		if b.colored {
			title = text.FgRed.Sprint(title)
		}
		b.print(b.out, "\n%s: %s %s", title, failure.Reason, failure.Job.WebURL)
		if failure.Summary.Reason != "" {
			b.print(b.out, "  %s", console.Printable(failure.Summary.Reason))
		}
		for _, line := range failure.Lines {
			b.print(b.out, "    %s", console.Printable(line))
		}
		if failure.Err != nil {
			b.print(b.out, "    the log could not be read: %v", failure.Err)
		}
	}
	took := time.Since(b.began).Round(time.Second)
	b.print(b.out, "\npipeline %d: %s after %v", result.Pipeline.ID, console.StatusText(result.Pipeline.Status, b.colored), took)
	return b.err
}
