// Bench compares gitlabci with GitLab's own client for Go, and with the least that the
// work can cost, and prints the figures as Markdown. It is run from the module's root.
//
//	go run ./bench -o BENCHMARKS.md
//
// A short form fails if what is allocated has clearly become more than the file
// bounds.json says: see short.go.
//
//	go run ./bench -short
//
// Each measurement is a process of its own, a copy of this program: see
// child.go. To add some, write a function like those in groups.
//
// This package decides what is compared with what, how often and in which process.
// Package internal/work does the work that is measured, against the server of
// internal/served. Package internal/report formats the figures.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"time"
)

// A group is measurements that belong together.
type group struct {
	name    string
	measure func(context.Context, *bench) (string, error) // returns Markdown
}

var groups = []group{
	{"lists", lists},
	{"decode", decode},
	{"memory", memory},
	{"download", downloads},
	{"network", network},
	{"archives", archives},
	{"watch", watch},
	{"size", sizes},
}

// A scale says how much is measured.
type scale struct {
	listed          int           // items of a list
	paces           []pace        // at which it is read
	busy            time.Duration // that a busy reader takes for a page
	runs            int           // of what is short
	runsOfDownloads int
	runsOfSlow      int           // of what takes many seconds
	repeat          string        // how long one operation is repeated
	jobs            int           // of a long list
	fewerJobs       int           // of it for others, whose memory does not grow either
	cases           int           // of a large test report
	download        []int         // bytes
	archive         int           // bytes of one from which a file is read
	members         int           // files in it
	unpacked        int           // bytes of archives that are extracted
	extracted       []int         // files in them
	watched         int           // pipelines
	watching        time.Duration // how long
	cold            bool          // whether programs are built with an empty cache
	jsonv2          bool          // whether encoding/json's next version is measured too
}

// full takes less than ten minutes on two cores.
var full = scale{
	listed: 10_000, paces: []pace{
		{0, false, 5, false, false},
		{50 * time.Millisecond, false, 3, false, true},
		{100 * time.Millisecond, false, 1, true, false},
		{50 * time.Millisecond, true, 1, true, false},
	}, busy: 50 * time.Millisecond,
	runs: 5, runsOfDownloads: 8, runsOfSlow: 3, repeat: "300ms", jobs: 1_000_000, fewerJobs: 200_000, cases: 200_000, download: []int{256 << 20, 1 << 30},
	archive: 1 << 30, members: 10_000, unpacked: 500_000_000, extracted: []int{10_000, 20},
	watched: 10_000, watching: 10 * time.Minute, cold: true, jsonv2: true,
}

// quick shows that everything works, and measures nothing worth knowing.
var quick = scale{
	listed: 400, paces: []pace{
		{0, false, 1, false, false},
		{time.Millisecond, false, 1, false, true},
		{2 * time.Millisecond, true, 1, true, false},
	}, busy: time.Millisecond,
	runs: 1, runsOfDownloads: 1, runsOfSlow: 1, repeat: "1x", jobs: 1000, fewerJobs: 500, cases: 2000, download: []int{1 << 20, 2 << 20},
	archive: 4 << 20, members: 100, unpacked: 2_000_000, extracted: []int{100, 2},
	watched: 50, watching: time.Minute,
}

func main() {
	runChild()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// settings are the values of the flags.
type settings struct {
	only, file   string
	quick        bool
	short, renew bool
}

func parse(args []string, progress io.Writer) (settings, error) {
	var s settings
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(progress)
	flags.StringVar(&s.only, "only", "", "measure these `groups` alone, of "+strings.Join(names(), ","))
	flags.StringVar(&s.file, "o", "", "write to this `file`, instead of to standard output")
	flags.BoolVar(&s.quick, "quick", false, "measure next to nothing, to see whether it works")
	flags.BoolVar(&s.short, "short", false, "measure only what is allocated, and compare it with bounds.json")
	flags.BoolVar(&s.renew, "renew", false, "with -short, write what is measured to bounds.json")
	if err := flags.Parse(args); err != nil {
		return s, err
	}
	if flags.NArg() > 0 {
		return s, fmt.Errorf("unexpected argument %q; name groups with -only, see -h", flags.Arg(0))
	}
	if s.renew && !s.short {
		return s, errors.New("-renew needs -short")
	}
	for name := range strings.SplitSeq(s.only, ",") {
		if s.only != "" && !slices.Contains(names(), name) {
			return s, fmt.Errorf("-only: there is no group %q; the groups are %s", name, strings.Join(names(), ", "))
		}
	}
	return s, nil
}

func names() []string {
	all := make([]string, len(groups))
	for i, g := range groups {
		all[i] = g.name
	}
	return all
}

func run(ctx context.Context, args []string, out, progress io.Writer) error {
	s, err := parse(args, progress)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	b := &bench{scale: full, progress: progress}
	if s.quick {
		b.scale = quick
	}
	if s.short {
		return b.short(ctx, out, s.renew)
	}
	text, err := b.report(ctx, s, args)
	if err != nil {
		return err
	}
	if s.file != "" {
		return os.WriteFile(s.file, []byte(text), 0o644)
	}
	_, err = io.WriteString(out, text)
	return err
}
