package gitlabcitest

import (
	"bytes"
	"net/http"
	"path"
	"strings"
	"time"
)

// emptyETag is what GitLab sends with every file it serves itself: made from
// the body that its application wrote, which is empty, and so always the same.
const emptyETag = `W/"d41d8cd98f00b204e9800998ecf8427e"`

// whole serves a file from disk, as GitLab's proxy does: ranges and conditions
// count.
func (c *call) whole(name string, data []byte, modified time.Time) *answer {
	w := &recorder{header: http.Header{}, status: http.StatusOK}
	w.header.Set("Content-Disposition", `attachment; filename="`+name+`"; filename*=UTF-8''`+name)
	w.header.Set("Content-Transfer-Encoding", "binary")
	w.header.Set("Content-Type", "application/octet-stream")
	w.header.Set("ETag", emptyETag)
	http.ServeContent(w, c.request, name, modified, bytes.NewReader(data))
	a := &answer{status: w.status, header: w.header}
	if w.body.Len() > 0 {
		a.body = w.body.Bytes()
	}
	return a
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

// member serves a file out of an archive, which has no ranges.
func member(name, kind string, data []byte) *answer {
	base := strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(path.Base(name))
	return &answer{
		status: http.StatusOK,
		header: http.Header{
			"Content-Disposition": {`attachment; filename="` + base + `"`},
			"Content-Type":        {kind},
		},
		body: data,
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
