package gitlabcitest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Request is one that the server was sent.
type Request struct {
	Method string
	Path   string // escaped, with /api/v4, without the query
	Route  string // such as "GET /projects/:id/pipelines", as in [Fault]; "" if there is no such route
	Query  url.Values
	Header http.Header // tokens included
	Body   []byte
	Status int // of the answer
}

// Requests returns what the server was sent, in the order it was answered.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// ServeHTTP answers a request as GitLab does.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			http.Error(w, "400 Bad Request", http.StatusBadRequest) // as the proxy before GitLab would
			return
		}
	}
	s.exchange(r, body).write(w)
}

// exchange notes a request and answers it, unless a fault does. One request is
// answered after the other, so that each sees a state without halves.
func (s *Server) exchange(r *http.Request, body []byte) *answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := findRoute(r.Method, r.URL.EscapedPath())
	fault := s.nextFault(found.name())
	var a *answer
	if fault == nil || fault.Executed {
		a = s.carryOut(r, body, found)
	}
	if fault != nil {
		a = fault.answer()
	}
	s.requests = append(s.requests, Request{
		Method: r.Method,
		Path:   r.URL.EscapedPath(),
		Route:  found.name(),
		Query:  r.URL.Query(),
		Header: r.Header.Clone(),
		Body:   body,
		Status: a.status,
	})
	a.requestID = "request-" + strconv.Itoa(len(s.requests))
	return a
}

// carryOut answers a request in GitLab's order: the route, the user, the
// parameters, and then what the route is about.
func (s *Server) carryOut(r *http.Request, body []byte, found match) *answer {
	if found.route == nil {
		return found.refusal()
	}
	asker, refused := s.identify(r.Header, found.route)
	if refused != nil {
		return refused
	}
	if asker.user == nil && found.route.needsUser() {
		return unauthorized()
	}
	given, err := readParameters(r, body)
	if err != nil {
		return invalid(err.Error())
	}
	maps.Copy(given, found.path)
	values, refused := found.route.validate(given)
	if refused != nil {
		return refused
	}
	return found.route.handle(&call{
		state:    s.state,
		external: s.external,
		request:  r,
		asker:    asker,
		given:    given,
		values:   values,
		now:      now(),
	})
}

// An asker is who a request comes from.
type asker struct {
	user *user // nil without a token
	job  *job  // whose token it is, if it is a job's
}

// identify finds out who asks: nobody, if there is no token at all. A route
// about the job that asks takes its token as a Bearer token too.
func (s *Server) identify(header http.Header, to *route) (asker, *answer) {
	token := cmp.Or(header.Get("Private-Token"), bearer(header))
	ofJob := header.Get("Job-Token")
	if ofJob == "" && to.segments[0] == "job" {
		ofJob = bearer(header)
	}
	switch {
	case token == defaultToken:
		return asker{user: s.state.findUser(defaultUsername)}, nil
	case token == "" && ofJob == "":
		return asker{}, nil
	case to.jobToken:
		if j := s.state.jobByToken(ofJob); j != nil {
			return asker{user: j.user, job: j}, nil
		}
	}
	return asker{}, unauthorized()
}

// bearer is the token of an Authorization header.
func bearer(header http.Header) string {
	token, _ := strings.CutPrefix(header.Get("Authorization"), "Bearer ")
	return token
}

// A call is a request whose parameters are known and in order. Handlers turn
// it into an answer.
type call struct {
	state    *state
	external string
	request  *http.Request
	asker
	given  tree           // the parameters as they came, with defaults
	values map[string]any // the parameters as their parsers read them
	now    time.Time
}

// value is a parameter, or zero if it was not given.
func value[T any](c *call, name string) T {
	v, _ := c.values[name].(T)
	return v
}

// optional is a parameter, or nil if it was not given.
func optional[T any](c *call, name string) *T {
	if v, ok := c.values[name].(T); ok {
		return &v
	}
	return nil
}

func (c *call) renderer() *renderer { return &renderer{external: c.external, now: c.now} }

// An answer is what a request is answered with.
type answer struct {
	status    int
	header    http.Header
	body      any // rendered as JSON; []byte as it is; nil is no body
	requestID string
}

func (a *answer) write(w http.ResponseWriter) {
	header := w.Header()
	header.Set("X-Request-Id", a.requestID)
	body, raw := a.body.([]byte)
	if !raw && a.body != nil {
		header.Set("Content-Type", "application/json")
		body = encodeJSON(a.body)
	}
	if a.body != nil {
		header.Set("Content-Length", strconv.Itoa(len(body)))
	}
	maps.Copy(header, a.header)
	w.WriteHeader(a.status)
	w.Write(body) // who does not read on has gone, and misses nothing
}

func encodeJSON(v any) []byte {
	var buffer bytes.Buffer
	if err := json.NewEncoder(&buffer).Encode(v); err != nil {
		panic(fmt.Sprintf("gitlabcitest: rendering %T: %v", v, err))
	}
	return bytes.TrimSuffix(buffer.Bytes(), []byte("\n"))
}

func ok(body any) *answer      { return &answer{status: http.StatusOK, body: body} }
func created(body any) *answer { return &answer{status: http.StatusCreated, body: body} }
func noContent() *answer       { return &answer{status: http.StatusNoContent} }

// refuse answers with what is wrong: a text, or texts by field.
func refuse(status int, message any) *answer {
	return &answer{status: status, body: map[string]any{"message": message}}
}

// invalid answers parameters that are wrong by themselves.
func invalid(text string) *answer {
	return &answer{status: http.StatusBadRequest, body: map[string]any{"error": text}}
}

func unauthorized() *answer { return refuse(http.StatusUnauthorized, "401 Unauthorized") }
func forbidden() *answer    { return refuse(http.StatusForbidden, "403 Forbidden") }
