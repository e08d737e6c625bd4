package main

import (
	"context"
	"fmt"

	"example.com/gitlabci/bench/internal/report"
	"example.com/gitlabci/bench/internal/served"
	"example.com/gitlabci/bench/internal/work"
)

const residentLimit = 24 << 20

// downloads reads archives to nowhere.
func downloads(ctx context.Context, b *bench) (string, error) {
	text := "## Downloads\n\nclient-go returns the archive when it is in memory, whole.\n\n"
	for i, size := range b.download {
		more, err := b.oneDownload(ctx, size, i == 0)
		if err != nil {
			return "", err
		}
		text += more
	}
	return text, nil
}

func (b *bench) oneDownload(ctx context.Context, size int, isFigure bool) (string, error) {
	title := fmt.Sprintf("An archive of %s", report.Mebibytes(int64(size)))
	b.say("%s", title)
	var tasks []work.Task
	for _, client := range []string{work.Ours, work.Theirs, work.Bare} {
		tasks = append(tasks, work.Task{Work: "download", Client: client, Base: served.Base(b.server.url, 0, size), Size: size})
	}
	found, err := b.measure(ctx, plan{runs: b.runs, bytes: int64(size)}, tasks...)
	if err != nil {
		return "", err
	}
	we, they, least := found[0], found[1], found[2]
	var t report.Table
	t.Head("", "Time", "MB/s", "Resident at most", "Time / net/http", "Time / client-go")
	for i, one := range found {
		t.Row(tasks[i].Client, one.times().String(), report.Digits(float64(size)/one.seconds()/1e6), report.Mebibytes(one.most().Resident),
			report.Ratio(one.seconds(), least.seconds()), report.Ratio(one.seconds(), they.seconds()))
	}
	b.verdicts.CompareTimes(title+", time", we.times(), they.times(), "")
	b.verdicts.Compare(title+", resident memory", float64(we.most().Resident), float64(they.most().Resident), "")
	if isFigure {
		b.verdicts.Figure("download "+report.Mebibytes(int64(size))+", resident memory", "≤ 24 MiB", report.Mebibytes(we.most().Resident), we.most().Resident <= residentLimit)
		ratio := we.seconds() / least.seconds()
		b.verdicts.Figure("download "+report.Mebibytes(int64(size))+", time", "≤ 1.2× a bare io.Copy", fmt.Sprintf("%.2f×", ratio), ratio <= 1.2)
	}
	return fmt.Sprintf("### %s\n\n%s\n", title, t), nil
}
