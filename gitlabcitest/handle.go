package gitlabcitest

import (
	"bytes"
	"io"
	"net/http"
)

// unknownHeader is the header of a response to what the server does not know,
// and unknownText is its value.
const (
	unknownHeader = "X-Gitlabcitest"
	unknownText   = "unknown to the fake"
)

// Handle adds an endpoint, or replaces one, from now on. The pattern is one of
// [http.ServeMux], including the prefix of the API. A wildcard also matches an escaped
// path:
//
//	srv.Handle("GET /api/v4/projects/{project}/labels", handler)
//
// The handler checks tokens and access itself, and may call the server. Its response is
// sent after it has returned, and can be hit by a [Fault]. In [Request] and in [Fault] its
// Route is the pattern. Handle panics if there is no handler, and if the pattern is wrong
// or conflicts with another one.
func (s *Server) Handle(pattern string, handler http.Handler) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer func() {
		if mistake := recover(); mistake != nil {
			misuse("Handle: %v", mistake)
		}
	}()
	s.added.Handle(pattern, handler)
	s.patterns = append(s.patterns, pattern)
	s.adds.Store(true)
}

// findAdded finds the added endpoint of a request.
func (s *Server) findAdded(r *http.Request) (found match, ok bool) {
	if !s.adds.Load() {
		return match{}, false
	}
	_, pattern := s.added.Handler(r)
	return match{added: pattern}, pattern != ""
}

// serveAdded responds to a request for an added endpoint. It must not have the
// lock, since the handler may call the server.
func (s *Server) serveAdded(r *http.Request, body []byte) *response {
	req := r.WithContext(r.Context())
	req.Body = io.NopCloser(bytes.NewReader(body))
	w := &recorder{header: http.Header{}, status: http.StatusOK}
	s.added.ServeHTTP(w, req)
	a := &response{status: w.status, header: w.header}
	if w.body.Len() > 0 {
		a.body = w.body.Bytes()
	}
	return a
}
