package gitlabci

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"example.com/gitlabci/internal/atomicfile"
	"example.com/gitlabci/internal/remote"
	"example.com/gitlabci/internal/zipped"
)

// SaveOptions say which file of a job is saved. Nil is the archive.
type SaveOptions struct {
	FileType     ArtifactType            // see [OpenOptions.FileType]
	Gunzip       bool                    // see [OpenOptions.Gunzip]
	DownloadMode DownloadMode            // see [OpenOptions.DownloadMode]
	Progress     func(done, total int64) // see [OpenOptions.Progress]

	// AllowUnverified saves a file that nothing proves to be complete: the server
	// sent neither its length nor its end, its size in the job is unknown, and it
	// is not a complete zip archive. Such a file may be cut short. By default the
	// old file is kept, and the error matches [io.ErrUnexpectedEOF].
	AllowUnverified bool
}

func (o *SaveOptions) open() *OpenOptions {
	return &OpenOptions{FileType: o.FileType, Gunzip: o.Gunzip, DownloadMode: o.DownloadMode, Progress: o.Progress}
}

// Save writes a job's archive of artifacts, or one of its report files, to a
// file: completely, or not at all. Until all data has arrived and is on disk, it is
// in a temporary file in the same folder, whose name begins with a dot and ends in
// ".part". That file then replaces the old one in one step. After an error, the old
// file, or none, is there as before. Only a program that is killed leaves a ".part"
// file behind.
//
//	GET /projects/:id/jobs/:job_id/artifacts
//	GET /projects/:id/jobs/artifacts/:ref_name/download
//
// See https://docs.gitlab.com/api/job_artifacts/#download-job-artifacts-by-job-id.
// The errors are those of [ArtifactsService.Open], of its file and of the file
// system. The saved file is never a mix of two files: an interrupted download
// resumes as described at [ArtifactFile.Read]. Only the archive of a job given by
// its ID, which GitLab never replaces, resumes with the missing bytes even without
// a strong ETag. Then the bytes around the interruption are compared, and all files
// in the archive are checked against its directory before it replaces the old one.
// The folder must exist, and the file must not be a folder, a device or the like:
// that is checked before any request. A replaced file passes on its permissions,
// but not its owner; a symbolic link is itself replaced.
func (s *ArtifactsService) Save(ctx context.Context, project ProjectID, src ArtifactSource, file string, opts *SaveOptions) error {
	if opts == nil {
		opts = &SaveOptions{}
	}
	old, err := atomicfile.Replaceable(file)
	call := archiveCall(project, src, opts.open())
	call.Err = cmp.Or(call.Err, err)
	if _, err := s.client.wire.Request(ctx, call); err != nil {
		return err
	}
	return ofFileSystem(atomicfile.Replace(file, old, func(part *os.File) error {
		err := s.fill(ctx, project, src, part, opts, true)
		if err != zipped.ErrUnproven {
			return err
		}
		_, err = part.Seek(0, io.SeekStart)
		if err = cmp.Or(err, part.Truncate(0)); err != nil {
			return err
		}
		return s.fill(ctx, project, src, part, opts, false)
	}))
}

// fill downloads to a new file. With join, parts may be joined by comparing bytes;
// the error is [zipped.ErrUnproven] if that was done and cannot be checked.
func (s *ArtifactsService) fill(ctx context.Context, project ProjectID, src ArtifactSource, part *os.File, opts *SaveOptions, join bool) error {
	spec := remote.Spec{Lax: opts.AllowUnverified}
	if join && !opts.Gunzip {
		spec.Copy, spec.Provable = part, beginsAsZip
	}
	file, err := s.open(ctx, project, src, opts.open(), spec)
	if err != nil {
		return err
	}
	defer file.Close()
	size, err := io.Copy(part, file)
	if err != nil || file.source.Seam() == 0 {
		return err
	}
	return proveJoined(ctx, file.source, part, size)
}

// beginsAsZip reports whether a copy can be checked when it is complete: it is a zip
// archive.
func beginsAsZip(copied io.ReaderAt) bool {
	start := make([]byte, len(zipMagic))
	_, err := copied.ReadAt(start, 0)
	return err == nil && bytes.Equal(start, zipMagic)
}

// proveJoined checks an archive whose parts were joined only by comparing bytes.
// The error is [zipped.ErrUnproven] if the archive cannot be checked; otherwise it says that
// the archive has changed.
func proveJoined(ctx context.Context, source *remote.File, copied *os.File, size int64) error {
	err := zipped.Prove(ctx, copied, size, source.Seam())
	if err == nil || err == zipped.ErrUnproven || ctx.Err() != nil {
		return err
	}
	return source.Fail(source.Changed("the parts before and after an interruption do not match: %w", err))
}

// ofFileSystem makes an error of the file system one of ours. Any other is of the
// download, and is one already.
func ofFileSystem(err error) error {
	_, ofPath := errors.AsType[*fs.PathError](err)
	_, ofLink := errors.AsType[*os.LinkError](err)
	if ofPath || ofLink {
		return fmt.Errorf("gitlabci: %w", err)
	}
	return err
}
