package gitlabci

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"example.com/gitlabci/internal/rest"
)

const maxRedirects = 5

// checkRedirect lets reads follow a redirect, but never from https to http. Writes
// are not redirected: net/http would turn a POST into a GET.
func checkRedirect(req *http.Request, via []*http.Request) error {
	req.Header.Del("Referer")
	req.URL.User = nil // net/http would send it
	first, last := via[0], via[len(via)-1]
	switch {
	case first.Method != http.MethodGet && first.Method != http.MethodHead:
		return http.ErrUseLastResponse
	case len(via) > maxRedirects:
		return strayed("the server redirects more than %d times", maxRedirects)
	case last.URL.Scheme == "https" && req.URL.Scheme != "https":
		return strayed("the server redirects from https to %s, which is not followed", req.URL.Scheme)
	case req.URL.Scheme != "https" && req.URL.Scheme != "http" || req.URL.Hostname() == "":
		return strayed("the server redirects to a URL that is not http or https, or has no host")
	}
	return policyFrom(req.Context()).route(req, via)
}

// route decides where a redirected read is sent. If it is redirected to the API
// under another host name, as GitLab does for a moved project, it is sent to the
// base URL: elsewhere it would be anonymous, and could see less. A redirect from
// another origin back to the server is refused, since that origin must not choose
// what the token is used for.
func (p *policy) route(req *http.Request, via []*http.Request) error {
	base := p.config.base
	isAway := func(r *http.Request) bool { return !rest.SameOrigin(r.URL, base) }
	wasAway := slices.ContainsFunc(via, isAway)
	switch {
	case wasAway && !isAway(req):
		return strayed("another server redirects back to %s, which is not followed", address(req.URL))
	case wasAway || !isAway(req):
		return nil
	case belowAPI(req.URL, base):
		return bringHome(req, via, base)
	case p.call.file || p.call.raw:
		return nil
	}
	return strayed("the server redirects to %s, which is not followed: it is not the API at the base URL", address(req.URL))
}

// bringHome sends a redirected request to the base URL, unless the same URL was
// already requested there.
func bringHome(req *http.Request, via []*http.Request, base *url.URL) error {
	home := &url.URL{Scheme: base.Scheme, Host: base.Host, Path: req.URL.Path, RawPath: req.URL.RawPath, RawQuery: req.URL.RawQuery}
	asked := func(r *http.Request) bool { return r.URL.Path == home.Path && r.URL.RawQuery == home.RawQuery }
	if slices.ContainsFunc(via, asked) {
		root := &url.URL{Scheme: req.URL.Scheme, Host: req.URL.Host, Path: strings.TrimSuffix(base.Path, "/api/v4")}
		return strayed("the server redirects to %s, where the token does not go: should %s be the base URL?", address(req.URL), root)
	}
	req.URL, req.Host = home, ""
	return nil
}

// belowAPI reports whether a URL's path is below that of the base URL, even once
// it is decoded.
func belowAPI(target, base *url.URL) bool {
	rest, below := strings.CutPrefix(target.EscapedPath(), base.EscapedPath()+"/")
	if !below {
		return false
	}
	for part := range strings.SplitSeq(rest, "/") {
		name, err := url.PathUnescape(part)
		if err != nil || wanders(strings.ReplaceAll(name, `\`, "/")) {
			return false
		}
	}
	return !climbs(rest)
}

// climbs reports whether a path has a "." or a ".." for anybody who decodes it
// however often, takes a backslash for a slash, or cuts off parameters.
func climbs(escaped string) bool {
	for range len(escaped) {
		decoded, err := url.PathUnescape(escaped)
		if err != nil || decoded == escaped {
			break
		}
		escaped = decoded
	}
	for part := range strings.FieldsFuncSeq(escaped, func(r rune) bool { return r == '/' || r == '\\' }) {
		if end := strings.IndexAny(part, ";?#"); end >= 0 {
			part = part[:end]
		}
		part = strings.TrimFunc(part, func(r rune) bool { return r <= ' ' || r == 0x7f })
		if part == "." || part == ".." {
			return true
		}
	}
	return false
}

// address returns a URL for an error: without its query, which may be signed.
func address(u *url.URL) string {
	return fmt.Sprintf("%s://%s%s", u.Scheme, u.Host, u.EscapedPath())
}

// A redirectError is a redirect that is not followed. Polling again would only
// repeat it.
type redirectError struct{ text string }

func (e *redirectError) Error() string { return e.text }

func strayed(format string, args ...any) error {
	return &refusal{&redirectError{fmt.Sprintf(format, args...)}}
}

// isStrayed reports whether a call ended at a redirect that is not followed.
func isStrayed(err error) bool {
	_, ok := errors.AsType[*redirectError](err)
	return ok
}
