package main

import (
	"archive/zip"
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
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
	title := fmt.Sprintf("One file of 10 kB out of %s with %s files", mebibytes(int64(b.archive)), thousands(b.members))
	b.say("%s", title)
	name := filepath.Join(b.dir, "large.zip")
	if err := writeZip(name, b.members, b.archive, zip.Store, pattern()); err != nil {
		return "", err
	}
	var t table
	t.head("", "Time", "Bytes", "Requests", "Resident at most")
	for _, client := range []string{ours, bare} {
		before, err := b.server.counts()
		if err != nil {
			return "", err
		}
		found, err := inChild(ctx, task{Work: "member", Client: client, Base: b.server.fileBase(name)})
		if err != nil {
			return "", err
		}
		after, err := b.server.counts()
		if err != nil {
			return "", err
		}
		bytes, requests := after.bytes-before.bytes, after.requests-before.requests
		row := map[string]string{ours: ours, bare: bare + ", the whole archive"}[client]
		t.row(row, duration(found.Seconds), thousands(bytes), thousands(requests), mebibytes(found.Resident))
		if client == ours {
			b.figure(title, "≤ 2 MiB, ≤ 4 requests", fmt.Sprintf("%s, %d requests", mebibytes(bytes), requests),
				bytes <= memberBytes && requests <= memberRequests)
		}
	}
	return fmt.Sprintf("### %s\n\n%s\n", title, t), nil
}

// extraction extracts an archive of so many files in each of the ways.
func (b *bench) extraction(ctx context.Context, files int, isFigure bool) (string, error) {
	title := fmt.Sprintf("Extract %s files, %s MB", thousands(files), thousands(b.unpacked/1_000_000))
	b.say("%s", title)
	name := filepath.Join(b.dir, fmt.Sprintf("%d.zip", files))
	if err := writeZip(name, files, b.unpacked, zip.Deflate, words(1<<24)); err != nil {
		return "", err
	}
	ways := []string{ours, loop}
	if _, err := exec.LookPath(unzip); err == nil {
		ways = append(ways, unzip)
	}
	found := make([]results, len(ways))
	for range b.runs {
		for i, way := range ways {
			one, err := inChild(ctx, task{Work: "extract", Client: way, Base: b.server.fileBase(name), File: name, Dir: b.dir, Size: files + 1})
			if err != nil {
				return "", err
			}
			found[i] = append(found[i], one)
		}
	}
	var t table
	t.head("", "Time", "MB/s", "Resident at most", "As fast as "+ways[len(ways)-1])
	last := found[len(ways)-1].seconds()
	for i, way := range ways {
		resident := mebibytes(found[i].most().Resident)
		if way == unzip {
			resident = "–" // that of a program that starts it
		}
		t.row(way, found[i].time(), digits(float64(b.unpacked)/found[i].seconds()/1e6), resident, times(last, found[i].seconds())+"×")
	}
	if isFigure && len(ways) == 3 {
		ratio := last / found[0].seconds()
		b.figure(title, "≥ 1.5× unzip", fmt.Sprintf("%.2f×", ratio), ratio >= extractFaster)
	}
	return fmt.Sprintf("### %s\n\n%s\n", title, t), nil
}
