package gitlabci

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"mime"
	"net/http"
	"strings"
	"unicode"

	"example.com/gitlabci/internal/rest"
	"example.com/gitlabci/internal/secret"
)

// An ArtifactFile is a file on its way from GitLab or its storage. It is read
// as it arrives and never held in memory; the caller closes it.
type ArtifactFile struct {
	Name        string // without folders, such as "artifacts.zip"
	Size        int64  // bytes, or -1 if not told
	ContentType string

	header http.Header
	source *mender
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
	if f.source.isClosed() { // though there may be bytes read ahead
		return 0, f.source.fail(fs.ErrClosed)
	}
	return f.body.Read(p)
}

// Close ends the download, finished or not, and a Read that waits.
func (f *ArtifactFile) Close() error { return f.source.Close() }

// refuse closes a file that is not what was asked for, and says why.
func (f *ArtifactFile) refuse(format string, args ...any) error {
	f.Close()
	return fmt.Errorf("gitlabci: %s: %w", f.source.from, secret.ScrubError(fmt.Errorf(format, args...), f.source.secrets))
}

// notPage refuses a page in place of a file: a login form, perhaps.
func notPage(f *ArtifactFile, err error) (*ArtifactFile, error) {
	if err == nil && rest.IsPage(f.ContentType) {
		return nil, f.refuse("the response has content type %q: this is a page", f.ContentType)
	}
	return f, err
}

// notJSON refuses JSON in place of a file. The error quotes its message.
func notJSON(f *ArtifactFile, err error) (*ArtifactFile, error) {
	if err != nil || !rest.IsJSON(f.ContentType) {
		return f, err
	}
	return nil, f.refuse("%w", noFile(f.ContentType, f.body, f.source.secrets))
}

// identity asks for the bytes as they are: compressed on the way, their number
// would not be the file's.
const identity = "identity"

// download opens a file. Encoding is what it may be compressed by on the way;
// "" leaves that to net/http, which unpacks it.
func (c *Client) download(ctx context.Context, cl *call, encoding string, progress func(done, total int64)) (*ArtifactFile, error) {
	ctx, cancel := context.WithCancel(ctx)
	resp, err := c.ask(ctx, cl, encoding, nil)
	if err != nil {
		cancel()
		return nil, err
	}
	source := c.mended(ctx, cancel, cl, resp)
	source.encoding, source.progress = encoding, progress
	file := &ArtifactFile{
		Name:        fileName(resp),
		Size:        resp.ContentLength,
		ContentType: resp.Header.Get("Content-Type"),
		header:      resp.Header,
		source:      source,
		body:        source,
	}
	if resp.StatusCode != http.StatusOK {
		return nil, file.refuse("%s is not a whole file", rest.StatusLine(resp.StatusCode))
	}
	if err := encoded(resp); err != nil {
		return nil, file.refuse("%w", err)
	}
	return file, nil
}

// ask makes the call for a file, with a header to ask for a part of it.
func (c *Client) ask(ctx context.Context, cl *call, encoding string, header http.Header) (*http.Response, error) {
	req, err := c.newRequest(ctx, cl)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "*/*")
	if encoding != "" {
		req.Header.Set("Accept-Encoding", encoding)
	}
	maps.Copy(req.Header, header)
	return c.do(req, cl, nil)
}

// origin says where an answer is from.
func (c *Client) origin(cl *call, resp *http.Response) string {
	from := cl.method + " " + cl.path.escaped
	if !rest.SameOrigin(resp.Request.URL, c.config.base) {
		from += ": storage " + resp.Request.URL.Host
	}
	return from
}

// encoded refuses a file that something compressed on its way unasked.
func encoded(resp *http.Response) error {
	packed := resp.Header.Get("Content-Encoding")
	if packed == "" || strings.EqualFold(packed, identity) {
		return nil
	}
	return fmt.Errorf("the file is compressed by %q on its way, though that was not asked for", packed)
}

// fileName is what the server calls the file, without folders, which are the
// caller's to choose.
func fileName(resp *http.Response) string {
	_, params, err := mime.ParseMediaType(resp.Header.Get("Content-Disposition"))
	if err == nil && params["filename"] != "" {
		return baseName(params["filename"])
	}
	return baseName(resp.Request.URL.Path)
}

// baseName is the last part of a path on any system, "" if there is none.
func baseName(path string) string {
	name := strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(path, "\uFFFD"))
	name = name[strings.LastIndexAny(name, `/\:`)+1:]
	if name == "." || name == ".." {
		return ""
	}
	return name
}
