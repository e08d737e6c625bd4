package main

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

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
	archive, err := client.Artifacts.Archive(ctx, s.project, s.source, nil)
	if err != nil {
		return err
	}
	defer archive.Close() // only reads
	files, bytes := 0, int64(0)
	err = fs.WalkDir(archive, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !s.selects(name) {
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
		_, err = fmt.Fprintf(out, "%d files, %s unpacked\n", files, progress.FormatBytes(bytes))
	}
	return err
}

func (s *settings) save(ctx context.Context, client *gitlabci.Client, out io.Writer, notes *console.Notes) error {
	bar := notes.NewBar(filepath.Base(s.file), progress.UnitsBytes)
	err := client.Artifacts.Save(ctx, s.project, s.source, s.file, &gitlabci.SaveOptions{Progress: bar.Set})
	sum := bar.Sum()
	bar.End()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s: %s\n", console.Printable(s.file), sum)
	return err
}

func (s *settings) extract(ctx context.Context, client *gitlabci.Client, out io.Writer, notes *console.Notes) error {
	bar := notes.NewBar(filepath.Base(s.dir), progress.UnitsBytes)
	result, err := client.Artifacts.Extract(ctx, s.project, s.source, s.dir, &gitlabci.ExtractOptions{
		Match: s.match, Exclude: s.exclude, Overwrite: s.overwrite, Progress: bar.Set,
	})
	sum := bar.Sum()
	bar.End()
	if n := len(result.Files) + len(result.Links); err == nil {
		_, err = fmt.Fprintf(out, "%s: %d files, %s\n", console.Printable(s.dir), n, sum)
	} else if n > 0 {
		notes.Print(fmt.Sprintf("%s: %d files were complete", console.Printable(s.dir), n))
	}
	return err
}

// selects reports whether Extract would select a file.
func (s *settings) selects(name string) bool {
	matches := func(pattern string) bool { return matches(parts(pattern), strings.Split(name, "/")) }
	return (len(s.match) == 0 || slices.ContainsFunc(s.match, matches)) && !slices.ContainsFunc(s.exclude, matches)
}

var escaped = regexp.MustCompile(`\\.`)

// parts splits a pattern. If it ends in a name or a slash, all below that folder matches.
func parts(pattern string) []string {
	parts := strings.Split(path.Clean(pattern), "/")
	switch last := parts[len(parts)-1]; {
	case last == ".":
		return []string{"**"}
	case strings.HasSuffix(pattern, "/"):
		return append(parts, "*", "**")
	case !strings.ContainsAny(escaped.ReplaceAllString(last, ""), "*?["):
		return append(parts, "**")
	default:
		return parts
	}
}

func matches(pattern, name []string) bool {
	switch {
	case len(pattern) == 0:
		return len(name) == 0
	case pattern[0] == "**":
		return matches(pattern[1:], name) || len(name) > 0 && matches(pattern, name[1:])
	case len(name) == 0:
		return false
	}
	ok, err := path.Match(pattern[0], name[0])
	return ok && err == nil && matches(pattern[1:], name[1:]) // patterns has refused bad ones
}
