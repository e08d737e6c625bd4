package work

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"

	gitlab "gitlab.com/gitlab-org/api/client-go/v2"

	"example.com/gitlabci"
)

// copyBuffer is what gitlabci copies with, and so does what it is compared with.
const copyBuffer = 128 << 10

// download reads the artifacts of a job to nowhere or, if the task has a directory, to
// a file in it. With Connections, it saves them to that file.
func download(ctx context.Context, t Task) (found Result, err error) {
	var to io.Writer = nowhere{}
	if t.Dir != "" {
		if t.Dir, err = os.MkdirTemp(t.Dir, "download-"); err != nil { // for several at the same time
			return Result{}, err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(t.Dir)) }()
		file, failed := os.Create(filepath.Join(t.Dir, "file"))
		if failed != nil {
			return Result{}, failed
		}
		defer func() { err = errors.Join(err, file.Close()) }()
		to = file
	}
	read, err := newDownload(ctx, t, to)
	if err != nil {
		return Result{}, err
	}
	start := time.Now()
	n, err := read()
	if err == nil && n != int64(t.Size) {
		err = fmt.Errorf("%d bytes came, instead of %d", n, t.Size)
	}
	return Result{Seconds: time.Since(start).Seconds()}, err
}

// nowhere is a writer that, other than io.Discard, has no say in how it is
// written to.
type nowhere struct{}

func (nowhere) Write(p []byte) (int, error) { return len(p), nil }

func newDownload(ctx context.Context, t Task, to io.Writer) (func() (int64, error), error) {
	switch t.Client {
	case Ours:
		client, err := newOurs(t)
		if t.Connections > 0 {
			return func() (int64, error) { return saveOurs(ctx, client, t) }, err
		}
		return func() (int64, error) {
			return client.Artifacts.Download(ctx, project, gitlabci.JobID(1), to, nil)
		}, err
	case Theirs:
		client, err := newTheirs(t)
		return func() (int64, error) {
			archive, _, err := client.Jobs.GetJobArtifacts(project, 1, gitlab.WithContext(ctx))
			if err != nil {
				return 0, err
			}
			return io.Copy(to, archive)
		}, err
	}
	client, err := plainClient(t)
	if t.Connections > 0 {
		return func() (int64, error) { return saveBare(ctx, client, t) }, err
	}
	return func() (int64, error) { return bareDownload(ctx, client, t.Base, to) }, err
}

func bareDownload(ctx context.Context, client *http.Client, base string, to io.Writer) (int64, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/api/v4/projects/group%2Fapp/jobs/1/artifacts", nil)
	if err != nil {
		return 0, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("GET %s: %s", req.URL, resp.Status)
	}
	// Without these types, a file would be copied with a buffer of another size.
	return io.CopyBuffer(struct{ io.Writer }{to}, struct{ io.Reader }{resp.Body}, make([]byte, copyBuffer))
}

func saveOurs(ctx context.Context, client *gitlabci.Client, t Task) (int64, error) {
	name := filepath.Join(t.Dir, "saved")
	err := client.Artifacts.Save(ctx, project, gitlabci.JobID(1), name, &gitlabci.SaveOptions{Connections: t.Connections})
	if err != nil {
		return 0, err
	}
	info, err := os.Stat(name)
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// saveBare does on the disk what Save does: it writes beside the target, syncs the file,
// renames it and syncs the folder.
func saveBare(ctx context.Context, client *http.Client, t Task) (n int64, err error) {
	file, err := os.CreateTemp(t.Dir, "save-")
	if err != nil {
		return 0, err
	}
	n, err = bareDownload(ctx, client, t.Base, file)
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return n, err
	}
	if err := os.Rename(file.Name(), filepath.Join(t.Dir, "saved")); err != nil {
		return n, err
	}
	folder, err := os.Open(t.Dir)
	if err != nil {
		return n, err
	}
	return n, errors.Join(folder.Sync(), folder.Close())
}
