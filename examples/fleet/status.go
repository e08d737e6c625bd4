package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"example.com/gitlabci/examples/internal/console"
)

// status prints a table of all projects. Its error says whether all of them are exported.
func status(ctx context.Context, _ *settings, q *queue, out io.Writer) error {
	rows, err := q.rows(ctx)
	if err != nil {
		return err
	}
	pause, err := q.pause(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, render(rows, pause, console.WantsColors(out)))
	for _, r := range rows {
		switch r.State {
		case "done":
		case "failed":
			if err == nil {
				err = errFailed
			}
			fmt.Fprintf(out, "%s: %s\n", console.Printable(r.Project), r.Error)
		default:
			err = errUndone
		}
	}
	return err
}

var stateColors = map[string]text.Color{"done": text.FgGreen, "failed": text.FgRed, "working": text.FgCyan, "waiting": text.FgYellow}

// render returns a table of at most 79 columns.
func render(rows []*row, pause time.Duration, colored bool) string {
	t := console.NewTable(map[int]int{1: 36, 4: 20})
	t.AppendHeader(table.Row{"project", "state", "jobs", "worker", "claims"})
	jobs := 0
	for _, r := range rows {
		state := r.State
		if colored {
			state = stateColors[state].Sprint(state)
		}
		t.AppendRow(table.Row{console.Printable(r.Project), state, r.Jobs, console.Printable(r.Worker), r.Claims})
		jobs += r.Jobs
	}
	sum := fmt.Sprintf("\n%d projects, %d jobs", len(rows), jobs)
	if pause > 0 {
		sum += fmt.Sprintf("; GitLab has asked for a pause, %v are left", pause.Round(100*time.Millisecond))
	}
	return t.Render() + sum
}
