package gitlabci

import (
	"bytes"
	"context"

	"example.com/gitlabci/internal/remote"
	"example.com/gitlabci/internal/zipped"
)

// endOfZip tells whether a zip archive is complete. Its last record says where the
// directory begins, and that matches only if nothing is missing. A gzip file
// cannot be checked so: it may be several files in sequence, and the last ones may
// be missing.
func endOfZip(start, last []byte, size int64) remote.Wholeness {
	if !bytes.Equal(start, zipMagic) && !bytes.Equal(start, emptyZipMagic) {
		return remote.Uncertain
	}
	_, found, fits := zipped.End(last, size)
	switch {
	case fits:
		return remote.Whole
	case found:
		return remote.Uncertain // there may be other data before the archive
	}
	return remote.Short
}

// sizeOf returns a function that requests the size of one of a job's files. The
// size is -1 if the job does not have it or cannot be read, as with a job token.
func (c *Client) sizeOf(project ProjectID, id JobID, kind ArtifactType) func(context.Context) int64 {
	return func(ctx context.Context) int64 {
		job, err := c.Jobs.Get(ctx, project, id)
		switch {
		case err != nil:
			return -1 // the error of the file says that its size is unknown
		case kind == ArtifactTypeArchive && job.ArtifactsFile != nil && job.ArtifactsFile.Size > 0:
			return job.ArtifactsFile.Size
		}
		size, files := int64(-1), 0
		for _, file := range job.Artifacts {
			if file.FileType == kind {
				size, files = file.Size, files+1
			}
		}
		if files != 1 || size < 1 {
			return -1
		}
		return size
	}
}
