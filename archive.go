package gitlabci

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"example.com/gitlabci/internal/remote"
	"example.com/gitlabci/internal/rest"
	"example.com/gitlabci/internal/zipped"
)

// An Archive gives access to the files in a job's archive without downloading it: reads
// become range requests, and small files that are close together share one. It is a
// [fs.ReadLinkFS], and safe for concurrent use.
//
// A file is requested when it is first read. Its size and checksum are checked, and an
// interrupted read resumes. [Archive.Close] and the end of the context interrupt a Read
// that waits; Close of the file waits for it.
//
// A file that is encrypted, or compressed by another method than Deflate, can be listed
// but not opened. Links and devices are listed as what they are. Reading a link returns
// the name that it points to; no link is followed. A folder that has files but no entry
// of its own has no modification time.
//
// One request reads the last 256 KiB of the archive, with the directory of some 2,500 files.
// A larger directory costs one more request. Each file costs one, unless it was read with
// another file. GitLab's endpoint for a single file, which [ArtifactsService.OpenFile] uses,
// would cost no less: the directory says already where the file is. Besides, that endpoint
// sends neither parts nor a checksum, and GitLab has to unpack the file. If the archive is in
// a storage, requests for files do not go through GitLab until the signed URL expires. The
// directory is held in memory: some 18 MiB for 100,000 files. It may have up to 32 MiB, and
// 524,288 files and folders.
//
// If the server does not support ranges, the archive is copied to a temporary file, which
// Close removes. The same is done with [LatestArtifacts] if nothing proves that the next
// part is of the same job. A copy that nothing proves to be complete is an error; see
// [ArtifactFile.Read].
//
// The directory is read in one response, and every file is checked against it. So an archive
// that is replaced while it is read is an error, which says so.
type Archive struct {
	files   *zipped.Archive
	skipped []string
}

// ArchiveOptions say how an archive is read. Nil is all of the defaults.
type ArchiveOptions struct {
	DownloadMode DownloadMode // see [OpenOptions.DownloadMode]
}

// Archive opens a job's archive to read single files of it. Ctx governs all reading until
// [Archive.Close]. If you need only one file, [ArtifactsService.OpenFile] is cheaper: it
// takes one request.
//
//	GET /projects/:id/jobs/:job_id/artifacts
//	GET /projects/:id/jobs/artifacts/:ref_name/download
//
// See https://docs.gitlab.com/api/job_artifacts/#download-job-artifacts-by-job-id.
// The errors are those of [ArtifactsService.Open], also when files are read, and
// [archive/zip.ErrFormat] if the archive is not a zip file. The error matches
// [ErrUnsafeArchive] if the server does not support ranges and the archive has more than
// 10 GiB. [Archive] explains what is requested.
func (s *ArtifactsService) Archive(ctx context.Context, project ProjectID, src ArtifactSource, opts *ArchiveOptions) (*Archive, error) {
	if opts == nil {
		opts = &ArchiveOptions{}
	}
	defaults := &zipped.Options{}
	z, err := s.openZip(ctx, project, src, &OpenOptions{DownloadMode: opts.DownloadMode}, defaults.MaxPacked())
	if err != nil {
		return nil, err
	}
	files, skipped, err := z.Files(ctx)
	if err != nil {
		return nil, archiveError(err)
	}
	return &Archive{files: files, skipped: skipped}, nil
}

// Skipped returns the names that are left out: those that [fs.ValidPath] refuses, such
// as "../x" and what is not UTF-8, those with a backslash, and repetitions. Of a name
// that repeats, the first is kept.
func (a *Archive) Skipped() []string { return slices.Clone(a.skipped) }

// Close cancels all reads, waits until they have returned, and removes the temporary
// file, if there is one. Later reads fail with [fs.ErrClosed].
func (a *Archive) Close() error { return a.files.Close() }

// Open opens a file or a folder. A file is not requested before it is read.
// The error is an [*fs.PathError], and matches [fs.ErrNotExist] if there is no
// such name.
func (a *Archive) Open(name string) (fs.File, error) { return a.files.Open(name) }

// Stat describes a file or a folder without opening it. Links are not followed.
func (a *Archive) Stat(name string) (fs.FileInfo, error) { return a.files.Stat(name) }

// Lstat is the same as [Archive.Stat].
func (a *Archive) Lstat(name string) (fs.FileInfo, error) { return a.files.Stat(name) }

// ReadLink returns what a symbolic link points to, as the archive has it: it may
// lead anywhere. For anything else, the error matches [fs.ErrInvalid].
func (a *Archive) ReadLink(name string) (string, error) { return a.files.ReadLink(name) }

// ReadDir lists a folder, sorted by name.
func (a *Archive) ReadDir(name string) ([]fs.DirEntry, error) { return a.files.ReadDir(name) }

// ReadFile reads a whole file into memory.
func (a *Archive) ReadFile(name string) ([]byte, error) { return a.files.ReadFile(name) }

// ErrUnsafeArchive means that an archive is not extracted, because of a name in it or
// because it would become too large. The error says which. Nothing has been written.
var ErrUnsafeArchive = zipped.ErrUnsafe

// ExtractOptions say what is extracted, and how much at most. Nil extracts everything, and
// no file that exists is changed.
//
// An archive is refused for any of these among what is selected: links that lead out of the
// directory, devices, absolute names, drive letters, "..", names that repeat with other
// content, names that are not possible on this system or are the same file, encrypted files,
// and more than the limits allow. The error says which.
//
// Several parts of the archive are requested at the same time, and each resumes as in
// [Archive]. A server that does not support ranges sends the whole archive, which may then
// have at most 32 MiB more than MaxBytes.
//
// Files and folders get the permissions of the archive, less the umask, but no more than
// 0o755 or 0o644, and its modification times. Folders that exist keep theirs, and links are
// created last. Only a process that is killed leaves half a file.
type ExtractOptions struct {
	// Match selects the files whose name matches one of these patterns. Between
	// slashes they are those of [path.Match]; "**" stands for any number of
	// folders, or none: "**/*.xml", "coverage/*". A pattern that ends in a name, not
	// in a wildcard, selects a folder of this name with all below it: "coverage",
	// "**/reports"; so does one that ends in a slash. Only selected files are
	// requested and checked. Empty selects all.
	Match []string

	// Exclude leaves out what matches one of these patterns, which are as in
	// Match. What is left out is not checked, either.
	Exclude []string

	// Links says how symbolic links are handled. The default is LinksInside.
	Links Links

	// Overwrite replaces files that exist, each when the new one is complete. Of a
	// link, the link itself is replaced. Folders are never replaced.
	Overwrite bool

	// SkipExisting keeps existing files, with any content, and does not request them.
	// Without it and Overwrite, one that exists is an error before anything is written,
	// which matches [fs.ErrExist].
	SkipExisting bool

	// Limits on what is selected. 0 is the default, and less than 0 no limit.
	MaxFiles int   // files and folders; default 200,000
	MaxBytes int64 // unpacked, in total; default 10 GiB; see [ArtifactsService.Extract]
	MaxRatio int64 // unpacked to compressed bytes, in total, checked above 64 MiB; default 200

	// Concurrency is how many files are extracted at the same time, up to 64, each
	// with a request and up to 2 MiB of memory. 0 is the number of processors,
	// but at least 4.
	Concurrency int

	// Progress is called as bytes are written, with their number so far and in
	// total, on the goroutine that calls Extract.
	Progress func(done, total int64)
}

func (o *ExtractOptions) zippedOptions() *zipped.Options {
	return &zipped.Options{
		Match: o.Match, Exclude: o.Exclude, Links: zipped.Links(o.Links),
		Overwrite: o.Overwrite, SkipExisting: o.SkipExisting,
		MaxFiles: o.MaxFiles, MaxBytes: o.MaxBytes, MaxRatio: o.MaxRatio,
		Concurrency: o.Concurrency, Progress: o.Progress,
	}
}

// Links says how the symbolic links in an archive are handled.
type Links int

const (
	// LinksInside creates links whose target is relative and inside of the
	// directory, whether it exists or not. Any other link is refused.
	LinksInside Links = Links(zipped.LinksInside)

	// LinksSkip leaves out all links. ExtractResult.Skipped lists them.
	LinksSkip Links = Links(zipped.LinksSkip)

	// LinksRefuse refuses an archive with a link among what is selected.
	LinksRefuse Links = Links(zipped.LinksRefuse)
)

// An ExtractResult is what was extracted, sorted by name. Names are as in the
// archive, without a leading "./", below the directory.
type ExtractResult struct {
	Files   []string // written, each completely
	Links   []string // symbolic links that were created
	Skipped []string // not written: see [ExtractOptions.SkipExisting] and [LinksSkip]
	Bytes   int64    // in Files
}

// Extract unpacks a job's archive, or some of its files, into the directory dir, which is
// created if it does not exist. Nothing is written outside of dir, not even through a link.
//
//	GET /projects/:id/jobs/:job_id/artifacts
//	GET /projects/:id/jobs/artifacts/:ref_name/download
//
// See https://docs.gitlab.com/api/job_artifacts/#download-job-artifacts-by-job-id.
// The archive's directory is read and checked before anything is written. The error matches
// [ErrUnsafeArchive] if the archive is refused, for reasons that [ExtractOptions] lists, and
// [fs.ErrNotExist] if Match and Exclude select nothing. The other errors are those of
// [ArtifactsService.Archive] and of the file system. The result is never nil: after an
// error, it lists the files written so far, which are kept.
func (s *ArtifactsService) Extract(ctx context.Context, project ProjectID, src ArtifactSource, dir string, opts *ExtractOptions) (*ExtractResult, error) {
	if opts == nil {
		opts = &ExtractOptions{}
	}
	options := opts.zippedOptions()
	if err := options.Check(dir); err != nil {
		return &ExtractResult{}, rest.Invalid("Extract", err)
	}
	z, err := s.openZip(ctx, project, src, &OpenOptions{}, options.MaxPacked())
	if err != nil {
		return &ExtractResult{}, err
	}
	result, err := z.Extract(ctx, dir, options)
	return (*ExtractResult)(result), archiveError(err)
}

// ExtractZip unpacks a local zip archive of size bytes as [ArtifactsService.Extract]
// does, with the same limits and checks. R must allow concurrent calls of ReadAt; an
// [os.File] does.
//
// The error matches [ErrUnsafeArchive] if the archive is refused, [archive/zip.ErrFormat]
// if it is not a zip file, [fs.ErrNotExist] if Match selects nothing, and the errors
// of r and of the file system.
func ExtractZip(ctx context.Context, r io.ReaderAt, size int64, dir string, opts *ExtractOptions) (*ExtractResult, error) {
	if opts == nil {
		opts = &ExtractOptions{}
	}
	options := opts.zippedOptions()
	err := options.Check(dir)
	if r == nil || size < 0 {
		err = fmt.Errorf("the archive is %v of %d bytes", r, size)
	}
	if err != nil {
		return &ExtractResult{}, rest.Invalid("ExtractZip", err)
	}
	z, err := zipped.OpenLocal(ctx, r, size, "ExtractZip")
	if err != nil {
		return &ExtractResult{}, archiveError(err)
	}
	result, err := z.Extract(ctx, dir, options)
	return (*ExtractResult)(result), archiveError(err)
}

// openZip opens an archive and reads its directory. If it can only be copied, most is
// how many bytes it may have.
func (s *ArtifactsService) openZip(ctx context.Context, project ProjectID, src ArtifactSource, opts *OpenOptions, most int64) (*zipped.Index, error) {
	source, tail, err := s.openSource(ctx, project, src, opts, most)
	if err != nil {
		return nil, err
	}
	z, err := zipped.Open(ctx, source, tail)
	return z, archiveError(err)
}

// openSource opens an archive to be read in parts, or else copies it.
func (s *ArtifactsService) openSource(ctx context.Context, project ProjectID, src ArtifactSource, opts *OpenOptions, most int64) (zipped.Source, []byte, error) {
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
	tooLarge := zipped.Unsafe(fmt.Errorf("more than %d bytes, and the server does not send parts of it", most))
	spool, tail, err := remote.NewSpool(file.source, most, tooLarge)
	if err != nil {
		return nil, nil, err
	}
	return spool, tail, nil
}

// archiveError puts the package's name before an error of package zipped. An error of a
// request has it already.
func archiveError(err error) error {
	const ours = "gitlabci: "
	if err == nil || strings.HasPrefix(err.Error(), ours) {
		return err
	}
	return fmt.Errorf(ours+"%w", err)
}
