package gitlabci

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"example.com/gitlabci/internal/remote"
	"example.com/gitlabci/internal/zipped"
)

// An Archive is the files in a job's archive, which stays on the server: what
// is read travels then, by ranges, and nothing twice that lies close together.
// It is a file system for [io/fs], and may be used by any number of goroutines.
//
// Files begin to travel when they are first read. Their sizes and checksums are
// checked, and a read whose connection breaks goes on by another one. A read
// that waits is ended by [Archive.Close] or the context; Close of its own file
// waits for it.
//
// A file that is encrypted, or compressed by another method than Deflate, can be
// listed but not opened. Links and devices are listed as what they are; reading
// them gives what the archive has of them, such as the name that a link leads
// to, and nothing is followed. A folder that the archive does not list, but has
// files in, has no time.
//
// What the archive's directory tells is held in memory: some 25 MiB for 100,000
// files. It may have up to 32 MiB, and 524,288 files and folders.
type Archive struct {
	files   *zipped.Archive
	skipped []string
}

// ArchiveOptions say how an archive is read. Nil is all of the defaults.
type ArchiveOptions struct {
	DownloadMode DownloadMode // see [OpenOptions.DownloadMode]
}

// Archive opens a job's archive to read single files of it.
//
//	GET /projects/:id/jobs/:job_id/artifacts
//	GET /projects/:id/jobs/artifacts/:ref_name/download
//
// See https://docs.gitlab.com/api/job_artifacts/#download-job-artifacts-by-job-id.
// One request reads the end of the archive with its directory: 1.5 MiB, or more if
// the directory is larger. Each file costs one more request, unless it was read
// with another file. If the archive is in a storage, these requests do not go
// through GitLab until the signed URL expires. If the server does not support
// ranges, the archive is copied to a temporary file, which [Archive.Close] removes.
// The same is done with [LatestArtifacts] if nothing proves that the next part is of
// the same job.
//
// If the archive is replaced while it is read, the error says so: the directory is
// read in one response, and every file is checked against it. A copy that nothing
// proves to be complete is an error, too; see [ArtifactFile.Read]. Ctx governs all
// reading until Close. The errors are those of [ArtifactsService.Open], also when
// files are read, and [archive/zip.ErrFormat] if the archive is not a zip file.
func (s *ArtifactsService) Archive(ctx context.Context, project ProjectID, src ArtifactSource, opts *ArchiveOptions) (*Archive, error) {
	if opts == nil {
		opts = &ArchiveOptions{}
	}
	z, err := s.openZip(ctx, project, src, &OpenOptions{DownloadMode: opts.DownloadMode})
	if err != nil {
		return nil, err
	}
	files, skipped, err := z.Files(ctx)
	if err != nil {
		return nil, ofArchive(err)
	}
	return &Archive{files: files, skipped: skipped}, nil
}

// Skipped returns the names that are left out: those that [fs.ValidPath] says
// no to, such as "../x" and what is not UTF-8, those with a backslash, and
// each that is there already. Of a name that repeats, the first is kept.
func (a *Archive) Skipped() []string { return slices.Clone(a.skipped) }

// Close ends all reading, waits until it has ended, and removes the temporary
// file, if there is one. Reads fail with [fs.ErrClosed] from then on.
func (a *Archive) Close() error { return a.files.Close() }

// Open opens a file or a folder. Nothing of a file travels before it is read.
// The error is an [*fs.PathError], and matches [fs.ErrNotExist] if there is no
// such name.
func (a *Archive) Open(name string) (fs.File, error) { return a.files.Open(name) }

// Stat describes a file or a folder, as [Archive.Open] and the file's Stat.
func (a *Archive) Stat(name string) (fs.FileInfo, error) { return a.files.Stat(name) }

// ReadDir lists a folder, sorted by name.
func (a *Archive) ReadDir(name string) ([]fs.DirEntry, error) { return a.files.ReadDir(name) }

// ReadFile reads a file whole. Mind its size: it is in memory then.
func (a *Archive) ReadFile(name string) ([]byte, error) { return a.files.ReadFile(name) }

// openZip opens an archive and reads its directory.
func (s *ArtifactsService) openZip(ctx context.Context, project ProjectID, src ArtifactSource, opts *OpenOptions) (*zipped.Index, error) {
	source, tail, err := s.openSource(ctx, project, src, opts)
	if err != nil {
		return nil, err
	}
	z, err := zipped.Open(ctx, source, tail)
	return z, ofArchive(err)
}

// openSource opens an archive to be read in parts, or else copies it.
func (s *ArtifactsService) openSource(ctx context.Context, project ProjectID, src ArtifactSource, opts *OpenOptions) (zipped.Source, []byte, error) {
	_, byID := src.(JobID)
	parts, tail, err := remote.OpenParts(ctx, fileServer{s.client.wire, archiveCall(project, src, opts)}, byID)
	if err == nil {
		return parts, tail, nil
	}
	if !errors.Is(err, remote.ErrNoParts) {
		return nil, nil, err
	}
	file, err := s.Open(ctx, project, src, opts)
	if err != nil {
		return nil, nil, err
	}
	defer file.Close()
	spool, tail, err := remote.NewSpool(file.source, "gitlabci-*.zip")
	if err != nil {
		return nil, nil, err
	}
	return spool, tail, nil
}

// ofArchive makes an error about an archive one of ours, unless it is one already,
// of a request.
func ofArchive(err error) error {
	const ours = "gitlabci: "
	if err == nil || strings.HasPrefix(err.Error(), ours) {
		return err
	}
	return fmt.Errorf(ours+"%w", err)
}
