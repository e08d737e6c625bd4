package gitlabcitest

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"
)

// A Request is a request that the server or its storage received.
type Request struct {
	Method   string
	Path     string // escaped, with /api/v4 unless it is the storage's, without the query
	Route    string // such as "GET /projects/:id/pipelines", as in [Fault]; [StorageRoute]; a pattern of [Server.Handle]; "" if there is none
	Query    url.Values
	Header   http.Header // tokens included
	Host     string      // as the request names the server
	Body     []byte      // the first 64 KiB of it
	BodySize int         // of the whole body, in bytes
	Status   int         // of the response, even if it did not arrive; 0 if there was none

	// Unknown means that the server knows no such endpoint, or no such method of it, in any
	// release. GitLab itself may have it: see [Server.Handle]. The response has "unknown to
	// the fake" in the header X-Gitlabcitest.
	Unknown bool

	Fault    bool // whether a [Fault] hit it
	Executed bool // whether GitLab executed it: no fault kept it away, and GitLab did not refuse it
}

// mostKept is how much of a request's body is kept.
const mostKept = 64 << 10

// largestBody is how much the proxy before GitLab takes, as Omnibus sets it up.
const largestBody = 250 << 20

// bodyOf reads the body of a request. If it cannot be read, or is too large,
// the proxy before GitLab responds.
func bodyOf(w http.ResponseWriter, r *http.Request) (body []byte, refused int) {
	if r.ContentLength > largestBody {
		return nil, http.StatusRequestEntityTooLarge
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, largestBody))
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return nil, http.StatusRequestEntityTooLarge
	}
	if err != nil {
		return nil, http.StatusBadRequest
	}
	return body, 0
}

// WithRequestLog lets [Server.Requests] return only the newest max requests,
// for tests that send very many; with 0 there are none. By default it returns
// all. A negative max panics.
func WithRequestLog(max int) Option {
	if max < 0 {
		misuse("WithRequestLog: %d is negative", max)
	}
	return func(s *Server) { s.mostRequests = max }
}

// Requests returns the requests that the server got, in the order of its responses.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// WithOnRequest calls f for each request after its response has been sent, with the real
// time that both took, including the Delay of a [Fault]. Only the connection of the request
// waits for f, and f may call the server. By default nothing is called. A nil f panics.
func WithOnRequest(f func(r Request, took time.Duration)) Option {
	if f == nil {
		misuse("WithOnRequest: there is no function")
	}
	return func(s *Server) { s.onRequest = f }
}

// describe adds the fields of a request to what is known of it. Only the beginning of a
// large body stays in memory.
func (known Request) describe(r *http.Request, body []byte) Request {
	known.Body, known.BodySize = body, len(body)
	if len(body) > mostKept {
		known.Body = bytes.Clone(body[:mostKept])
	}
	known.Method = r.Method
	known.Path = r.URL.EscapedPath()
	known.Query = r.URL.Query()
	known.Header = r.Header.Clone()
	known.Host = r.Host
	return known
}

// record keeps a request.
func (s *Server) record(known Request) {
	if s.mostRequests == 0 {
		return
	}
	s.requests = append(s.requests, known)
	if s.mostRequests > 0 && len(s.requests) > s.mostRequests {
		s.requests[0] = Request{} // for the garbage collector: append makes no copy for a while
		s.requests = s.requests[1:]
	}
}

// nextRequestID is the ID of a request, for its response.
func (s *Server) nextRequestID() string {
	s.responses++
	return "request-" + strconv.Itoa(s.responses)
}
