package main

import (
	"context"
	"fmt"

	"example.com/gitlabci/bench/internal/report"
	"example.com/gitlabci/bench/internal/served"
	"example.com/gitlabci/bench/internal/work"
)

const networkIntroduction = `## TLS, HTTP/2 and slow storages

`

const storageNote = `GitLab redirects to a storage that sends %s a second over each connection, and an
ETag of the file. All of them run at the same time; client-go returns the archive when
it is in memory.

`

const connections = 4

// network measures TLS, HTTP/2 and a slow storage.
func network(ctx context.Context, b *bench) (string, error) {
	text := networkIntroduction
	for _, kind := range []struct{ name, url string }{{"HTTP/1.1 with TLS", b.server.TLS}, {"HTTP/2 with TLS", b.server.HTTP2}} {
		more, err := b.overTLS(ctx, kind.name, kind.url)
		if err != nil {
			return "", err
		}
		text += more
	}
	more, err := b.storage(ctx)
	return text + more, err
}

func (b *bench) overTLS(ctx context.Context, kind, url string) (string, error) {
	var t report.Table
	t.Head("", "gitlabci", "client-go", "net/http", "gitlabci / client-go", "gitlabci / net/http")
	size := b.download[0]
	for _, row := range []struct {
		name, work string
		size       int
		bytes      int64
	}{
		{fmt.Sprintf("%s pipelines, page by page", report.Thousands(b.listed)), "pipelines", b.listed,
			int64(b.listed/served.PerPage) * int64(len(served.PipelinesPage(0, served.PerPage)))},
		{"An archive of " + report.Mebibytes(int64(size)), "download", size, int64(size)},
	} {
		b.say("%s, %s", row.name, kind)
		task := work.Task{Work: row.work, Base: served.Base(url, 0, row.size), Size: row.size, Certificate: b.server.Certificate}
		found, err := b.measure(ctx, plan{runs: b.runs, bytes: 3 * row.bytes, overlap: b.overlap(row.bytes, len(served.PipelinesPage(0, served.PerPage)))}, tasksFor(task, work.Ours, work.Theirs, work.Bare)...)
		if err != nil {
			return "", err
		}
		ours, theirs, least := found[0], found[1], found[2]
		t.Row(row.name, ours.times().String(), theirs.times().String(), least.times().String(), ours.over(theirs).String(), ours.over(least).String())
		b.verdicts.CompareTimes(row.name+", "+kind, ours.over(theirs), whyEqual)
	}
	return fmt.Sprintf("### %s\n\n%s\n", kind, t), nil
}

// tasksFor returns a task for each of some clients.
func tasksFor(t work.Task, clients ...string) []work.Task {
	tasks := make([]work.Task, len(clients))
	for i, client := range clients {
		tasks[i] = t
		tasks[i].Client = client
	}
	return tasks
}

func (b *bench) storage(ctx context.Context) (string, error) {
	size := b.download[0]
	title := "An archive of " + report.Mebibytes(int64(size)) + " in a slow storage"
	b.say("%s", title)
	task := work.Task{Work: "download", Base: served.StorageBase(b.server.Plain, size), Size: size, Dir: b.dir}
	tasks := tasksFor(task, work.Ours, work.Ours, work.Theirs)
	tasks[0].Connections, tasks[1].Connections = connections, 1
	// The first response is given up where the next connection's part begins.
	found, err := b.measure(ctx, plan{runs: 2, together: true, bytes: 3 * int64(size), overlap: int64(size)}, tasks...)
	if err != nil {
		return "", err
	}
	var t report.Table
	t.Head("", "Time", "MiB/s", "Resident at most", "As fast as one connection")
	for i, name := range []string{fmt.Sprintf("gitlabci, Save, `Connections: %d`", connections), "gitlabci, Save, `Connections: 1`", work.Theirs} {
		one := found[i]
		t.Row(name, one.times().String(), report.Digits(float64(size)/one.seconds()/(1<<20)), report.Mebibytes(one.most().Resident), found[1].over(one).String()+"×")
	}
	faster := found[1].over(found[0])
	b.verdicts.Figure(report.Target{
		Work:  fmt.Sprintf("%s, %d connections", title, connections),
		Limit: "≥ 3× as fast as one",
		Why:   "the file is written and synced in the same time, whatever the number of connections.",
	}, faster.String()+"×", faster.Median() >= 3)
	rate := report.Mebibytes(int64(served.StorageRate))
	return fmt.Sprintf("### %s\n\n"+storageNote+"%s\n", title, rate, t), nil
}
