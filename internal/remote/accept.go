package remote

import (
	"fmt"
	"mime"
	"net/http"
	"strings"
	"unicode"

	"example.com/gitlabci/internal/rest"
)

// identity asks for the bytes as they are: compressed on the way, their number
// would not be the file's.
const identity = "identity"

// An expected response is one of a file, or also of a part of it.
type expected struct {
	noun   string // what errors call the file
	partly bool   // a part is requested, and the whole may come as well

	page, json  bool                    // the file may be sent as one
	checkHeader func(http.Header) error // why a response is not the file, by its header; may be nil
}

// Accept returns an error if a successful response cannot be a file, or a part of it. Noun is
// what errors call the file.
func Accept(resp *rest.Response, noun string) error {
	return expected{noun: noun, partly: true}.accept(resp)
}

// accept returns an error if a successful response cannot be what is expected. A page
// may be a login form, and JSON a message of something that did not pass the request on.
func (e expected) accept(resp *rest.Response) error {
	contentType, packed := resp.Header.Get("Content-Type"), resp.Header.Get("Content-Encoding")
	switch {
	case !e.hasBytes(resp.StatusCode):
		return fmt.Errorf("%s is %s", rest.StatusLine(resp.StatusCode), e.otherwise())
	case packed != "" && !strings.EqualFold(packed, identity):
		return fmt.Errorf("the %s is compressed by %q on its way, although that was not requested", e.noun, resp.Quotable("Content-Encoding"))
	case rest.IsPage(contentType) && !e.page:
		return fmt.Errorf("the response has content type %q: this is a page", resp.Quotable("Content-Type"))
	}
	if e.checkHeader != nil {
		if err := e.checkHeader(resp.Header); err != nil {
			return err
		}
	}
	if rest.IsJSON(contentType) && !e.json {
		return resp.NoFile()
	}
	return nil
}

// hasBytes reports whether the body of a response with this status is of the file.
func (e expected) hasBytes(status int) bool {
	return status == http.StatusOK || status == http.StatusPartialContent && e.partly
}

// otherwise says what a response with another status is.
func (e expected) otherwise() string {
	if e.partly {
		return fmt.Sprintf("neither the %s nor a part of it", e.noun)
	}
	return "not a whole " + e.noun
}

// fileName is what the server calls the file, without folders, which are the
// caller's to choose.
func fileName(resp *rest.Response) string {
	_, params, err := mime.ParseMediaType(resp.Header.Get("Content-Disposition"))
	if err == nil && params["filename"] != "" {
		return baseName(params["filename"])
	}
	return baseName(resp.Request.URL.Path)
}

// baseName is the last part of a path on any system, "" if there is none.
func baseName(path string) string {
	name := strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(path, "\uFFFD"))
	name = name[strings.LastIndexAny(name, `/\:`)+1:]
	if name == "." || name == ".." {
		return ""
	}
	return name
}
