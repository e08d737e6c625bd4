package main

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"
	"unicode"

	"example.com/gitlabci"
)

const (
	mostRows = 20 // of the table, since what has left the screen cannot be drawn again
	width    = 79 // of a row, since one that wraps takes two
)

// A board shows the jobs of a pipeline as they change: a table that is drawn
// again and again, or a line for each change.
type board struct {
	out     io.Writer
	live    bool // whether it is a table
	colours bool

	pipeline gitlabci.PipelineID // the upstream one
	status   gitlabci.Status     // its
	rows     []*row
	notes    []string // below the table
	drawn    int      // lines of the table on the screen
}

// A row is the newest attempt of a job.
type row struct {
	name string
	job  *gitlabci.JobInfo
}

func newBoard(out io.Writer, plain bool) *board {
	live := !plain && isTerminal(out)
	return &board{out: out, live: live, colours: live && os.Getenv("NO_COLOR") == ""}
}

func isTerminal(out io.Writer) bool {
	file, ok := out.(*os.File)
	if !ok || os.Getenv("TERM") == "dumb" {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// event is told what changes.
func (b *board) event(e *gitlabci.PipelineEvent) {
	if b.pipeline == 0 {
		b.pipeline = e.Pipeline.ID
		fmt.Fprintf(b.out, "pipeline %d on %s %s\n", e.Pipeline.ID, printable(e.Pipeline.Ref), e.Pipeline.WebURL)
	}
	name := fmt.Sprintf("pipeline %d", e.Pipeline.ID)
	switch {
	case e.Job != nil:
		name = b.take(e.Pipeline.ID, &e.Job.JobInfo)
	case e.TriggerJob != nil:
		name = b.take(e.Pipeline.ID, &e.TriggerJob.JobInfo)
	case e.Pipeline.ID == b.pipeline:
		b.status = e.Status
	}
	line := fmt.Sprintf("%s is %s", name, e.Status)
	if e.Err != nil {
		line = fmt.Sprintf("%s is not watched: %v", name, e.Err)
		b.notes = append(b.notes, cut(line))
	}
	if b.live {
		b.draw()
		return
	}
	fmt.Fprintln(b.out, line)
}

// take makes a job one of the rows, and returns its name there.
func (b *board) take(pipeline gitlabci.PipelineID, job *gitlabci.JobInfo) string {
	name := printable(job.Name)
	if pipeline != b.pipeline {
		name += fmt.Sprintf(" (pipeline %d)", pipeline)
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

// draw draws the table over the one before.
func (b *board) draw() {
	lines := []string{fmt.Sprintf("pipeline %d: %s", b.pipeline, b.status)}
	for _, r := range b.shown() {
		lines = append(lines, b.line(r))
	}
	if more := len(b.rows) - mostRows; more > 0 {
		lines = append(lines, fmt.Sprintf("  and %d more", more))
	}
	lines = append(lines, b.notes...)
	var text strings.Builder
	if b.drawn > 0 {
		fmt.Fprintf(&text, "\x1b[%dA", b.drawn)
	}
	for _, line := range lines {
		text.WriteString("\x1b[2K" + line + "\n")
	}
	b.drawn = len(lines)
	io.WriteString(b.out, text.String())
}

// shown are the rows there is room for: if not all, those that matter most.
func (b *board) shown() []*row {
	if len(b.rows) <= mostRows {
		return b.rows
	}
	rows := slices.Clone(b.rows)
	slices.SortStableFunc(rows, func(x, y *row) int { return cmp.Compare(rank(x.job.Status), rank(y.job.Status)) })
	return rows[:mostRows]
}

// rank is how much a status matters, from 0.
func rank(status gitlabci.Status) int {
	switch status {
	case gitlabci.StatusFailed:
		return 0
	case gitlabci.StatusSuccess:
		return 2
	case gitlabci.StatusCreated, gitlabci.StatusSkipped:
		return 3
	default:
		return 1
	}
}

func (b *board) line(r *row) string {
	took := ""
	if d := r.job.Duration.Duration(); d > 0 {
		took = d.Round(time.Second).String()
	}
	line := cut(fmt.Sprintf("%-10s %8s  %s", r.job.Status, took, r.name))
	if colour := colourOf(r.job.Status); b.colours && colour != "" {
		return "\x1b[" + colour + "m" + line + "\x1b[0m"
	}
	return line
}

// cut leaves of a line what fits the screen.
func cut(line string) string {
	text := []rune(printable(line))
	return string(text[:min(len(text), width)])
}

func colourOf(status gitlabci.Status) string {
	switch status {
	case gitlabci.StatusSuccess:
		return "32"
	case gitlabci.StatusFailed:
		return "31"
	case gitlabci.StatusRunning:
		return "36"
	case gitlabci.StatusManual, gitlabci.StatusCanceled, gitlabci.StatusCanceling:
		return "33"
	default:
		return ""
	}
}

// printable is text that a terminal only shows.
func printable(text string) string {
	return strings.Map(func(c rune) rune {
		if unicode.IsControl(c) && c != '\t' {
			return ' '
		}
		return c
	}, text)
}
