package gitlabcitest

import (
	"maps"
	"net/http"
	"strconv"

	"example.com/gitlabci/gitlabcitest/internal/shape"
)

// An answer is what a request is answered with.
type answer struct {
	status    int
	header    http.Header
	body      any // rendered as JSON; []byte as it is; nil is no body
	requestID string
	foreign   bool // not from GitLab, whose headers it lacks
}

// write sends an answer that is encoded.
func (a *answer) write(w http.ResponseWriter) {
	a.begin(w)
	body, _ := a.body.([]byte)
	w.Write(body) // who does not read on has gone, and misses nothing
}

// begin sends all but the body, whose length it tells.
func (a *answer) begin(w http.ResponseWriter) {
	header := w.Header()
	if !a.foreign {
		header.Set("X-Request-Id", a.requestID)
	}
	if body, ok := a.body.([]byte); ok {
		header.Set("Content-Length", strconv.Itoa(len(body)))
	}
	maps.Copy(header, a.header)
	w.WriteHeader(a.status)
}

// encode makes bytes of what is to be JSON.
func (a *answer) encode(method string) {
	if _, raw := a.body.([]byte); raw || a.body == nil {
		return
	}
	body := shape.Encode(a.body)
	a.body = body
	a.setUnlessSet("Content-Type", "application/json")
	a.tag(method, body)
}

func (a *answer) set(name, value string) {
	if a.header == nil {
		a.header = http.Header{}
	}
	a.header.Set(name, value)
}

func (a *answer) setUnlessSet(name, value string) {
	if a.header.Get(name) == "" {
		a.set(name, value)
	}
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

func badRequest(reason string) *answer {
	return refuse(http.StatusBadRequest, "400 Bad request - "+reason)
}

func unauthorized() *answer { return refuse(http.StatusUnauthorized, "401 Unauthorized") }
func forbidden() *answer    { return refuse(http.StatusForbidden, "403 Forbidden") }
