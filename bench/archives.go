package main

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"

	"example.com/gitlabci/bench/internal/report"
	"example.com/gitlabci/bench/internal/served"
	"example.com/gitlabci/bench/internal/work"
)

const archivesIntroduction = `## Archives

unzip and a plain loop over archive/zip read the archive from the disk; gitlabci
downloads it at the same time.

`

const (
	memberBytes    = 2 << 20
	memberRequests = 3
	extractFaster  = 1.7
)

// archives reads one file out of a large archive, and extracts others whole.
func archives(ctx context.Context, b *bench) (string, error) {
	text := archivesIntroduction
	one, err := b.oneMember(ctx)
	if err != nil {
		return "", err
	}
	text += one
	if err := b.writeArchives(); err != nil {
		return "", err
	}
	for i, files := range b.extracted {
		more, err := b.extraction(ctx, files, i == 0)
		if err != nil {
			return "", err
		}
		text += more
	}
	return text, nil
}

func (b *bench) oneMember(ctx context.Context) (string, error) {
	title := fmt.Sprintf("One file of 10 kB out of %s with %s files", report.Mebibytes(int64(b.archive)), report.Thousands(b.members))
	b.say("%s", title)
	name := filepath.Join(b.dir, "large.zip")
	if err := served.WriteZip(name, b.members, b.archive, zip.Store, served.Pattern()); err != nil {
		return "", err
	}
	var t report.Table
	t.Head("", "Time", "Bytes", "Requests", "Resident at most")
	for _, client := range []string{work.Ours, work.Bare} {
		before, err := served.CountsAt(b.server.Plain)
		if err != nil {
			return "", err
		}
		found, err := inChild(ctx, work.Task{Work: "member", Client: client, Base: served.FileBase(b.server.Plain, name)})
		if err != nil {
			return "", err
		}
		after, err := served.CountsAt(b.server.Plain)
		if err != nil {
			return "", err
		}
		bytes, requests := after.Bytes-before.Bytes, after.Requests-before.Requests
		row := map[string]string{work.Ours: work.Ours, work.Bare: work.Bare + ", the whole archive"}[client]
		t.Row(row, report.Duration(found.Seconds), report.Thousands(bytes), report.Thousands(requests), report.Mebibytes(found.Resident))
		if client == work.Ours {
			b.verdicts.Figure(report.Target{
				Work:  title,
				Limit: "≤ 2 MiB, ≤ 3 requests",
				Why:   "its directory has some 100 bytes for each file, more with long names, and is read whole.",
			}, fmt.Sprintf("%s, %d requests", report.Mebibytes(bytes), requests),
				bytes <= memberBytes && requests <= memberRequests)
		}
	}
	return fmt.Sprintf("### %s\n\n%s\n", title, t), nil
}

// writeArchives writes the archives that are extracted, a core for each.
func (b *bench) writeArchives() error {
	b.say("write the archives that are extracted")
	text := served.Words(1 << 24)
	var writing sync.WaitGroup
	failed := make([]error, len(b.extracted))
	for i, files := range b.extracted {
		writing.Go(func() {
			failed[i] = served.WriteZip(b.archiveOf(files), files, b.unpacked, zip.Deflate, text)
		})
	}
	writing.Wait()
	return errors.Join(failed...)
}

// archiveOf names the archive of so many files that is extracted.
func (b *bench) archiveOf(files int) string {
	return filepath.Join(b.dir, fmt.Sprintf("%d.zip", files))
}

// extraction extracts an archive of so many files in each of the ways.
func (b *bench) extraction(ctx context.Context, files int, isFigure bool) (string, error) {
	title := fmt.Sprintf("Extract %s files, %s MB", report.Thousands(files), report.Thousands(b.unpacked/1_000_000))
	b.say("%s", title)
	name := b.archiveOf(files)
	ways := []string{work.Ours, work.Loop}
	if _, err := exec.LookPath(work.Unzip); err == nil {
		ways = append(ways, work.Unzip)
	}
	tasks := tasksFor(work.Task{Work: "extract", Base: served.FileBase(b.server.Plain, name), File: name, Dir: b.dir, Size: files + 1}, ways...)
	packed, err := os.Stat(name)
	if err != nil {
		return "", err
	}
	// Only one of them needs the server, which may send a part twice.
	found, err := b.measure(ctx, plan{runs: b.runsOfSlow, bytes: packed.Size() / 2, overlap: packed.Size()}, tasks...)
	if err != nil {
		return "", err
	}
	var t report.Table
	t.Head("", "Time", "MB/s", "Resident at most", "As fast as "+ways[len(ways)-1])
	last := found[len(ways)-1]
	for i, way := range ways {
		resident := report.Mebibytes(found[i].most().Resident)
		if way == work.Unzip {
			resident = "–" // that of a program that starts it
		}
		t.Row(way, found[i].times().String(), report.Digits(float64(b.unpacked)/found[i].seconds()/1e6), resident, last.over(found[i]).String()+"×")
	}
	if isFigure && len(ways) == 3 {
		pairs := last.over(found[0])
		b.verdicts.Figure(report.Target{
			Work:  title,
			Limit: "≥ 1.7× unzip",
			Why:   "the server that sends the archive needs one of the two cores at times; unzip finds it on the disk.",
		}, pairs.String()+"×", pairs.Median() >= extractFaster)
	}
	return fmt.Sprintf("### %s\n\n%s\n", title, t), nil
}
