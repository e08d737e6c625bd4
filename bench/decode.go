package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"example.com/gitlabci/bench/internal/report"
	"example.com/gitlabci/bench/internal/work"
)

// A decoding is one kind of response that is decoded.
type decoding struct {
	title  string
	ours   []string // works of ours, the first of which is like theirs
	names  []string // of them
	theirs string
	least  string
	gzip   bool
	why    string // ours may need more

	faster []float64 // how many times client-go's throughput the works of ours are to reach
	allocs float64   // and at most this part of its allocations; 0 is no figure
	missed string    // why theirs may not be reached
}

const decodeIntroduction = `## Decoding

The responses are in memory. Gzipped ones pass through net/http's transport, which is
connected to memory; others are given to each client by a transport without a
network. The values on gzipped pages vary as GitLab's do: hashes, times, and
texts that differ. The last row of each table is the least work: a scan of the JSON
that keeps nothing or, for a call, net/http and encoding/json alone.

`

const whyCall = "A call of gitlabci records whether it may be repeated, observes whether its request was sent and its " +
	"response continues, and keeps the token from other hosts: microseconds, beside the milliseconds of a server."

const whyGzip = "gitlabci spends about half of its time on decoding, and a fifth on decompressing. The rest is the call and net/http. " +
	"client-go spends as much on these, but that is a small part of its time."

const whyJSONv2 = "the next encoding/json halves the time of client-go. gitlabci does not use it for these responses, " +
	"and only half of its time is decoding."

func page(title, name string, faster, allocs float64) decoding {
	return decoding{title: title, ours: []string{name}, names: []string{work.Ours}, theirs: name, least: "scan", gzip: faster > 0, faster: []float64{faster}, allocs: allocs, missed: whyGzip}
}

var gzipped = []decoding{
	page("A gzipped page of 100 jobs of one pipeline", "decode jobs of one pipeline", 5, 0.20),
	page("A gzipped page of 100 jobs of a project", "decode jobs of a project", 4, 0.20),
	page("A gzipped page of 100 jobs with nothing in common", "decode distinct jobs", 3.5, 0.30),
	page("A gzipped page of 100 pipelines", "decode varied pipelines", 4, 0.30),
	{
		title: "A gzipped test report of " + report.Thousands(work.CasesOfReport) + " cases", ours: []string{"decode report", "decode cases"},
		names: []string{"gitlabci, TestReport", "gitlabci, TestCases"}, theirs: "decode report", least: "scan", gzip: true, faster: []float64{4, 3}, missed: whyGzip,
	},
}

// decode measures the decoding of responses, and what each call costs besides.
func decode(ctx context.Context, b *bench) (string, error) {
	var text strings.Builder
	text.WriteString(decodeIntroduction)
	for _, d := range append(gzipped[:len(gzipped):len(gzipped)],
		page("A page of 100 pipelines", "decode pipelines", 0, 0),
		page("A page of 100 jobs", "decode jobs", 0, 0),
		decoding{title: "A call that gets one small job", ours: []string{"call"}, names: []string{work.Ours}, theirs: "call", least: "net/http", why: whyCall,
			faster: []float64{1 / 1.1}, allocs: 1.1, missed: whyCall},
	) {
		part, err := b.decoding(ctx, d, "")
		if err != nil {
			return "", err
		}
		text.WriteString(part)
	}
	if !b.jsonv2 {
		return text.String(), nil
	}
	part, err := b.decodeJSONv2(ctx)
	return text.String() + part, err
}

// decodeJSONv2 measures with the next encoding/json of the standard library on both
// sides, which is faster for client-go.
func (b *bench) decodeJSONv2(ctx context.Context) (string, error) {
	b.say("build this program with GOEXPERIMENT=jsonv2")
	program := filepath.Join(b.dir, "bench-jsonv2")
	if _, err := goTool(ctx, append(os.Environ(), "GOEXPERIMENT=jsonv2"), "build", "-o", program, "example.com/gitlabci/bench"); err != nil {
		return "", err
	}
	var text strings.Builder
	for _, d := range gzipped {
		d.title += ", GOEXPERIMENT=jsonv2"
		d.faster, d.allocs, d.missed = slices.Repeat([]float64{3}, len(d.faster)), 0, whyJSONv2
		part, err := b.decoding(ctx, d, program)
		if err != nil {
			return "", err
		}
		text.WriteString(part)
	}
	return text.String(), nil
}

// decoding measures in copies of this program, or in another build of it.
func (b *bench) decoding(ctx context.Context, d decoding, program string) (string, error) {
	b.say("%s", d.title)
	names := append([]string{}, d.names...)
	one := work.Task{Bench: b.repeat, Gzip: d.gzip, Program: program}
	var tasks []work.Task
	for _, name := range d.ours {
		one.Work, one.Client = name, work.Ours
		tasks = append(tasks, one)
	}
	for _, client := range []string{work.Theirs, work.Bare} {
		one.Work, one.Client = d.theirs, client
		tasks = append(tasks, one)
	}
	names = append(names, work.Theirs, d.least)
	runs := b.runs
	if program != "" {
		runs = b.runsOfSlow
	}
	found, err := b.measure(ctx, plan{runs: runs}, tasks...)
	if err != nil {
		return "", err
	}
	size := len(work.Body(d.theirs))
	theirs := found[len(d.ours)]
	var t report.Table
	t.Head("", "Time", "MB/s", "Allocations", "Bytes allocated", "Time / client-go", "Allocations / client-go")
	for i, name := range names {
		one := found[i]
		t.Row(name, one.times().String(), report.Digits(float64(size)/one.seconds()/1e6), report.Thousands(one[0].Allocs), report.Thousands(one[0].AllocBytes),
			one.over(theirs).String(), report.Ratio(float64(one[0].Allocs), float64(theirs[0].Allocs)))
	}
	b.decodingFigures(d, found, theirs)
	return fmt.Sprintf("### %s, %s bytes\n\n%s\n", d.title, report.Thousands(size), t), nil
}

func (b *bench) decodingFigures(d decoding, found []results, theirs results) {
	ours := found[0]
	b.verdicts.CompareTimes(d.title+", time", ours.over(theirs), d.why)
	allocs := float64(ours[0].Allocs) / float64(theirs[0].Allocs)
	b.verdicts.Compare(d.title+", allocations", allocs, 1, d.why)
	for i, least := range d.faster {
		if least == 0 {
			continue
		}
		limit, pairs := fmt.Sprintf("≥ %g× client-go's throughput", least), theirs.over(found[i])
		reached := pairs.Median() >= least
		if least < 1 { // a time is plainer
			limit, pairs = fmt.Sprintf("≤ %.2f× client-go's time", 1/least), found[i].over(theirs)
		}
		b.verdicts.Figure(report.Target{Work: d.title + ", " + d.names[i], Limit: limit, Why: d.missed}, pairs.String()+"×", reached)
	}
	if d.allocs > 0 {
		b.verdicts.Figure(report.Target{Work: d.title, Limit: fmt.Sprintf("≤ %.2f× client-go's allocations", d.allocs), Why: d.missed},
			fmt.Sprintf("%.2f×", allocs), allocs <= d.allocs)
	}
}
