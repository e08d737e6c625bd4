package gitlabci

import (
	"context"

	"example.com/gitlabci/internal/rest"
	"example.com/gitlabci/internal/zipped"
)

// ErrUnsafeArchive is an archive that is not extracted, since a name in it
// leads elsewhere or is no file's, or since it would become too much. The error
// says which. Nothing has been written.
var ErrUnsafeArchive = zipped.ErrUnsafe

// ExtractOptions say what is extracted, and how much at most. Nil extracts
// everything, and no file that exists is changed.
type ExtractOptions struct {
	// Match selects the files that one of these patterns matches, each as
	// [path.Match] between slashes; "**" alone between slashes stands for any
	// number of names, or none: "**/*.xml", "coverage/**". Only what is selected
	// travels and is checked. Empty selects all.
	Match []string

	// Overwrite replaces files that exist, each when the new one is whole. A
	// link is replaced itself. Folders are never replaced.
	Overwrite bool

	// SkipExisting leaves files that exist as they are, whatever is in them, and
	// does not fetch theirs. Without it and Overwrite, one that exists is an
	// error before anything is written, which matches [fs.ErrExist].
	SkipExisting bool

	// The limits, on what is selected. 0 is a default and below 0 no limit.
	MaxFiles int   // files and folders: 200,000
	MaxBytes int64 // unpacked, together: 10 GiB
	MaxRatio int64 // how many times more than packed, together: 200; not asked below 64 MiB

	// Concurrency is how many files are extracted at the same time, each with a
	// request and up to 1.3 MiB of memory, up to 64. 0 is the number of
	// processors, and 4 at least.
	Concurrency int

	// Progress is called as bytes are written, with how many there are and how
	// many there will be. No two calls are at the same time.
	Progress func(done, total int64)
}

// An ExtractResult is what was extracted, sorted by name. Names are as in the
// archive, below the directory.
type ExtractResult struct {
	Files   []string // written, each whole
	Skipped []string // left as they were: see [ExtractOptions.SkipExisting]
	Bytes   int64    // in Files
}

// Extract unpacks a job's archive, or what is selected of it, into the
// directory dir, which is made if need be.
//
//	GET /projects/:id/jobs/:job_id/artifacts
//	GET /projects/:id/jobs/artifacts/:ref_name/download
//
// See https://docs.gitlab.com/api/job_artifacts/#download-job-artifacts-by-job-id.
// The archive's directory comes first, and is checked before anything is
// written. Links, devices, absolute names, drive letters, "..", names that
// repeat or differ only in case from another, names this system has no file for,
// encrypted files, and whatever exceeds the limits: the error names it, and
// matches [ErrUnsafeArchive]. Then parts of the archive travel, several at the
// same time, and each is mended as [ArtifactsService.Archive] says. Nothing is
// written outside of dir, not through a link in it either.
//
// A file gets mode 0o755 if anybody may execute it, else 0o644, less the umask,
// and the present time. No half a file stays, unless the process is killed. On
// error, what was written until then stays; the result, never nil, lists it. If
// Match selects nothing, the error matches [fs.ErrNotExist]. The other errors are
// those of [ArtifactsService.Archive] and of the file system.
func (s *ArtifactsService) Extract(ctx context.Context, project ProjectID, src ArtifactSource, dir string, opts *ExtractOptions) (*ExtractResult, error) {
	if opts == nil {
		opts = &ExtractOptions{}
	}
	options := zipped.Options(*opts)
	if err := options.Check(dir); err != nil {
		return &ExtractResult{}, rest.Invalid("Extract", err)
	}
	z, err := s.openZip(ctx, project, src, &OpenOptions{})
	if err != nil {
		return &ExtractResult{}, err
	}
	result, err := z.Extract(ctx, dir, &options)
	return (*ExtractResult)(result), ofArchive(err)
}
