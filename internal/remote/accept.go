package remote

import (
	"fmt"
	"net/http"
	"strings"

	"example.com/gitlabci/internal/rest"
)

// identity asks for the bytes as they are: compressed on the way, their number
// would not be the file's.
const identity = "identity"

// An expected response is one of a file, or also of a part of it.
type expected struct {
	noun   string // what errors call the file
	partly bool   // a part is requested, and the whole may come as well

	page, json bool                    // the file may be sent as one
	strange    func(http.Header) error // why a response is not the file, or nil; may itself be nil
}

// accept returns an error if a successful response cannot be what is expected. A page
// may be a login form, and JSON a message of something that did not pass the request on.
func (e expected) accept(resp *rest.Response) error {
	contentType, packed := resp.Header.Get("Content-Type"), resp.Header.Get("Content-Encoding")
	part := resp.StatusCode == http.StatusPartialContent && e.partly
	switch {
	case resp.StatusCode != http.StatusOK && !part && e.partly:
		return fmt.Errorf("%s is neither the %s nor a part of it", rest.StatusLine(resp.StatusCode), e.noun)
	case resp.StatusCode != http.StatusOK && !part:
		return fmt.Errorf("%s is not a whole %s", rest.StatusLine(resp.StatusCode), e.noun)
	case packed != "" && !strings.EqualFold(packed, identity):
		return fmt.Errorf("the %s is compressed by %q on its way, though that was not asked for", e.noun, packed)
	case rest.IsPage(contentType) && !e.page:
		return fmt.Errorf("the response has content type %q: this is a page", contentType)
	}
	if e.strange != nil {
		if err := e.strange(resp.Header); err != nil {
			return err
		}
	}
	if rest.IsJSON(contentType) && !e.json {
		return rest.NoFile(contentType, resp.Body, resp.Secrets)
	}
	return nil
}
