package main

import (
	"context"
	"fmt"

	"example.com/gitlabci/bench/internal/report"
	"example.com/gitlabci/bench/internal/served"
	"example.com/gitlabci/bench/internal/work"
)

const (
	residentLimit = 16 << 20
	copyMost      = 1.10 // of a bare copy's time
	fileMost      = 1.05
)

const downloadsIntroduction = `## Downloads

client-go returns the archive when all of it is in memory. net/http copies with a
buffer of the same size as gitlabci's, 128 KiB.

`

// A download is one way to read archives.
type download struct {
	title   string
	size    int
	clients []string
	dir     string // for files; "" discards what is read
	synced  bool   // by Save, and what it does on the disk
	target  report.Target
	most    float64
}

// downloads reads archives, and discards them or writes them to files.
func downloads(ctx context.Context, b *bench) (string, error) {
	size, larger := b.download[0], b.download[1]
	of := "download " + report.Mebibytes(int64(size))
	all := []string{work.Ours, work.Theirs, work.Bare}
	text := downloadsIntroduction
	for _, d := range []download{
		{"An archive of " + report.Mebibytes(int64(size)), size, all, "", false, report.Target{
			Work: of + ", time", Limit: "≤ 1.10× a bare io.Copy",
			Why: "this server sends no ETag, as GitLab does for files on its disk, so that a CRC of the bytes is kept to resume.",
		}, copyMost},
		{"An archive of " + report.Mebibytes(int64(size)) + " to a file", size, all, b.dir, false, report.Target{
			Work: of + " to a file, time", Limit: "≤ 1.05× a bare io.Copy",
			Why: "both write to the same disk, whose speed differs by more from one run to the next.",
		}, fileMost},
		{"An archive of " + report.Mebibytes(int64(size)) + ", saved and synced", size, []string{work.Ours, work.Bare}, b.dir, true, report.Target{}, 0},
		{"An archive of " + report.Mebibytes(int64(larger)), larger, []string{work.Ours, work.Bare}, "", false, report.Target{}, 0},
	} {
		more, err := b.oneDownload(ctx, d)
		if err != nil {
			return "", err
		}
		text += more
	}
	return text, nil
}

func (b *bench) oneDownload(ctx context.Context, d download) (string, error) {
	b.say("%s", d.title)
	task := work.Task{Work: "download", Base: served.Base(b.server.Plain, 0, d.size), Size: d.size, Dir: d.dir}
	if d.synced {
		task.Connections = 1
	}
	found, err := b.measure(ctx, plan{runs: b.runsOfDownloads, bytes: int64(d.size * len(d.clients))}, tasksFor(task, d.clients...)...)
	if err != nil {
		return "", err
	}
	ours, least := found[0], found[len(found)-1]
	var t report.Table
	t.Head("", "Time", "MB/s", "Resident at most", "Time / net/http")
	for i, one := range found {
		t.Row(d.clients[i], one.times().String(), report.Digits(float64(d.size)/one.seconds()/1e6), report.Mebibytes(one.most().Resident), one.over(least).String())
	}
	if len(found) == 3 {
		b.verdicts.CompareTimes(d.title+", time", ours.over(found[1]), "")
		b.verdicts.Compare(d.title+", resident memory", float64(ours.most().Resident), float64(found[1].most().Resident), "")
	}
	b.downloadFigures(d, ours, least)
	return fmt.Sprintf("### %s\n\n%s\n", d.title, t), nil
}

func (b *bench) downloadFigures(d download, ours, least results) {
	if d.target.Work == "" {
		return
	}
	pairs, resident := ours.over(least), ours.most().Resident
	b.verdicts.Figure(d.target, pairs.String()+"×", pairs.Median() <= d.most)
	b.verdicts.Figure(report.Target{
		Work:  d.title + ", resident memory",
		Limit: "≤ 16 MiB",
		Why:   "the program itself takes most of that, as net/http's row shows.",
	}, report.Mebibytes(resident), resident <= residentLimit)
}
