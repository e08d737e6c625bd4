package gitlabcitest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"

	"example.com/gitlabci/gitlabcitest/internal/pack"
)

// fromDisk serves a file that lies on GitLab's disk, as its proxy does: ranges
// and conditions count.
func (c *call) fromDisk(a *artifact) *response {
	header := http.Header{}
	header.Set("Content-Disposition", `attachment; filename="`+a.name+`"; filename*=UTF-8''`+a.name)
	header.Set("Content-Transfer-Encoding", "binary")
	header.Set("Content-Type", "application/octet-stream")
	header.Set("ETag", c.etag(a))
	return fileResponse(c.request, header, a.created, a.data)
}

// fileResponse is a file, or the parts of it that are requested, as net/http serves
// it. Net/http only decides, as for a HEAD request; the body is the data itself
// and no copy, since it may be large.
func fileResponse(r *http.Request, header http.Header, modified time.Time, data []byte) *response {
	w := serveContent(r, http.MethodHead, header.Clone(), modified, data)
	a := &response{status: w.status, header: w.header}
	var first, last int
	_, err := fmt.Sscanf(w.header.Get("Content-Range"), "bytes %d-%d/", &first, &last)
	switch {
	case w.status == http.StatusOK:
		a.body = data
	case w.status == http.StatusPartialContent && err == nil:
		a.body = data[first : last+1]
	case w.status == http.StatusPartialContent: // several ranges in a body of their own
		w = serveContent(r, http.MethodGet, header, modified, data)
		a.header, a.body = w.header, w.body.Bytes()
	case w.body.Len() > 0:
		a.body = w.body.Bytes()
	}
	return a
}

func serveContent(r *http.Request, method string, header http.Header, modified time.Time, data []byte) *recorder {
	w := &recorder{header: header, status: http.StatusOK}
	req := r.WithContext(r.Context())
	req.Method = method
	http.ServeContent(w, req, "", modified, bytes.NewReader(data))
	return w
}

// A recorder is a ResponseWriter that keeps what is written.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) WriteHeader(status int)      { r.status = status }
func (r *recorder) Write(p []byte) (int, error) { return r.body.Write(p) }

// memberResponse serves a file of an archive, which has no ranges. For a file that is cut short,
// the header has the full length: net/http then cuts the connection, as GitLab's proxy does.
func memberResponse(name, kind, etag string, m *pack.Member) *response {
	base := strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(path.Base(name))
	return &response{
		status: http.StatusOK,
		header: http.Header{
			"Content-Disposition": {`attachment; filename="` + base + `"`},
			"Content-Length":      {strconv.FormatUint(m.Size, 10)},
			"Content-Type":        {kind},
			"Etag":                {etag},
		},
		body: m.Content,
	}
}

// kindByName is the content type of a file by what its name ends in. It does
// not ask the operating system, which has its own idea.
func kindByName(name string) string {
	kinds := map[string]string{
		".css": "text/css; charset=utf-8", ".gif": "image/gif", ".html": "text/html; charset=utf-8", ".jpg": "image/jpeg",
		".js": "text/javascript; charset=utf-8", ".json": "application/json", ".log": "text/plain; charset=utf-8",
		".pdf": "application/pdf", ".png": "image/png", ".svg": "image/svg+xml", ".txt": "text/plain; charset=utf-8",
		".xml": "text/xml; charset=utf-8", ".zip": "application/zip",
	}
	if kind := kinds[strings.ToLower(path.Ext(name))]; kind != "" {
		return kind
	}
	return "application/octet-stream"
}

// kindByContent is the content type of a file that no browser will run.
func kindByContent(data []byte) string {
	if strings.HasPrefix(http.DetectContentType(data), "text/") {
		return "text/plain; charset=utf-8"
	}
	return "application/octet-stream"
}

// pageNotFound is how GitLab's proxy says that an archive has no such file.
func pageNotFound() *response {
	return &response{
		status: http.StatusNotFound,
		header: http.Header{"Content-Type": {"text/plain; charset=utf-8"}},
		body:   []byte("404 page not found\n"),
	}
}

func notFound(what string) *response { return refuse(http.StatusNotFound, "404 "+what) }

// A delivery is how files get from GitLab to its clients.
type delivery struct {
	storage     *storage // nil: they are on GitLab's disk
	strongETags bool
	logRanges   bool
}

// WithLogRanges lets clients request a part of a log by Range once its job has
// finished, and responds with 206, as GitLab 19.5 does behind the flag
// ci_job_trace_api_archived_log_via_workhorse. By default, and beside
// byte_offset and byte_limit, Range is ignored.
func WithLogRanges() Option {
	return func(s *Server) { s.delivery.logRanges = true }
}

// downloadFile serves a whole file from where it is kept. The client may choose
// whether it is sent to the storage for it.
func downloadFile(c *call, j *job, a *artifact) *response {
	mode := value[string](c, "download_mode")
	switch {
	case c.storage == nil:
		return c.fromDisk(a)
	case mode == "proxy" || mode == "" && c.storage.Proxied:
		return c.storage.object(c.request, a)
	}
	return c.redirect(j, a)
}

// WithStrongETags gives artifacts that GitLab serves itself ETags of their
// content: the SHA-256 of the archive or report, and for a file in an archive
// a hash of that and its path. GitLab 19.1 and later do that behind the flag
// workhorse_download_etag_caching. By default, as on every GitLab without the flag, all
// artifacts have the same weak ETag, and a request with it in If-None-Match gets 304 for
// any file.
func WithStrongETags() Option {
	return func(s *Server) { s.delivery.strongETags = true }
}

// emptyETag is what GitLab sends with every file it serves itself: made from
// the body that its application wrote, which is empty, and so always the same.
const emptyETag = `W/"d41d8cd98f00b204e9800998ecf8427e"`

// etag is that of a whole artifact on GitLab's disk.
func (d delivery) etag(a *artifact) string {
	if !d.strongETags {
		return emptyETag
	}
	return `"` + hex.EncodeToString(a.sum()) + `"`
}

// memberETag is that of a path in an archive. There need not be such a file.
func (d delivery) memberETag(a *artifact, path string) string {
	if !d.strongETags {
		return emptyETag
	}
	sum := sha256.Sum256([]byte(hex.EncodeToString(a.sum()) + ":" + path))
	return `"` + hex.EncodeToString(sum[:]) + `"`
}

// unchanged reports whether a client has what carries the ETag already. Weak
// and strong ones are the same here.
func unchanged(header http.Header, etag string) bool {
	for _, list := range header.Values("If-None-Match") {
		for one := range strings.SplitSeq(list, ",") {
			one = strings.TrimSpace(one)
			if one == "*" || strings.TrimPrefix(one, "W/") == strings.TrimPrefix(etag, "W/") {
				return true
			}
		}
	}
	return false
}

func notModified(etag string) *response {
	return &response{status: http.StatusNotModified, header: http.Header{"Etag": {etag}}}
}
