package gitlabci

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"os"

	"example.com/gitlabci/internal/atomicfile"
	"example.com/gitlabci/internal/remote"
	"example.com/gitlabci/internal/rest"
	"example.com/gitlabci/internal/zipped"
)

// ArtifactsService downloads, lists and deletes the artifacts of jobs. It is
// [Client.Artifacts].
//
// See https://docs.gitlab.com/api/job_artifacts/.
type ArtifactsService struct{ client *Client }

// An ArtifactsFile is a job's archive of artifacts.
type ArtifactsFile struct {
	Filename string `json:"filename"`
	Size     int64  `json:"size"` // bytes
}

// A JobArtifact is one of the files a job left behind.
type JobArtifact struct {
	FileType   ArtifactType   `json:"file_type"`
	Size       int64          `json:"size"` // bytes
	Filename   string         `json:"filename"`
	FileFormat ArtifactFormat `json:"file_format,omitzero"`
}

// An ArtifactSource is a job whose artifacts are read: a [JobID], or
// [LatestArtifacts].
type ArtifactSource interface {
	archive() (below []any, query url.Values, err error)
	member(path memberPath) (below []any)
}

// LatestArtifacts are the artifacts of the job named Job in the newest successful
// pipeline of Ref, which is a branch, a tag or refs/merge-requests/N/head, but
// not a SHA. GitLab searches parent pipelines before their child pipelines.
type LatestArtifacts struct {
	Ref string
	Job string // the exact name

	// SearchRecent searches up to 100 recent successful pipelines, not only the
	// newest. From GitLab 18.10; older servers ignore it.
	SearchRecent bool
}

func (id JobID) archive() ([]any, url.Values, error) {
	return []any{"jobs", id, "artifacts"}, url.Values{}, nil
}

func (id JobID) member(path memberPath) []any {
	return []any{"jobs", id, "artifacts", path}
}

func (l LatestArtifacts) archive() ([]any, url.Values, error) {
	query := url.Values{"job": {l.Job}}
	if l.SearchRecent {
		query.Set("search_recent_successful_pipelines", "true")
	}
	if l.Job == "" {
		return nil, query, errors.New("LatestArtifacts.Job is empty")
	}
	return []any{"jobs", "artifacts", refName(l.Ref), "download"}, query, nil
}

func (l LatestArtifacts) member(path memberPath) []any {
	return []any{"jobs", "artifacts", refName(l.Ref), "raw", path}
}

// OpenOptions choose the file of a job that is opened. Nil means the archive.
type OpenOptions struct {
	// FileType selects a report file instead of the archive. The job must be given
	// by its ID. A report that GitLab stores with gzip is downloaded as a gzip file;
	// see Gunzip. From GitLab 19.4. Older servers send the archive, and then the
	// error matches [errors.ErrUnsupported]. If GitLab stores the type as a zip
	// file, or the type is not one of the constants, an archive sent in its place
	// cannot always be detected.
	FileType ArtifactType

	// Gunzip decompresses a gzip file: its Name loses ".gz", its Size is -1, and
	// reading a damaged one ends in an error. Other files are not changed. There
	// is no size limit, and a small gzip file can become a very large one.
	Gunzip bool

	// DownloadMode selects whether GitLab or its object storage sends the file, if
	// the administrator allows the choice. "" means the server's default. From
	// GitLab 19.4; older servers ignore it.
	DownloadMode DownloadMode

	// Progress is called as bytes arrive, with the number of bytes so far and the
	// total, or -1 if that is unknown. With Gunzip, compressed bytes count.
	Progress func(done, total int64)
}

// Open opens a job's archive of artifacts, or one of its report files. Archives
// are zip files made by the job: do not trust the names in them.
//
//	GET /projects/:id/jobs/:job_id/artifacts
//	GET /projects/:id/jobs/artifacts/:ref_name/download
//
// See https://docs.gitlab.com/api/job_artifacts/#download-job-artifacts-by-job-id.
// The error matches [ErrNotFound] if there is no such job, no successful
// pipeline of the ref, no such file, or one that has expired, and
// [ErrForbidden] if the artifacts are hidden from the token. An error of the
// storage that GitLab redirects to matches neither. An interrupted download
// resumes, and a file that may be cut short ends in an error: see
// [ArtifactFile.Read].
func (s *ArtifactsService) Open(ctx context.Context, project ProjectID, src ArtifactSource, opts *OpenOptions) (*ArtifactFile, error) {
	if opts == nil {
		opts = &OpenOptions{}
	}
	return s.open(ctx, project, src, opts, remote.Spec{})
}

// OpenFileOptions are options of [ArtifactsService.OpenFile]. Nil means the zero
// values.
type OpenFileOptions struct {
	Progress func(done, total int64) // see [OpenOptions.Progress]
}

// OpenFile opens one file within a job's archive, which GitLab unpacks. The
// path has slashes and no leading one, such as "coverage/index.html". This is one request;
// for several files of an archive, [ArtifactsService.Archive] is faster.
//
//	GET /projects/:id/jobs/:job_id/artifacts/*artifact_path
//	GET /projects/:id/jobs/artifacts/:ref_name/raw/*artifact_path
//
// See https://docs.gitlab.com/api/job_artifacts/#download-a-single-artifact-file-by-job-id.
// The errors are those of [ArtifactsService.Open]; [ErrNotFound] also stands
// for a folder and for a file that is not in the archive.
// The size of such a file is known only from the response. If the server sends
// neither the length nor chunks, only a zip archive can be proved complete; see
// [ArtifactFile.Read].
// From GitLab 18.8 a file called "tree" at the top of an archive cannot be
// reached by job ID: the error matches [errors.ErrUnsupported].
func (s *ArtifactsService) OpenFile(ctx context.Context, project ProjectID, src ArtifactSource, path string, opts *OpenFileOptions) (*ArtifactFile, error) {
	if opts == nil {
		opts = &OpenFileOptions{}
	}
	spec := remote.Spec{Ending: endOfZip, Progress: opts.Progress, Page: pageName.MatchString(path), JSON: jsonName.MatchString(path)}
	_, spec.Fixed = src.(JobID)
	if spec.Fixed && path == "tree" {
		spec.CheckHeader = refuseListing
	}
	return s.client.download(ctx, memberCall(project, src, path), spec)
}

// Download copies a job's archive of artifacts, or one of its report files, to
// w. It returns the bytes written, after an error too. Bytes of two files are
// never joined, and a file that may be cut short ends in an error; see
// [ArtifactFile.Read]. If w is a file that is open for reading too, its bytes are read
// again for that.
//
//	GET /projects/:id/jobs/:job_id/artifacts
//	GET /projects/:id/jobs/artifacts/:ref_name/download
//
// See https://docs.gitlab.com/api/job_artifacts/#download-job-artifacts-by-job-id.
// The errors are those of [ArtifactsService.Open], of its file and of w.
func (s *ArtifactsService) Download(ctx context.Context, project ProjectID, src ArtifactSource, w io.Writer, opts *OpenOptions) (int64, error) {
	if opts == nil {
		opts = &OpenOptions{}
	}
	file, err := s.open(ctx, project, src, opts, remote.Spec{Copy: copyIn(w)})
	if err != nil {
		return 0, err
	}
	defer file.Close()
	return remote.Copy(w, file)
}

const (
	defaultConnections = 4
	maxConnections     = 16
)

// SaveOptions choose the file of a job that is saved. Nil means the archive.
//
// Until all data is on disk, [ArtifactsService.Save] writes to a temporary file in the same
// folder, whose name begins with a dot and ends in ".part". That file then replaces the old
// one in one step. It gets the permissions of the old file, but not its owner; a symbolic
// link is itself replaced. Only a program that is killed leaves a ".part" file behind. The
// folder must exist, and the file must not be a folder, a device or the like, nor a link to
// one, such as /dev/stdout: that is checked before any request.
//
// The saved file is never a mix of two files: an interrupted download resumes as described
// at [ArtifactFile.Read]. Only a zip archive of a job given by its ID, which GitLab never
// replaces, resumes with the missing bytes even without a strong ETag. Then the bytes around
// the interruption are compared, and all files in the archive are checked against its
// directory before it replaces the old one.
type SaveOptions struct {
	FileType     ArtifactType            // see [OpenOptions.FileType]
	Gunzip       bool                    // see [OpenOptions.Gunzip]
	DownloadMode DownloadMode            // see [OpenOptions.DownloadMode]
	Progress     func(done, total int64) // see [OpenOptions.Progress]

	// Connections is how many connections a file of at least 32 MiB is read over, if the
	// server promises ranges and sends a strong ETag. Each reads a part, which resumes
	// by itself. 0 means 4, 1 means a single connection, and 16 is the maximum. Reports,
	// and files with Gunzip, are always read over one.
	//
	// If the server then does not send a part as requested, the file is downloaded again
	// over one connection, and Progress begins again at the first byte.
	Connections int

	// AllowUnverified saves a file that nothing proves to be complete: the server
	// sent neither its length nor its end, its size in the job is unknown, and it
	// is not a complete zip archive. Such a file may be cut short. By default the
	// old file is kept, and the error matches [io.ErrUnexpectedEOF].
	AllowUnverified bool
}

func (o *SaveOptions) openOptions() *OpenOptions {
	return &OpenOptions{FileType: o.FileType, Gunzip: o.Gunzip, DownloadMode: o.DownloadMode, Progress: o.Progress}
}

// Save writes a job's archive of artifacts, or one of its report files, to a file:
// completely, or not at all. [SaveOptions] explains how.
//
//	GET /projects/:id/jobs/:job_id/artifacts
//	GET /projects/:id/jobs/artifacts/:ref_name/download
//
// See https://docs.gitlab.com/api/job_artifacts/#download-job-artifacts-by-job-id.
// The errors are those of [ArtifactsService.Open], of its file and of the file system. After
// an error, the old file is unchanged, or there is still none, unless the error says that the
// file is saved: then only the disk failed to record its name.
func (s *ArtifactsService) Save(ctx context.Context, project ProjectID, src ArtifactSource, file string, opts *SaveOptions) error {
	if opts == nil {
		opts = &SaveOptions{}
	}
	old, err := atomicfile.Replaceable(file)
	if opts.Connections < 0 || opts.Connections > maxConnections {
		err = rest.Invalid("SaveOptions.Connections", fmt.Errorf("%d is not within 0 to %d", opts.Connections, maxConnections))
	}
	call := archiveCall(project, src, opts.openOptions())
	call.Err = cmp.Or(call.Err, err)
	if err := s.client.wire.Check(ctx, call); err != nil {
		return err
	}
	open := func(spec remote.Spec) func() (*ArtifactFile, error) {
		spec.AllowUnproven = opts.AllowUnverified
		return func() (*ArtifactFile, error) { return s.open(ctx, project, src, opts.openOptions(), spec) }
	}
	return fileSystemError(atomicfile.Replace(file, old, func(part *os.File) error {
		if opts.Gunzip { // what is written is not what is downloaded
			return downloadTo(ctx, part, open(remote.Spec{}), 1)
		}
		connections := cmp.Or(opts.Connections, defaultConnections)
		err := downloadTo(ctx, part, open(remote.Spec{Copy: part, Provable: beginsAsZip}), connections)
		if err != zipped.ErrUnproven && !errors.Is(err, remote.ErrNoParts) {
			return err
		}
		_, err = part.Seek(0, io.SeekStart)
		if err = cmp.Or(err, part.Truncate(0)); err != nil {
			return err
		}
		return downloadTo(ctx, part, open(remote.Spec{}), 1)
	}))
}

// An ArtifactEntry is a file or a folder in a job's archive.
type ArtifactEntry struct {
	Name string    `json:"name"`
	Path string    `json:"path"` // ends in a slash for a folder
	Type EntryType `json:"type"`
	Size int64     `json:"size,omitzero"` // bytes unpacked; 0 for a folder
	Mode string    `json:"mode,omitzero"` // six octal digits, such as "100644"
}

// ListEntriesOptions narrow a list of entries. Nil lists the root folder.
type ListEntriesOptions struct {
	ListOptions

	Path      string `url:"path,omitempty"`      // of a folder; "" is the root
	Recursive bool   `url:"recursive,omitempty"` // also lists everything in its folders
}

// ListEntries returns one page of the entries in a job's archive, folders first.
//
//	GET /projects/:id/jobs/:job_id/artifacts/tree
//
// See https://docs.gitlab.com/api/job_artifacts/#list-all-files-in-the-artifacts-archive.
// The error matches [ErrNotFound] if the job, its archive or the folder does
// not exist, and before GitLab 18.8; [ErrForbidden] if the artifacts are hidden
// from the token.
func (s *ArtifactsService) ListEntries(ctx context.Context, project ProjectID, job JobID, opts *ListEntriesOptions) (*Page[ArtifactEntry], error) {
	return list(ctx, pagesAt[*ArtifactEntry](s.client, at("projects", project, "jobs", job, "artifacts", "tree")), opts)
}

// AllEntries iterates over the entries in a job's archive, page by page as the loop
// runs.
//
//	GET /projects/:id/jobs/:job_id/artifacts/tree
//
// See https://docs.gitlab.com/api/job_artifacts/#list-all-files-in-the-artifacts-archive.
// The options and errors are those of [ArtifactsService.ListEntries]. PerPage is 100 by
// default. The first error ends the loop; if a page fails, it is a [PageError]. An archive
// does not change, so each entry is yielded exactly once.
func (s *ArtifactsService) AllEntries(ctx context.Context, project ProjectID, job JobID, opts *ListEntriesOptions) iter.Seq2[*ArtifactEntry, error] {
	return all(ctx, s.client, pagesAt[*ArtifactEntry](s.client, at("projects", project, "jobs", job, "artifacts", "tree")), opts)
}

// Keep removes the expiry date of a job's artifacts, and returns the job.
//
//	POST /projects/:id/jobs/:job_id/artifacts/keep
//
// See https://docs.gitlab.com/api/job_artifacts/#keep-job-artifacts.
// The error matches [ErrNotFound] if the job does not exist or has no archive,
// [ErrForbidden] without the right to change the job, and [ErrOutcomeUnknown] if every
// response was lost. The request is retried after a lost response. If GitLab refuses the
// retry, Keep reads the job. If its artifacts have no expiry date, Keep was successful;
// otherwise the error is the refusal, and matches [ErrOutcomeUnknown] too.
func (s *ArtifactsService) Keep(ctx context.Context, project ProjectID, job JobID) (*Job, error) {
	c := rest.Repeatable(http.MethodPost, at("projects", project, "jobs", job, "artifacts", "keep"), nil)
	return readBack(ctx, s.client, c, jobAt(project, job), func(now *Job) bool {
		return now.ArtifactsFile != nil && now.ArtifactsExpireAt.IsZero()
	})
}

// Delete deletes a job's artifacts, but not its log. A job without artifacts is no
// error. Only a maintainer may do this, and it cannot be undone.
//
//	DELETE /projects/:id/jobs/:job_id/artifacts
//
// See https://docs.gitlab.com/api/job_artifacts/#delete-job-artifacts.
// The error matches [ErrNotFound], [ErrForbidden] without the right to delete,
// [ErrConflict] while the project's statistics are refreshed, and
// [ErrOutcomeUnknown] if every response was lost. The request is retried after a lost
// response.
func (s *ArtifactsService) Delete(ctx context.Context, project ProjectID, job JobID) error {
	return s.client.wire.Discard(ctx, rest.Repeatable(http.MethodDelete, at("projects", project, "jobs", job, "artifacts"), nil))
}

// DeleteAll makes the artifacts of all jobs of a project expire now. GitLab deletes their
// files a little later. It keeps logs, and the artifacts of the newest successful
// pipeline of each ref. Only a maintainer may do this, and it cannot be undone.
//
//	DELETE /projects/:id/artifacts
//
// See https://docs.gitlab.com/api/job_artifacts/#delete-project-artifacts.
// The errors are those of [ArtifactsService.Delete].
func (s *ArtifactsService) DeleteAll(ctx context.Context, project ProjectID) error {
	return s.client.wire.Discard(ctx, rest.Repeatable(http.MethodDelete, at("projects", project, "artifacts"), nil))
}
