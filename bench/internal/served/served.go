// Package served is the GitLab that clients are measured against: an HTTP server of one
// invented project, with pages of lists, a test report, artifacts and archives. Each URL
// says how long a response takes and how much it has.
package served

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"sync/atomic"
	"time"
)

// A handler is a GitLab of one project. The path before /api/v4 says how long a page takes
// and how much there is, such as /50ms/10000. With /files/NAME, the job has the archive of
// that name in a directory. With /storage/10000, it has an archive of that size in object
// storage.
type handler struct {
	dir, storage    string
	bytes, requests atomic.Int64
}

// NewHandler returns a GitLab of one project that has the archives of a directory. The
// URL of the storage is one at which the same handler is reached.
func NewHandler(dir, storage string) http.Handler {
	h, mux := &handler{dir: dir, storage: storage}, http.NewServeMux()
	const project = "GET /{delay}/{size}/api/v4/projects/{project}/"
	mux.HandleFunc(project+"pipelines", h.sized(h.pipelines))
	mux.HandleFunc(project+"jobs", h.sized(h.jobs))
	mux.HandleFunc(project+"pipelines/{pipeline}/test_report", h.sized(h.report))
	mux.HandleFunc(project+"jobs/{job}/artifacts", h.sized(h.artifacts))
	mux.HandleFunc("GET /files/{name}/api/v4/projects/{project}/jobs/{job}/artifacts", h.file)
	mux.HandleFunc("GET /storage/{size}/api/v4/projects/{project}/jobs/{job}/artifacts", h.redirect)
	mux.HandleFunc("GET /bucket/{delay}/{size}", h.sized(h.object))
	mux.HandleFunc("GET /served", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, h.bytes.Load(), h.requests.Load()) })
	return mux
}

// sized reads delay and size from the path, and waits for the delay.
func (h *handler) sized(respond func(w http.ResponseWriter, r *http.Request, size int)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		delay, err := time.ParseDuration(r.PathValue("delay"))
		size, err2 := strconv.Atoi(r.PathValue("size"))
		if err := errors.Join(err, err2); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		time.Sleep(delay)
		respond(w, r, size)
	}
}

// pipelines responds with a numbered page, and totals.
func (h *handler) pipelines(w http.ResponseWriter, r *http.Request, size int) {
	h.numbered(w, r, size, true, PipelinesPage)
}

// numbered responds with a page of some list. Pages that overlap are of many sizes.
// Without totals, the page after the last one is empty.
func (h *handler) numbered(w http.ResponseWriter, r *http.Request, size int, totals bool, list func(first, n int) []byte) {
	query := r.URL.Query()
	page, err := strconv.Atoi(query.Get("page"))
	if query.Get("page") == "" {
		page, err = 1, nil
	}
	items, err2 := strconv.Atoi(query.Get("per_page"))
	last := (size + max(items, 1) - 1) / max(items, 1)
	if err != nil || err2 != nil || page < 1 || page > last && totals || items < 1 || items > PerPage {
		http.Error(w, "no such page", http.StatusBadRequest)
		return
	}
	header := w.Header()
	header.Set("X-Page", strconv.Itoa(page))
	header.Set("X-Per-Page", strconv.Itoa(items))
	header.Set("X-Next-Page", "")
	if totals {
		header.Set("X-Total", strconv.Itoa(size))
		header.Set("X-Total-Pages", strconv.Itoa(last))
	}
	if page < last {
		header.Set("X-Next-Page", strconv.Itoa(page+1))
		link(w, r, query, "page", strconv.Itoa(page+1))
	}
	body := []byte("[]")
	if first := (page - 1) * items; first < size {
		body = list(first, min(items, size-first))
	}
	h.json(w, body)
}

// jobs responds with a page by cursor or, if that is not requested, with a numbered one.
func (h *handler) jobs(w http.ResponseWriter, r *http.Request, size int) {
	query := r.URL.Query()
	if query.Get("pagination") == "" {
		h.numbered(w, r, size, false, jobsPage().page)
		return
	}
	first, err := after(query.Get("cursor"))
	if err != nil || first < 0 || query.Get("pagination") != "keyset" || query.Get("per_page") != strconv.Itoa(PerPage) {
		http.Error(w, "no such page", http.StatusBadRequest)
		return
	}
	if next := first + PerPage; next < size {
		w.Header().Set("X-Next-Cursor", cursor(next))
		link(w, r, query, "cursor", cursor(next))
	}
	// A cursor that a client has made can lead to any item, and past the last one.
	h.json(w, jobsPage().page(first, max(0, min(PerPage, size-first))))
}

// cursor is the place of an item, written as GitLab does: by the job before it.
func cursor(item int) string {
	return base64.URLEncoding.EncodeToString(fmt.Appendf(nil, `{"id":"%d","_kd":"n"}`, NewestJob-int64(item)+1))
}

// after is the item that a cursor leads to, the first if there is none.
func after(cursor string) (int, error) {
	if cursor == "" {
		return 0, nil
	}
	text, err := base64.URLEncoding.DecodeString(cursor)
	if err != nil {
		return 0, err
	}
	var last struct {
		ID int64 `json:"id,string"`
	}
	err = json.Unmarshal(text, &last)
	return int(NewestJob - last.ID + 1), err
}

// link sets the link to the next page.
func link(w http.ResponseWriter, r *http.Request, query url.Values, name, next string) {
	query.Set(name, next)
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	w.Header().Set("Link", fmt.Sprintf(`<%s://%s%s?%s>; rel="next"`, scheme, r.Host, r.URL.EscapedPath(), query.Encode()))
}

func (h *handler) json(w http.ResponseWriter, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	h.bytes.Add(int64(len(body))) // before a client can have read it, and read the counters
	_, _ = w.Write(body)          // fails when the client has gone, which then says so
}

// report responds with a test report of size cases.
func (h *handler) report(w http.ResponseWriter, _ *http.Request, size int) {
	report := NewReport(size)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(report.Size()))
	for piece := range report.Pieces {
		h.bytes.Add(int64(len(piece)))
		if _, err := io.WriteString(w, piece); err != nil {
			return
		}
	}
}

// artifacts responds with an archive of size bytes, or with the requested range of
// it.
func (h *handler) artifacts(w http.ResponseWriter, r *http.Request, size int) {
	w.Header().Set("Content-Type", "application/zip")
	w.Header().Set("Content-Disposition", `attachment; filename="artifacts.zip"`)
	http.ServeContent(w, r, "", time.Time{}, &noise{size: int64(size), read: &h.bytes})
}

// redirect sends a client to the storage, as GitLab does.
func (h *handler) redirect(w http.ResponseWriter, r *http.Request) {
	http.Redirect(w, r, h.storage+"/bucket/0s/"+r.PathValue("size"), http.StatusFound)
}

// object responds with an archive as a storage does: with an ETag of its bytes.
func (h *handler) object(w http.ResponseWriter, r *http.Request, size int) {
	w.Header().Set("ETag", fmt.Sprintf(`"noise-%d"`, size))
	h.artifacts(w, r, size)
}

// file responds with an archive of the directory, or with a part of it.
func (h *handler) file(w http.ResponseWriter, r *http.Request) {
	h.requests.Add(1)
	file, err := os.OpenInRoot(h.dir, r.PathValue("name"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	defer file.Close()
	w.Header().Set("Content-Type", "application/zip")
	w.Header().Set("Content-Disposition", `attachment; filename="artifacts.zip"`)
	http.ServeContent(&countingWriter{w, &h.bytes}, r, "", time.Time{}, file)
}

// A countingWriter counts bytes of bodies.
type countingWriter struct {
	http.ResponseWriter
	bytes *atomic.Int64
}

func (w *countingWriter) Write(p []byte) (int, error) {
	w.bytes.Add(int64(len(p))) // before a client can have read it, and read the counters
	return w.ResponseWriter.Write(p)
}
