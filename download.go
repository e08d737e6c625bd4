package gitlabci

import (
	"bufio"
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math"
	"mime"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"

	"example.com/gitlabci/internal/remote"
	"example.com/gitlabci/internal/rest"
	"example.com/gitlabci/internal/zipped"
)

// An ArtifactFile is a file that is being downloaded from GitLab or its object storage.
// It is never held in memory. The caller must close it.
type ArtifactFile struct {
	Name        string // without folders, such as "artifacts.zip"
	Size        int64  // bytes, or -1 if unknown
	ContentType string

	source *remote.File
	body   io.Reader // the source, or what decompresses it
}

// Read reads the file. If the connection breaks, stalls or ends too early,
// it requests the missing bytes and continues. [WithRetries] limits the attempts
// in a row that bring no new byte. If they all fail, the error says which file it
// is and how much of it was read. It matches [io.ErrUnexpectedEOF] if the file
// ends too early, [ErrStalled] if no more bytes arrive, and the errors of
// [ArtifactsService.Open] if the file is gone. A file that changed during the
// download is an error, too: bytes of two files are never joined. Only a strong
// ETag proves that a part belongs to the same file. Without one, the whole file
// is requested again and its beginning is compared.
//
// If a server sends neither the length nor chunks, the file ends where the
// connection ends. Then the size in the job, if it can be read, or the end of a
// zip archive or of a finished job's log must prove that the file is complete. If
// nothing does, the error after the last byte matches [io.ErrUnexpectedEOF].
func (f *ArtifactFile) Read(p []byte) (int, error) {
	if f.source.IsClosed() { // though there may be bytes read ahead
		return 0, f.source.Fail(fs.ErrClosed)
	}
	return f.body.Read(p)
}

// Close ends the download, and a Read that is waiting for bytes.
func (f *ArtifactFile) Close() error { return f.source.Close() }

// open opens an archive or a report. The spec says how it is saved, if it is.
func (s *ArtifactsService) open(ctx context.Context, project ProjectID, src ArtifactSource, opts *OpenOptions, spec remote.Spec) (*ArtifactFile, error) {
	spec.JSON = opts.wantsReport()
	spec.Mirrored = spec.Copy != nil && !opts.wantsReport() && !opts.Gunzip // see checkReport, which reads ahead
	spec.Ending, spec.Progress = endOfZip, opts.Progress
	if job, ok := src.(JobID); ok {
		spec.Fixed = true // a job's artifacts are never replaced
		spec.Length = s.client.sizeOf(project, job, cmp.Or(opts.FileType, ArtifactTypeArchive))
	}
	file, err := s.client.download(ctx, archiveCall(project, src, opts), spec)
	if err != nil {
		return nil, err
	}
	return checkReport(file, opts)
}

// download opens a file.
func (c *Client) download(ctx context.Context, cl *rest.Call, spec remote.Spec) (*ArtifactFile, error) {
	source, err := remote.Open(ctx, fileServer{c.wire, cl}, spec)
	if err != nil {
		return nil, err
	}
	return &ArtifactFile{
		Name:        source.Name(),
		Size:        source.Size(),
		ContentType: source.ContentType(),
		source:      source,
		body:        source,
	}, nil
}

// copyIn returns what will be written to w, to read it again. It returns nil if that cannot
// be done: w must be a regular file that is open for reading, and not for appending.
func copyIn(w io.Writer) io.ReaderAt {
	file, ok := w.(*os.File)
	if !ok {
		return nil
	}
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return nil
	}
	if _, err := file.WriteAt(nil, 0); err != nil { // it is open for appending
		return nil
	}
	at, err := file.Seek(0, io.SeekCurrent)
	if err != nil {
		return nil
	}
	if _, err := file.ReadAt(make([]byte, 1), at); err != nil && err != io.EOF {
		return nil
	}
	return io.NewSectionReader(file, at, math.MaxInt64-at)
}

// A fileServer makes the calls for one file.
type fileServer struct {
	wire *rest.Client
	call *rest.Call
}

func (s fileServer) Request(ctx context.Context, header http.Header, at *url.URL) (*rest.Response, error) {
	all := http.Header{"Accept": {"*/*"}}
	maps.Copy(all, header)
	return s.wire.Open(ctx, s.call, all, at)
}

// WaitToRetry waits before another attempt, unless that is not allowed.
func (s fileServer) WaitToRetry(ctx context.Context, failures int, broken error) error {
	return s.wire.WaitToRetry(ctx, s.call, failures, broken)
}

func (s fileServer) Refused(err error) (status int, storage bool) {
	e, ok := errors.AsType[*APIError](err)
	if !ok {
		return 0, false
	}
	return e.StatusCode, e.storage != ""
}

func (s fileServer) Retries() bool { return s.wire.Config().Tries > 1 }

// archiveCall describes the download of an archive or a report file.
func archiveCall(project ProjectID, src ArtifactSource, opts *OpenOptions) *rest.Call {
	below, query, err := archiveOf(src)
	if _, byID := src.(JobID); opts.FileType != "" && !byID && err == nil {
		err = errors.New("OpenOptions.FileType needs the job's ID; GitLab offers only the archive of LatestArtifacts")
	}
	if opts.FileType != "" {
		query.Set("file_type", string(opts.FileType))
	}
	if opts.DownloadMode != "" {
		query.Set("download_mode", string(opts.DownloadMode))
	}
	return artifactCall(project, below, query, err)
}

// archiveOf returns the path and query of src. Pointers to a JobID or LatestArtifacts are
// refused: they have the same methods, and can be nil.
func archiveOf(src ArtifactSource) (below []any, query url.Values, err error) {
	switch src.(type) {
	case JobID, LatestArtifacts:
		return src.archive()
	}
	return nil, url.Values{}, errors.New("the source is neither a JobID nor LatestArtifacts")
}

func artifactCall(project ProjectID, below []any, query url.Values, err error) *rest.Call {
	c := rest.ReadFile(at(append([]any{"projects", project}, below...)...), query)
	if err != nil {
		c.Err = err
	}
	return c
}

func memberCall(project ProjectID, src ArtifactSource, path string) *rest.Call {
	below, query, err := archiveOf(src)
	if err == nil {
		below = src.member(memberPath(path))
	}
	return artifactCall(project, below, query, err)
}

// The names of files that GitLab sends as HTML or as JSON.
var (
	pageName = regexp.MustCompile(`(?i)\.[a-z]?html?$`)
	jsonName = regexp.MustCompile(`(?i)json|\.(map|webmanifest)$`)
)

// refuseListing refuses a list of what is in the archive, which newer servers send in place
// of a file called "tree".
func refuseListing(header http.Header) error {
	if header.Get("X-Page") == "" {
		return nil
	}
	return fmt.Errorf("%w: GitLab lists the archive at this URL; to read a file called \"tree\", use LatestArtifacts or open the archive", errors.ErrUnsupported)
}

// How a zip archive begins, an empty one too, and a gzip file.
var (
	zipMagic      = []byte("PK\x03\x04")
	emptyZipMagic = []byte("PK\x05\x06")
	gzipMagic     = []byte{0x1f, 0x8b}
)

// wantsReport reports whether a report is requested, and not the archive.
func (o *OpenOptions) wantsReport() bool {
	return o.FileType != "" && o.FileType != ArtifactTypeArchive
}

// checkReport reads the beginning of a file. It refuses the archive in place of a report,
// and decompresses a gzip file if that is requested.
func checkReport(file *ArtifactFile, opts *OpenOptions) (*ArtifactFile, error) {
	isReport := opts.wantsReport()
	if !isReport && !opts.Gunzip {
		return file, nil
	}
	ahead := bufio.NewReader(file.source)
	start, err := ahead.Peek(len(zipMagic))
	if err == io.EOF { // a file may be shorter
		err = nil
	}
	file.body = ahead
	switch {
	case err != nil:
	case isReport && file.isArchive(opts.FileType, start):
		err = file.source.Refuse("%w: the server knows no file_type, and sends the archive in place of the %s report", errors.ErrUnsupported, opts.FileType)
	case opts.Gunzip && bytes.HasPrefix(start, gzipMagic):
		err = file.gunzip(ahead)
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

// isArchive reports whether this is the archive and not a report. A type that
// GitLab keeps as zip, or that is not known here, may begin as an archive does; then only
// the name decides.
func (f *ArtifactFile) isArchive(asked ArtifactType, start []byte) bool {
	if asked == ArtifactTypeLSIF || asked == ArtifactTypeSCIP {
		return false
	}
	kind, _, _ := mime.ParseMediaType(f.ContentType) // "" if it makes no sense
	zipped := kind == "application/zip" || bytes.HasPrefix(start, zipMagic) || bytes.HasPrefix(start, emptyZipMagic)
	return strings.EqualFold(f.Name, "artifacts.zip") || zipped && asked.Downloadable()
}

// gunzip makes the file what the gzip file contains.
func (f *ArtifactFile) gunzip(compressed io.Reader) error {
	g := &gunzipReader{source: f.source}
	var err error
	g.Reader, err = gzip.NewReader(compressed)
	if err != nil {
		return g.explain(err)
	}
	f.body, f.Name, f.Size = g, strings.TrimSuffix(f.Name, ".gz"), -1
	return nil
}

// A gunzipReader reads what a gzip file contains.
type gunzipReader struct {
	*gzip.Reader
	source *remote.File
}

func (g *gunzipReader) Read(p []byte) (int, error) {
	n, err := g.Reader.Read(p)
	return n, g.explain(err)
}

// explain says that the gzip file is damaged. Errors of the download are not changed.
func (g *gunzipReader) explain(err error) error {
	if err == nil || err == io.EOF || err == g.source.Err() {
		return err
	}
	return rest.Errorf("%s: the gzip file is damaged: %w", g.source.From(), err)
}

// endOfZip reports whether a zip archive is complete. Its last record says where the
// directory begins, and that matches only if nothing is missing. A gzip file cannot be
// checked so: it may be several files in sequence, and the last ones may be missing.
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

// downloadTo copies the file that open opens to a new file on disk. The error is
// [zipped.ErrUnproven] if parts were joined by comparing bytes and cannot be checked, and
// [remote.ErrNoParts] if the file cannot be read over several connections.
func downloadTo(ctx context.Context, part *os.File, open func() (*ArtifactFile, error), connections int) error {
	file, err := open()
	if err != nil {
		return err
	}
	defer file.Close()
	var size int64
	if file.body == file.source {
		size, err = file.source.CopyTo(ctx, part, connections)
	} else {
		size, err = remote.Copy(part, file)
	}
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
	switch {
	case err == nil || err == zipped.ErrUnproven:
		return err
	case ctx.Err() != nil:
		return source.Fail(rest.ByContext(ctx, err))
	}
	return source.Fail(source.Changed("the parts before and after an interruption do not match: %w", err))
}

// fileSystemError puts the package's name before an error of the file system. An error of
// the download has it already.
func fileSystemError(err error) error {
	_, ofPath := errors.AsType[*fs.PathError](err)
	_, ofLink := errors.AsType[*os.LinkError](err)
	if ofPath || ofLink {
		return rest.Errorf("%w", err)
	}
	return err
}
