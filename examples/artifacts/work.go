package main

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/jedib0t/go-pretty/v6/progress"

	"example.com/gitlabci"
	"example.com/gitlabci/examples/internal/console"
)

// do does what the flags say.
func (s *settings) do(ctx context.Context, client *gitlabci.Client, out io.Writer, notes *console.Notes) error {
	switch {
	case s.list:
		return s.show(ctx, client, out, notes)
	case s.file != "":
		return s.save(ctx, client, out, notes)
	default:
		return s.extract(ctx, client, out, notes)
	}
}

// show lists the files by their sizes, times and names. Only the archive's directory is read.
func (s *settings) show(ctx context.Context, client *gitlabci.Client, out io.Writer, notes *console.Notes) error {
	began := time.Now()
	archive, err := client.Artifacts.Archive(ctx, s.project, s.source, nil)
	if err != nil {
		return err
	}
	defer archive.Close() // only reads
	files, bytes := 0, int64(0)
	err = fs.WalkDir(archive, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		files++
		bytes += info.Size()
		_, err = fmt.Fprintf(out, "%9s  %s  %s\n", progress.FormatBytes(info.Size()), info.ModTime().Local().Format("2006-01-02 15:04"), console.Printable(name))
		return err
	})
	if n := len(archive.Skipped()); n > 0 {
		notes.Print(fmt.Sprintf("%d names are not listed, since they are no paths", n))
	}
	if err == nil {
		_, err = fmt.Fprintf(out, "%d files, %s unpacked%s\n", files, progress.FormatBytes(bytes), console.InTime(time.Since(began)))
	}
	return err
}

func (s *settings) save(ctx context.Context, client *gitlabci.Client, out io.Writer, notes *console.Notes) error {
	bar := notes.NewBar(filepath.Base(s.file), progress.UnitsBytes)
	err := client.Artifacts.Save(ctx, s.project, s.source, s.file, &gitlabci.SaveOptions{Progress: bar.Set})
	bar.End()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s: %s\n", console.Printable(filepath.Base(s.file)), bar.Sum())
	return err
}

func (s *settings) extract(ctx context.Context, client *gitlabci.Client, out io.Writer, notes *console.Notes) error {
	bar := notes.NewBar(filepath.Base(s.dir), progress.UnitsBytes)
	result, err := client.Artifacts.Extract(ctx, s.project, s.source, s.dir, &gitlabci.ExtractOptions{
		Match: s.match, Exclude: s.exclude, Overwrite: s.overwrite, Progress: bar.Set,
	})
	bar.End()
	if n := len(result.Files) + len(result.Links); err == nil {
		_, err = fmt.Fprintf(out, "%s: %d files, %s\n", console.Printable(filepath.Base(s.dir)), n, bar.Sum())
	} else if n > 0 {
		notes.Print(fmt.Sprintf("%s: %d files were complete", console.Printable(filepath.Base(s.dir)), n))
	}
	return err
}
