package gitlabci

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"net/url"

	"example.com/gitlabci/internal/remote"
	"example.com/gitlabci/internal/rest"
)

// An ArtifactFile is a file on its way from GitLab or its storage. It is read
// as it arrives and never held in memory; the caller closes it.
type ArtifactFile struct {
	Name        string // without folders, such as "artifacts.zip"
	Size        int64  // bytes, or -1 if not told
	ContentType string

	source *remote.File
	body   io.Reader // the source, or what unpacks it
}

// Read reads the file. If the connection breaks off, stalls or ends too early,
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

// Close ends the download, finished or not, and a Read that waits.
func (f *ArtifactFile) Close() error { return f.source.Close() }

// identity asks for the bytes as they are: compressed on the way, their number
// would not be the file's.
const identity = "identity"

// download opens a file.
func (c *Client) download(ctx context.Context, cl *rest.Call, spec remote.Spec) (*ArtifactFile, error) {
	source, err := remote.Open(ctx, fileServer{c.wire, cl}, spec)
	if err != nil {
		return nil, err
	}
	return &ArtifactFile{
		Name:        source.Name(),
		Size:        source.Size(),
		ContentType: source.Header().Get("Content-Type"),
		source:      source,
		body:        source,
	}, nil
}

// A fileServer makes the calls for one file.
type fileServer struct {
	wire *rest.Client
	call *rest.Call
}

func (s fileServer) Ask(ctx context.Context, header http.Header, at *url.URL) (*rest.Response, error) {
	all := http.Header{"Accept": {"*/*"}}
	maps.Copy(all, header)
	return s.wire.Open(ctx, s.call, all, at)
}

// Again waits before another attempt, unless that is not allowed.
func (s fileServer) Again(ctx context.Context, failures int, broken error) error {
	return s.wire.Again(ctx, s.call, failures, broken)
}

func (s fileServer) Refused(err error) (status int, storage bool) {
	e, ok := errors.AsType[*APIError](err)
	if !ok {
		return 0, false
	}
	return e.StatusCode, e.isStorage()
}

func (s fileServer) Retries() bool { return s.wire.Config().Tries > 1 }
