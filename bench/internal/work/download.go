package work

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	gitlab "gitlab.com/gitlab-org/api/client-go/v2"

	"example.com/gitlabci"
)

// download reads the artifacts of a job to nowhere.
func download(ctx context.Context, t Task) (Result, error) {
	read, err := newDownload(ctx, t)
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

func newDownload(ctx context.Context, t Task) (func() (int64, error), error) {
	switch t.Client {
	case Ours:
		client, err := newOurs(t.Base)
		return func() (int64, error) {
			return client.Artifacts.Download(ctx, project, gitlabci.JobID(1), nowhere{}, nil)
		}, err
	case Theirs:
		client, err := newTheirs(t.Base)
		return func() (int64, error) {
			archive, _, err := client.Jobs.GetJobArtifacts(project, 1, gitlab.WithContext(ctx))
			if err != nil {
				return 0, err
			}
			return io.Copy(nowhere{}, archive)
		}, err
	}
	return func() (int64, error) { return bareDownload(ctx, t.Base) }, nil
}

func bareDownload(ctx context.Context, base string) (int64, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/api/v4/projects/group%2Fapp/jobs/1/artifacts", nil)
	if err != nil {
		return 0, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	return io.Copy(nowhere{}, resp.Body)
}
