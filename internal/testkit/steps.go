package testkit

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// File responds with a file as GitLab does.
func File(content, contentType, disposition string) http.HandlerFunc {
	return Respond(200, content, "Content-Type", contentType, "Content-Disposition", disposition, "Content-Length", fmt.Sprint(len(content)))
}

// Short is a step: of size bytes promised, the first ones are sent.
func Short(first string, size int, end http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/octet-stream")
		if size >= 0 {
			w.Header().Set("Content-Length", fmt.Sprint(size))
		}
		io.WriteString(w, first)
		w.(http.Flusher).Flush()
		end(w, r)
	}
}

// Log responds with a log as GitLab does.
func Log(log string) http.HandlerFunc {
	return Respond(200, log, "Content-Type", "text/plain", "Content-Disposition", `infile; filename="7.log"`)
}

// OfType is a step whose response has another content type, such as a file's.
func OfType(contentType string, step http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { step(&typedWriter{w, contentType}, r) }
}

// OKFile is a valid response to any call that expects a file.
var OKFile = OfType("application/octet-stream", OK)

// A typedWriter writes a response with the given content type.
type typedWriter struct {
	http.ResponseWriter
	contentType string
}

func (w *typedWriter) WriteHeader(status int) {
	w.Header().Set("Content-Type", w.contentType)
	w.ResponseWriter.WriteHeader(status)
}

func (w *typedWriter) Write(p []byte) (int, error) {
	w.Header().Set("Content-Type", w.contentType)
	return w.ResponseWriter.Write(p)
}

func (w *typedWriter) Flush() { w.ResponseWriter.(http.Flusher).Flush() }

// FirstPart is a step: of the 100 bytes of [Text], 40 are sent.
func FirstPart(headers ...string) http.HandlerFunc {
	return Body(200, Text[:40], 100, headers...)
}

// Part is a step: a part of the file, which Content-Range may call another.
func Part(part, contentRange string, headers ...string) http.HandlerFunc {
	return Body(206, part, len(part), append(headers, "Content-Range", contentRange)...)
}

// Body is a step whose body is cut short if there are fewer bytes than promised.
func Body(status int, body string, size int, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/octet-stream")
		if size >= 0 {
			w.Header().Set("Content-Length", fmt.Sprint(size))
		}
		for i := 0; i < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
		io.WriteString(w, body)
		w.(http.Flusher).Flush()
		if len(body) != size {
			Reset(w, r)
		}
	}
}

// Whole is a step: a whole file.
func Whole(content string, headers ...string) http.HandlerFunc {
	return Body(200, content, len(content), headers...)
}

// Respond is a step: a status, a body and pairs of header names and values.
func Respond(status int, body string, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		for i := 0; i < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}

// OK is a valid response to any call that expects an object: the one that the URL
// names, or one with the ID 7.
var OK = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	id := "7"
	for part := range strings.SplitSeq(r.URL.Path, "/") {
		if _, err := strconv.ParseInt(part, 10, 64); err == nil {
			id = part
		}
	}
	Respond(http.StatusOK, `{"id":`+id+`}`)(w, r)
})

// Reset is a step: the connection breaks before there is a response.
func Reset(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

// BreakOff is a step: the connection breaks within the response.
func BreakOff(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", "100")
	io.WriteString(w, `{"id":`)
	w.(http.Flusher).Flush()
	panic(http.ErrAbortHandler)
}

// Silent is a step: nothing is sent until the client gives up.
func Silent(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

// Stall is a step: the response begins, and then stalls.
func Stall(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	io.WriteString(w, `{"id":`)
	w.(http.Flusher).Flush()
	<-r.Context().Done()
}

// OnlyToken is a step that accepts one OAuth token only.
func OnlyToken(token string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+token {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprint(w, `{"error":"invalid_token","error_description":"Token is expired."}`)
			return
		}
		OK(w, r)
	}
}

// Rows is a step: a list of these elements.
func Rows(all ...string) http.HandlerFunc {
	return Respond(http.StatusOK, "["+strings.Join(all, ",")+"]")
}

// JSONStep responds with JSON; "" is an object with the ID 7.
func JSONStep(body string) http.HandlerFunc {
	if body == "" {
		return OK
	}
	return Respond(http.StatusOK, body)
}

// MethodStep is a valid response to a call of m.
func MethodStep(m Method) http.HandlerFunc {
	switch {
	case m.IsFile():
		return OfType("application/octet-stream", JSONStep(m.Response))
	case m.Verb() == http.MethodDelete:
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }
	default:
		return JSONStep(m.Response)
	}
}
