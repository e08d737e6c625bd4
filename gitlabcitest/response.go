package gitlabcitest

import (
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"time"

	"example.com/gitlabci/gitlabcitest/internal/shape"
)

// A response to a request, until it is written.
type response struct {
	status    int
	header    http.Header
	body      any // rendered as JSON; []byte as it is; nil is no body
	requestID string
	foreign   bool // not from GitLab, whose headers it lacks

	// In place of a response: what happens before the handler runs again.
	rerunAfter time.Duration // a wait
	deliver    *hookDelivery // a delivery
}

// write sends a response that is encoded.
func (a *response) write(w http.ResponseWriter) {
	a.begin(w)
	body, _ := a.body.([]byte)
	w.Write(body) // an error means that the client has disconnected
}

// begin sends the status and the header, with the length of the body.
func (a *response) begin(w http.ResponseWriter) {
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
func (a *response) encode(method string) {
	if _, raw := a.body.([]byte); raw || a.body == nil {
		return
	}
	body := shape.Encode(a.body)
	a.body = body
	a.setUnlessSet("Content-Type", "application/json")
	a.addETag(method, body)
}

func (a *response) set(name, value string) {
	if a.header == nil {
		a.header = http.Header{}
	}
	a.header.Set(name, value)
}

func (a *response) setUnlessSet(name, value string) {
	if a.header.Get(name) == "" {
		a.set(name, value)
	}
}

func ok(body any) *response      { return &response{status: http.StatusOK, body: body} }
func created(body any) *response { return &response{status: http.StatusCreated, body: body} }
func noContent() *response       { return &response{status: http.StatusNoContent} }

// refuse responds with what is wrong: a text, or texts by field.
func refuse(status int, message any) *response {
	return &response{status: status, body: map[string]any{"message": message}}
}

// invalid responds to parameters that are wrong by themselves.
func invalid(text string) *response {
	return &response{status: http.StatusBadRequest, body: map[string]any{"error": text}}
}

func badRequest(reason string) *response {
	return refuse(http.StatusBadRequest, "400 Bad request - "+reason)
}

func unauthorized() *response { return refuse(http.StatusUnauthorized, "401 Unauthorized") }
func forbidden() *response    { return refuse(http.StatusForbidden, "403 Forbidden") }

// addHeaders adds the headers that all of GitLab's own responses have.
func (a *response) addHeaders(id string, took time.Duration) {
	meta := map[string]string{"correlation_id": id, "version": "1"}
	a.set("Vary", "Origin")
	a.set("X-Content-Type-Options", "nosniff")
	a.set("X-Frame-Options", "SAMEORIGIN")
	a.set("X-Gitlab-Meta", string(shape.Encode(meta)))
	a.set("X-Runtime", fmt.Sprintf("%.6f", took.Seconds()))
}

// addETag gives JSON that was read an ETag. GitLab computes it from the body when all the
// work is done: it saves bytes and nothing else.
func (a *response) addETag(method string, body []byte) {
	if a.status != http.StatusOK || method != http.MethodGet && method != http.MethodHead {
		return
	}
	sum := md5.Sum(body)
	a.setUnlessSet("ETag", `W/"`+hex.EncodeToString(sum[:])+`"`)
	a.setUnlessSet("Cache-Control", "max-age=0, private, must-revalidate")
}

// revalidate makes it a 304 if the client already has the JSON. The handlers of files and
// logs do that themselves.
func (a *response) revalidate(r *http.Request) {
	if _, raw := a.body.([]byte); raw || r.Header.Get("If-None-Match") == "" {
		return
	}
	a.encode(r.Method)
	if tag := a.header.Get("ETag"); tag == "" || !unchanged(r.Header, tag) {
		return
	}
	a.status, a.body = http.StatusNotModified, nil
	a.header.Del("Content-Type")
}

// longestURI is what the proxy before GitLab reads, in bytes.
const longestURI = 8 << 10

// refuseLength is the proxy's response to a request with too long a query.
func refuseLength(r *http.Request) *response {
	if len(r.URL.RequestURI()) <= longestURI {
		return nil
	}
	return &response{
		status: http.StatusRequestURITooLong,
		header: http.Header{"Content-Type": {"text/html"}},
		body:   []byte(proxyPage("414 Request-URI Too Large")),
	}
}

// proxyPage is how the proxy says that something is wrong.
func proxyPage(status string) string {
	const page = "<html><head><title>%[1]s</title></head><body><h1>%[1]s</h1><hr>nginx</body></html>\n"
	return fmt.Sprintf(page, status)
}

// refuseVersion responds to requests for the API before this one.
func refuseVersion() *response {
	text := "API V3 is no longer supported. Use API V4 instead."
	return &response{status: http.StatusGone, body: map[string]any{"error": text}}
}
