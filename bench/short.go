package main

import (
	"archive/zip"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"example.com/gitlabci/bench/internal/report"
	"example.com/gitlabci/bench/internal/served"
	"example.com/gitlabci/bench/internal/work"
)

// The short form measures what gitlabci allocates, which hardly depends on the machine
// and on what else runs there, and fails if that is clearly more than bounds.json says.
// It says nothing about times.
//
// bounds.json has what was measured, without a margin. A commit that changes it on
// purpose renews it, and says why:
//
//	go run ./bench -short -renew
//
//go:embed bounds.json
var boundsText []byte

// An amount is what a piece of work takes.
type amount struct {
	Allocs int64 `json:"allocs,omitzero"`
	Bytes  int64 `json:"bytes,omitzero"`
	Held   int64 `json:"held,omitzero"` // bytes in use at the end, if that is what counts
}

// What an amount may have above its bound: a share, and what a process allocates in one
// run and not in another. That of one operation is a mean of many.
const marginShare = 0.10

var (
	oneMargin = amount{Allocs: 2, Bytes: 1 << 10}
	allMargin = amount{Allocs: 300, Bytes: 256 << 10, Held: 1 << 20}
)

// smallTasks are the pieces of work of the short form, by name.
func (b *bench) smallTasks() (map[string]work.Task, error) {
	members, many := filepath.Join(b.dir, "members.zip"), filepath.Join(b.dir, "many.zip")
	err := errors.Join(
		served.WriteZip(members, 10_000, 20_000_000, zip.Store, served.Pattern()),
		served.WriteZip(many, 300, 3_000_000, zip.Deflate, served.Words(1<<20)))
	const size, listed = 64 << 20, 2000
	pages, archive := served.Base(b.server.Plain, 0, listed), served.Base(b.server.Plain, 0, size)
	tasks := map[string]work.Task{
		"decode pipelines": {Bench: "100x"},
		"decode jobs":      {Bench: "50x"},
		"decode report":    {Bench: "10x"},
		"decode cases":     {Bench: "10x"},
		"call":             {Bench: "2000x"},
		"pipelines":        {Base: pages, Size: listed},
		"jobs":             {Base: pages, Size: listed},
		"download":         {Base: archive, Size: size},
		"download, saved":  {Work: "download", Base: archive, Size: size, Dir: b.dir, Connections: 1},
		"member":           {Base: served.FileBase(b.server.Plain, members)},
		"extract":          {Base: served.FileBase(b.server.Plain, many), File: many, Dir: b.dir, Size: 301, Connections: 4},
		"watch":            {Size: 1000, For: time.Minute},
	}
	for _, name := range []string{"decode jobs of one pipeline", "decode jobs of a project", "decode distinct jobs", "decode varied pipelines"} {
		tasks[name] = work.Task{Bench: "50x", Gzip: true}
	}
	for name, t := range tasks {
		if t.Client = work.Ours; t.Work == "" {
			t.Work = name
		}
		tasks[name] = t
	}
	return tasks, err
}

// short measures, and compares with the bounds or renews them.
func (b *bench) short(ctx context.Context, out io.Writer, renew bool) (err error) {
	stop, err := b.start(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	tasks, err := b.smallTasks()
	if err != nil {
		return err
	}
	found, margins := map[string]amount{}, map[string]amount{}
	for _, name := range slices.Sorted(maps.Keys(tasks)) {
		b.say("%s", name)
		r, err := inChild(ctx, tasks[name])
		if err != nil {
			return err
		}
		found[name], margins[name] = amount{Allocs: r.Allocs, Bytes: r.AllocBytes}, allMargin
		switch {
		case r.Held > 0: // and how often its loops ran is chance
			found[name] = amount{Held: int64(r.Held + r.Stacks)}
		case tasks[name].Bench != "":
			margins[name] = oneMargin
		}
	}
	if renew {
		return writeBounds(ctx, found)
	}
	var bounds map[string]amount
	if err := json.Unmarshal(boundsText, &bounds); err != nil {
		return err
	}
	table, exceeded := compareBounds(found, bounds, margins)
	fmt.Fprint(out, table)
	return exceeded
}

// compareBounds returns a table, and an error that names what is above its bound.
func compareBounds(found, bounds, margins map[string]amount) (t report.Table, exceeded error) {
	if known, measured := slices.Sorted(maps.Keys(bounds)), slices.Sorted(maps.Keys(found)); !slices.Equal(known, measured) {
		return nil, fmt.Errorf("bounds.json has %s, and measured is %s: renew it", known, measured)
	}
	t.Head("Work", "Allocations", "bound", "Bytes", "bound", "Held", "bound")
	var above []error
	for _, name := range slices.Sorted(maps.Keys(found)) {
		now, was, margin := found[name], bounds[name], margins[name]
		cells := []string{name}
		for _, n := range []struct {
			what             string
			now, was, margin int64
		}{{"allocations", now.Allocs, was.Allocs, margin.Allocs}, {"bytes", now.Bytes, was.Bytes, margin.Bytes}, {"bytes held", now.Held, was.Held, margin.Held}} {
			cells = append(cells, report.Thousands(n.now), report.Thousands(n.was))
			if most := n.was + int64(marginShare*float64(n.was)) + n.margin; n.now > most {
				above = append(above, fmt.Errorf("%s: %s %s, and with its margin the bound is %s", name, report.Thousands(n.now), n.what, report.Thousands(most)))
			}
		}
		t.Row(cells...)
	}
	return t, errors.Join(above...)
}

// writeBounds writes the file beside this one.
func writeBounds(ctx context.Context, found map[string]amount) error {
	dir, err := goTool(ctx, os.Environ(), "list", "-f", "{{.Dir}}", "example.com/gitlabci/bench")
	if err != nil {
		return err
	}
	text, err := json.MarshalIndent(found, "", "\t")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(strings.TrimSpace(dir), "bounds.json"), append(text, '\n'), 0o644)
}
