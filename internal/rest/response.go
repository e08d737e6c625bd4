package rest

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"example.com/gitlabci/internal/secret"
)

// A Response is a successful response whose body is still to be read, with what an
// error of its body needs.
type Response struct {
	*http.Response
	From    string         // the method and the endpoint, and the storage's host if it came from one
	Away    bool           // it came from another origin than the server's
	Secrets []secret.Value // to keep out of errors
}

// StatusLine returns a status with its text, such as "404 Not Found".
func StatusLine(status int) string {
	return strings.TrimSpace(strconv.Itoa(status) + " " + http.StatusText(status))
}

// IsPage reports whether a content type is that of an HTML page.
func IsPage(contentType string) bool {
	return strings.HasPrefix(strings.ToLower(contentType), "text/html")
}

// IsJSON reports whether a content type is that of JSON.
func IsJSON(contentType string) bool {
	kind, _, _ := strings.Cut(contentType, ";")
	return strings.EqualFold(strings.TrimSpace(kind), "application/json")
}

// Bare takes an error out of net/http's wrapping, which quotes the last URL: a
// signed one, perhaps.
func Bare(err error) error {
	for {
		wrapped, ok := err.(*url.Error)
		if !ok {
			return err
		}
		err = wrapped.Err
	}
}
