package main

import (
	"archive/zip"
	"context"
	"fmt"
	"os/exec"
	"path/filepath"

	"example.com/gitlabci/bench/internal/report"
	"example.com/gitlabci/bench/internal/served"
	"example.com/gitlabci/bench/internal/work"
)

const archivesIntroduction = `## Archives

unzip and a plain loop over archive/zip find the archive on the disk; to gitlabci
the server sends it meanwhile.

`

const (
	memberBytes    = 2 << 20
	memberRequests = 4
	extractFaster  = 1.5
)

// archives reads one file out of a large archive, and extracts others whole.
func archives(ctx context.Context, b *bench) (string, error) {
	text := archivesIntroduction
	one, err := b.oneMember(ctx)
	if err != nil {
		return "", err
	}
	text += one
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
		before, err := served.CountsAt(b.server.url)
		if err != nil {
			return "", err
		}
		found, err := inChild(ctx, work.Task{Work: "member", Client: client, Base: served.FileBase(b.server.url, name)})
		if err != nil {
			return "", err
		}
		after, err := served.CountsAt(b.server.url)
		if err != nil {
			return "", err
		}
		bytes, requests := after.Bytes-before.Bytes, after.Requests-before.Requests
		row := map[string]string{work.Ours: work.Ours, work.Bare: work.Bare + ", the whole archive"}[client]
		t.Row(row, report.Duration(found.Seconds), report.Thousands(bytes), report.Thousands(requests), report.Mebibytes(found.Resident))
		if client == work.Ours {
			b.verdicts.Figure(title, "≤ 2 MiB, ≤ 4 requests", fmt.Sprintf("%s, %d requests", report.Mebibytes(bytes), requests),
				bytes <= memberBytes && requests <= memberRequests)
		}
	}
	return fmt.Sprintf("### %s\n\n%s\n", title, t), nil
}

// extraction extracts an archive of so many files in each of the ways.
func (b *bench) extraction(ctx context.Context, files int, isFigure bool) (string, error) {
	title := fmt.Sprintf("Extract %s files, %s MB", report.Thousands(files), report.Thousands(b.unpacked/1_000_000))
	b.say("%s", title)
	name := filepath.Join(b.dir, fmt.Sprintf("%d.zip", files))
	if err := served.WriteZip(name, files, b.unpacked, zip.Deflate, served.Words(1<<24)); err != nil {
		return "", err
	}
	ways := []string{work.Ours, work.Loop}
	if _, err := exec.LookPath(work.Unzip); err == nil {
		ways = append(ways, work.Unzip)
	}
	found := make([]results, len(ways))
	for range b.runs {
		for i, way := range ways {
			one, err := inChild(ctx, work.Task{Work: "extract", Client: way, Base: served.FileBase(b.server.url, name), File: name, Dir: b.dir, Size: files + 1})
			if err != nil {
				return "", err
			}
			found[i] = append(found[i], one)
		}
	}
	var t report.Table
	t.Head("", "Time", "MB/s", "Resident at most", "As fast as "+ways[len(ways)-1])
	last := found[len(ways)-1].seconds()
	for i, way := range ways {
		resident := report.Mebibytes(found[i].most().Resident)
		if way == work.Unzip {
			resident = "–" // that of a program that starts it
		}
		t.Row(way, found[i].times().String(), report.Digits(float64(b.unpacked)/found[i].seconds()/1e6), resident, report.Ratio(last, found[i].seconds())+"×")
	}
	if isFigure && len(ways) == 3 {
		ratio := last / found[0].seconds()
		b.verdicts.Figure(title, "≥ 1.5× unzip", fmt.Sprintf("%.2f×", ratio), ratio >= extractFaster)
	}
	return fmt.Sprintf("### %s\n\n%s\n", title, t), nil
}
