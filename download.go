package gitlabci

import (
	"context"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
)

// An ArtifactFile is a file on its way from GitLab or its storage. It is read
// as it arrives and never held in memory; the caller closes it.
type ArtifactFile struct {
	Name        string // without folders, such as "artifacts.zip"
	Size        int64  // bytes, or -1 if not told
	ContentType string

	body     io.ReadCloser
	read     int64
	endpoint string
	progress func(done, total int64)
}

// Read reads on. An error says which file broke off; one that ends before its
// Size matches [io.ErrUnexpectedEOF], one that does not go on [ErrStalled].
func (f *ArtifactFile) Read(p []byte) (int, error) {
	n, err := f.body.Read(p)
	f.read += int64(n)
	if n > 0 && f.progress != nil {
		f.progress(f.read, f.Size)
	}
	if err == io.EOF && f.Size >= 0 && f.read < f.Size {
		err = io.ErrUnexpectedEOF
	}
	if err != nil && err != io.EOF {
		err = fmt.Errorf("gitlabci: %s: after %s: %w", f.endpoint, f.amount(), err)
	}
	return n, err
}

func (f *ArtifactFile) amount() string {
	if f.Size < 0 {
		return fmt.Sprintf("%d bytes", f.read)
	}
	return fmt.Sprintf("%d of %d bytes", f.read, f.Size)
}

// Close ends the download, finished or not.
func (f *ArtifactFile) Close() error { return f.body.Close() }

// open makes a call whose answer is read by the caller. Encoding is what the
// answer may be compressed by; "" leaves it to net/http, which unpacks it.
func (c *Client) open(ctx context.Context, cl *call, encoding string) (*http.Response, error) {
	req, err := c.newRequest(ctx, cl)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "*/*")
	if encoding != "" {
		req.Header.Set("Accept-Encoding", encoding)
	}
	return c.do(req, cl, nil)
}

// download opens a file. Its bytes are wanted as they are: compressed on the
// way, their number would not be the file's.
func (c *Client) download(ctx context.Context, cl *call, progress func(done, total int64)) (*ArtifactFile, error) {
	resp, err := c.open(ctx, cl, "identity")
	if err != nil {
		return nil, err
	}
	return &ArtifactFile{
		Name:        fileName(resp),
		Size:        resp.ContentLength,
		ContentType: resp.Header.Get("Content-Type"),
		body:        resp.Body,
		endpoint:    cl.method + " " + cl.path.escaped,
		progress:    progress,
	}, nil
}

// fileName is what the server calls the file, without folders, which are the
// caller's to choose.
func fileName(resp *http.Response) string {
	name := resp.Request.URL.Path
	if _, params, err := mime.ParseMediaType(resp.Header.Get("Content-Disposition")); err == nil && params["filename"] != "" {
		name = params["filename"]
	}
	name = name[strings.LastIndexAny(name, `/\`)+1:]
	if name == "." || name == ".." {
		return ""
	}
	return name
}
