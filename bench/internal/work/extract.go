package work

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"example.com/gitlabci"
	"example.com/gitlabci/bench/internal/served"
)

// The other ways to extract an archive: from the disk, where they find it.
const (
	Unzip = "unzip"
	Loop  = "archive/zip"
)

// extract extracts the archive t.File into a new directory beside it.
func extract(ctx context.Context, t Task) (Result, error) {
	dir, err := os.MkdirTemp(t.Dir, "out-")
	if err != nil {
		return Result{}, err
	}
	start := time.Now()
	switch t.Client {
	case Ours:
		err = extractOurs(ctx, t, dir)
	case Loop:
		err = unzipPlainly(t.File, dir)
	default:
		err = exec.CommandContext(ctx, Unzip, "-q", t.File, "-d", dir).Run()
	}
	took := time.Since(start)
	return Result{Seconds: took.Seconds()}, errors.Join(err, empty(dir))
}

// empty empties all files, so that they need no room until the whole run is over. They are
// not removed: for a minute, ext4 looks past each file that was deleted before it creates
// another, so that 10,000 of them double the time of the next extraction.
func empty(dir string) error {
	return filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			err = os.Truncate(path, 0)
		}
		return err
	})
}

func extractOurs(ctx context.Context, t Task, dir string) error {
	client, err := newOurs(t)
	if err != nil {
		return err
	}
	found, err := client.Artifacts.Extract(ctx, project, gitlabci.JobID(1), dir, &gitlabci.ExtractOptions{Concurrency: t.Connections})
	return expect(err, func() int { return len(found.Files) }, t.Size)
}

// readMember reads one file out of an archive.
func readMember(ctx context.Context, t Task) (found Result, err error) {
	start := time.Now()
	if t.Client == Bare {
		n, err := bareDownload(ctx, http.DefaultClient, t.Base, nowhere{})
		if err == nil && n <= served.MemberSize {
			err = fmt.Errorf("%d bytes are no archive", n)
		}
		return Result{Seconds: time.Since(start).Seconds()}, err
	}
	client, err := newOurs(t)
	if err != nil {
		return Result{}, err
	}
	archive, err := client.Artifacts.Archive(ctx, project, gitlabci.JobID(1), nil)
	if err != nil {
		return Result{}, err
	}
	data, err := archive.ReadFile(served.Member)
	if closed := archive.Close(); err == nil {
		err = closed
	}
	return Result{Seconds: time.Since(start).Seconds()}, expect(err, func() int { return len(data) }, served.MemberSize)
}
