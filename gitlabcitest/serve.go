package gitlabcitest

import (
	"bytes"
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
func (c *call) fromDisk(a *artifact) *answer {
	header := http.Header{}
	header.Set("Content-Disposition", `attachment; filename="`+a.name+`"; filename*=UTF-8''`+a.name)
	header.Set("Content-Transfer-Encoding", "binary")
	header.Set("Content-Type", "application/octet-stream")
	header.Set("ETag", c.etag(a))
	return served(c.request, header, a.created, a.data)
}

// served is a file, or the parts of it that are asked for, as net/http serves
// it. Net/http only decides, as for a HEAD request; the body is the data itself
// and no copy, since it may be large.
func served(r *http.Request, header http.Header, modified time.Time, data []byte) *answer {
	w := serveContent(r, http.MethodHead, header.Clone(), modified, data)
	a := &answer{status: w.status, header: w.header}
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
	asked := r.WithContext(r.Context())
	asked.Method = method
	http.ServeContent(w, asked, "", modified, bytes.NewReader(data))
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

// unpacked serves a file out of an archive, which has no ranges. One that
// breaks off is announced whole: net/http then cuts the connection, as GitLab's
// proxy does.
func unpacked(name, kind, etag string, m *pack.Member) *answer {
	base := strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(path.Base(name))
	return &answer{
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
func pageNotFound() *answer {
	return &answer{
		status: http.StatusNotFound,
		header: http.Header{"Content-Type": {"text/plain; charset=utf-8"}},
		body:   []byte("404 page not found\n"),
	}
}

func notFound(what string) *answer { return refuse(http.StatusNotFound, "404 "+what) }
