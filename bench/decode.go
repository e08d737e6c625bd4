package main

import (
	"context"
	"fmt"
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
	why    string // ours may need more
}

const decodeIntroduction = `## Decoding

The responses are in memory: a transport without a network hands them to each
client. The last row of each table is the least: a scan of the JSON that keeps
nothing or, for a call, net/http and encoding/json alone.

`

const whyCall = "A call of ours keeps what tells whether it may be repeated, watches whether its request was sent and its " +
	"response continues, and keeps the token from other hosts: microseconds, beside the milliseconds of a server."

// decode measures the decoding of responses, and what each call costs besides.
func decode(ctx context.Context, b *bench) (string, error) {
	var text strings.Builder
	text.WriteString(decodeIntroduction)
	for _, d := range []decoding{
		{"A page of 100 pipelines", []string{"decode pipelines"}, []string{"gitlabci"}, "decode pipelines", "scan", ""},
		{"A page of 100 jobs", []string{"decode jobs"}, []string{"gitlabci"}, "decode jobs", "scan", ""},
		{"A test report of " + report.Thousands(work.CasesOfReport) + " cases", []string{"decode report", "decode cases"},
			[]string{"gitlabci, TestReport", "gitlabci, TestCases"}, "decode report", "scan", ""},
		{"A call that gets one small job", []string{"call"}, []string{"gitlabci"}, "call", "net/http", whyCall},
	} {
		b.say("%s", d.title)
		part, err := b.decoding(ctx, d)
		if err != nil {
			return "", err
		}
		text.WriteString(part)
	}
	return text.String(), nil
}

func (b *bench) decoding(ctx context.Context, d decoding) (string, error) {
	names := append([]string{}, d.names...)
	var tasks []work.Task
	for _, name := range d.ours {
		tasks = append(tasks, work.Task{Work: name, Client: work.Ours, Bench: b.repeat})
	}
	tasks = append(tasks, work.Task{Work: d.theirs, Client: work.Theirs, Bench: b.repeat}, work.Task{Work: d.theirs, Client: work.Bare, Bench: b.repeat})
	names = append(names, work.Theirs, d.least)
	found, err := b.measure(ctx, plan{runs: b.runs}, tasks...)
	if err != nil {
		return "", err
	}
	size := len(work.Body(d.theirs))
	they := found[len(d.ours)]
	var t report.Table
	t.Head("", "Time", "MB/s", "Allocations", "Bytes allocated", "Time / client-go", "Allocations / client-go")
	for i, name := range names {
		one := found[i]
		t.Row(name, one.times().String(), report.Digits(float64(size)/one.seconds()/1e6), report.Thousands(one[0].Allocs), report.Thousands(one[0].AllocBytes),
			report.Ratio(one.seconds(), they.seconds()), report.Ratio(float64(one[0].Allocs), float64(they[0].Allocs)))
	}
	b.decodingFigures(d, found[0], they)
	return fmt.Sprintf("### %s, %s bytes\n\n%s\n", d.title, report.Thousands(size), t), nil
}

func (b *bench) decodingFigures(d decoding, we, they results) {
	b.verdicts.CompareTimes(d.title+", time", we.times(), they.times(), d.why)
	allocs := float64(we[0].Allocs) / float64(they[0].Allocs)
	b.verdicts.Compare(d.title+", allocations", allocs, 1, d.why)
	if d.theirs == "decode jobs" {
		faster := they.seconds() / we.seconds()
		b.verdicts.Figure("decode a page of 100 jobs", "≥ 2× client-go's throughput, ≤ 0.6× its allocations",
			fmt.Sprintf("%.2f×, %.2f×", faster, allocs), faster >= 2 && allocs <= 0.6)
	}
}
