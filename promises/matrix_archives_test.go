package promises_test

import (
	"context"
	"errors"

	"example.com/gitlabci"
	"example.com/gitlabci/internal/testkit"
)

// archiveCalls are methods that read an archive in parts.
func archiveCalls() []matrixCall {
	const byID, byRef = "GET /projects/:id/jobs/:job_id/artifacts", "GET /projects/:id/jobs/artifacts/:ref_name/download"
	latest := gitlabci.LatestArtifacts{Ref: "v1", Job: "unit"}
	return []matrixCall{
		{"Artifacts.Archive job", byID, resuming, true, readArchive(gitlabci.JobID(matrixFailed))},
		{"Artifacts.Archive latest", byRef, resuming, true, readArchive(latest)},
		{"Artifacts.Extract latest", byRef, resuming, true, func(ctx context.Context, c *gitlabci.Client) error {
			return testkit.Extract(ctx, c, "group/app", latest)
		}},
	}
}

func readArchive(src gitlabci.ArtifactSource) func(context.Context, *gitlabci.Client) error {
	return func(ctx context.Context, c *gitlabci.Client) error {
		archive, err := c.Artifacts.Archive(ctx, "group/app", src, nil)
		if err != nil {
			return err
		}
		_, err = archive.ReadFile(matrixFile)
		return errors.Join(err, archive.Close())
	}
}

// resumed is the result of a fault if interrupted bodies are resumed.
func (f matrixFault) resumed() error {
	if f.timeout == 0 && f.inBody && f.fault.Break != "" {
		return nil
	}
	return f.streams
}
