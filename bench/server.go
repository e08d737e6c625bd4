package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"sync/atomic"
	"time"
)

// serve answers on a port of its own, whose address it prints, until its input
// ends: with the process that started it, however that ends.
func serve(ctx context.Context, dir string) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: newHandler(dir)}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	fmt.Printf("http://%s\n", listener.Addr())
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		return err
	}
	if err := server.Close(); err != nil {
		return err
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// A handler is a GitLab of one project. The path before /api/v4 says how long
// a page takes and how much there is: /50ms/10000.
// That of /files/name is of an archive in a directory.
type handler struct {
	dir             string
	bytes, requests atomic.Int64
}

func newHandler(dir string) http.Handler {
	h, mux := &handler{dir: dir}, http.NewServeMux()
	const project = "GET /{delay}/{size}/api/v4/projects/{project}/"
	mux.HandleFunc(project+"pipelines", h.sized(h.pipelines))
	mux.HandleFunc(project+"jobs", h.sized(h.jobs))
	mux.HandleFunc(project+"pipelines/{pipeline}/test_report", h.sized(h.report))
	mux.HandleFunc(project+"jobs/{job}/artifacts", h.sized(h.artifacts))
	mux.HandleFunc("GET /files/{name}/api/v4/projects/{project}/jobs/{job}/artifacts", h.file)
	mux.HandleFunc("GET /served", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, h.bytes.Load(), h.requests.Load()) })
	return mux
}

// sized reads what the path asks for, and waits as it says.
func (h *handler) sized(answer func(w http.ResponseWriter, r *http.Request, size int)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		delay, err := time.ParseDuration(r.PathValue("delay"))
		size, err2 := strconv.Atoi(r.PathValue("size"))
		if err := errors.Join(err, err2); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		time.Sleep(delay)
		answer(w, r, size)
	}
}

// pipelines answers with a numbered page, and totals. Pages that overlap are of
// many sizes.
func (h *handler) pipelines(w http.ResponseWriter, r *http.Request, size int) {
	query := r.URL.Query()
	page, err := strconv.Atoi(query.Get("page"))
	if query.Get("page") == "" {
		page, err = 1, nil
	}
	items, err2 := strconv.Atoi(query.Get("per_page"))
	last := (size + max(items, 1) - 1) / max(items, 1)
	if err != nil || err2 != nil || page < 1 || page > last || items < 1 || items > perPage {
		http.Error(w, "no such page", http.StatusBadRequest)
		return
	}
	header := w.Header()
	header.Set("X-Page", strconv.Itoa(page))
	header.Set("X-Per-Page", strconv.Itoa(items))
	header.Set("X-Total", strconv.Itoa(size))
	header.Set("X-Total-Pages", strconv.Itoa(last))
	header.Set("X-Next-Page", "")
	if page < last {
		header.Set("X-Next-Page", strconv.Itoa(page+1))
		link(w, r, query, "page", strconv.Itoa(page+1))
	}
	first := (page - 1) * items
	h.json(w, pipelinesPage().page(first, min(items, size-first)))
}

// jobs answers with a page by cursor.
func (h *handler) jobs(w http.ResponseWriter, r *http.Request, size int) {
	query := r.URL.Query()
	first, err := after(query.Get("cursor"))
	if err != nil || first < 0 || first >= size || query.Get("pagination") != "keyset" || query.Get("per_page") != strconv.Itoa(perPage) {
		http.Error(w, "no such page", http.StatusBadRequest)
		return
	}
	if next := first + perPage; next < size {
		w.Header().Set("X-Next-Cursor", cursor(next))
		link(w, r, query, "cursor", cursor(next))
	}
	h.json(w, jobsPage().page(first, perPage))
}

// cursor is the place of an item, written as GitLab does: by the job before it.
func cursor(item int) string {
	return base64.URLEncoding.EncodeToString(fmt.Appendf(nil, `{"id":"%d","_kd":"n"}`, newestJob-item+1))
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
		ID int `json:"id,string"`
	}
	err = json.Unmarshal(text, &last)
	return newestJob - last.ID + 1, err
}

// link tells where the list goes on.
func link(w http.ResponseWriter, r *http.Request, query url.Values, name, next string) {
	query.Set(name, next)
	w.Header().Set("Link", fmt.Sprintf(`<http://%s%s?%s>; rel="next"`, r.Host, r.URL.EscapedPath(), query.Encode()))
}

func (h *handler) json(w http.ResponseWriter, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	h.bytes.Add(int64(len(body))) // before a client can have read it and ask
	_, _ = w.Write(body)          // fails when the client has gone, which then says so
}

// report answers with a test report of size cases.
func (h *handler) report(w http.ResponseWriter, _ *http.Request, size int) {
	report := newReport(size)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(report.size()))
	for piece := range report.pieces {
		h.bytes.Add(int64(len(piece)))
		if _, err := io.WriteString(w, piece); err != nil {
			return
		}
	}
}

// artifacts answers with an archive of size bytes, or with the range of it that
// is asked for.
func (h *handler) artifacts(w http.ResponseWriter, r *http.Request, size int) {
	w.Header().Set("Content-Type", "application/zip")
	w.Header().Set("Content-Disposition", `attachment; filename="artifacts.zip"`)
	http.ServeContent(w, r, "", time.Time{}, &noise{size: int64(size), read: &h.bytes})
}

// file answers with an archive of the directory, or with a part of it.
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
	w.bytes.Add(int64(len(p))) // before a client can have read it and ask
	return w.ResponseWriter.Write(p)
}
