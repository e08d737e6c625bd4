package promises_test

import (
	"context"
	"errors"

	"example.com/gitlabci"
	"example.com/gitlabci/internal/testkit"
)

// archiveDeeds are methods that read an archive in parts.
func archiveDeeds() []deed {
	const byID, byRef = "GET /projects/:id/jobs/:job_id/artifacts", "GET /projects/:id/jobs/artifacts/:ref_name/download"
	latest := gitlabci.LatestArtifacts{Ref: "v1", Job: "unit"}
	return []deed{
		{"Artifacts.Archive job", byID, mending, true, archiveDeed(gitlabci.JobID(matrixFailed))},
		{"Artifacts.Archive latest", byRef, mending, true, archiveDeed(latest)},
		{"Artifacts.Extract latest", byRef, mending, true, func(ctx context.Context, c *gitlabci.Client) error {
			return testkit.Extract(ctx, c, "group/app", latest)
		}},
	}
}

func archiveDeed(src gitlabci.ArtifactSource) func(context.Context, *gitlabci.Client) error {
	return func(ctx context.Context, c *gitlabci.Client) error {
		archive, err := c.Artifacts.Archive(ctx, "group/app", src, nil)
		if err != nil {
			return err
		}
		_, err = archive.ReadFile(matrixFile)
		return errors.Join(err, archive.Close())
	}
}

// mended is the result of a fault if interrupted bodies are resumed.
func (f matrixFault) mended() error {
	if f.timeout == 0 && f.inBody && f.fault.Break != "" {
		return nil
	}
	return f.streams
}
