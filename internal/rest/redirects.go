package rest

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"example.com/gitlabci/internal/secret"
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
		return badRedirect("the server redirects more than %d times", maxRedirects)
	case last.URL.Scheme == "https" && req.URL.Scheme != "https":
		return badRedirect("the server redirects from https to %s, which is not followed", req.URL.Scheme)
	case req.URL.Scheme != "https" && req.URL.Scheme != "http" || req.URL.Hostname() == "":
		return badRedirect("the server redirects to a URL that is not http or https, or has no host")
	}
	r, err := runFrom(req.Context())
	if err != nil {
		return &refusal{err}
	}
	return r.route(req, via)
}

// route decides where a redirected read is sent. GitLab redirects reads of a moved
// project to the API, perhaps under another host name. Such a read is sent to the base
// URL, since it has no token elsewhere. A redirect from another origin back to the
// server is not followed: that origin must not choose what the token is used for.
func (r *run) route(req *http.Request, via []*http.Request) error {
	base := r.config.Base
	isElsewhere := func(req *http.Request) bool { return !SameOrigin(req.URL, base) }
	wasElsewhere := slices.ContainsFunc(via, isElsewhere)
	switch {
	case wasElsewhere && !isElsewhere(req):
		return badRedirect("another server redirects back to %s, which is not followed", withoutQuery(req.URL))
	case wasElsewhere || !isElsewhere(req):
		return nil
	case belowAPI(req.URL, base):
		return sendToBase(req, via, base)
	case r.call.Storage || r.call.Raw:
		return nil
	}
	return badRedirect("the server redirects to %s, which is not followed: it is not the API at the base URL", withoutQuery(req.URL))
}

// sendToBase changes a redirected request to go to the base URL, unless the same URL was
// already requested there.
func sendToBase(req *http.Request, via []*http.Request, base *url.URL) error {
	home := &url.URL{Scheme: base.Scheme, Host: base.Host, Path: req.URL.Path, RawPath: req.URL.RawPath, RawQuery: req.URL.RawQuery}
	isHome := func(req *http.Request) bool { return req.URL.Path == home.Path && req.URL.RawQuery == home.RawQuery }
	if slices.ContainsFunc(via, isHome) {
		root := &url.URL{Scheme: req.URL.Scheme, Host: req.URL.Host, Path: strings.TrimSuffix(base.Path, "/api/v4")}
		return badRedirect("the server redirects to %s, where the token does not go: should %s be the base URL?", withoutQuery(req.URL), root)
	}
	req.URL, req.Host = home, ""
	return nil
}

// belowAPI reports whether a URL's path is below that of the base URL, also after
// decoding.
func belowAPI(target, base *url.URL) bool {
	rest, below := strings.CutPrefix(target.EscapedPath(), base.EscapedPath()+"/")
	if !below {
		return false
	}
	for part := range strings.SplitSeq(rest, "/") {
		name, err := url.PathUnescape(part)
		if err != nil || HasBadSegment(strings.ReplaceAll(name, `\`, "/")) {
			return false
		}
	}
	return !HasDotSegment(rest)
}

// mostDecodings limits how many times a path may be encoded. Each decoding takes time,
// and no path of GitLab's needs more than two.
const mostDecodings = 8

// HasDotSegment reports whether a path has a "." or a "..", also for a proxy that decodes it
// several times, reads a backslash as a slash, or removes parameters. It is true as
// well if that cannot be decided: after too many decodings, or for bytes that are not
// UTF-8, which some decoders read as dots.
func HasDotSegment(escaped string) bool {
	for range mostDecodings {
		decoded := decode(escaped)
		if decoded == escaped || !utf8.ValidString(decoded) {
			return !utf8.ValidString(decoded) || hasDots(escaped)
		}
		escaped = decoded
	}
	return true
}

// decode decodes what can be decoded. [url.PathUnescape] decodes nothing if a single
// "%" is wrong; others do.
func decode(escaped string) string {
	parts := strings.Split(escaped, "%")
	for i, part := range parts[1:] {
		plain, err := url.PathUnescape("%" + part)
		if err != nil {
			plain = "%" + part
		}
		parts[i+1] = plain
	}
	return strings.Join(parts, "")
}

func hasDots(path string) bool {
	for part := range strings.FieldsFuncSeq(path, func(r rune) bool { return r == '/' || r == '\\' }) {
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

// withoutQuery returns a URL for an error message. The query may be a signature.
func withoutQuery(u *url.URL) string {
	return Shorten(fmt.Sprintf("%s://%s%s", u.Scheme, u.Host, u.EscapedPath()), maxText)
}

// signature returns the values of a signed URL that give access to its file.
func signature(signed *url.URL) (values []secret.Value) {
	for name, all := range signed.Query() {
		gives := func(word string) bool { return strings.Contains(strings.ToLower(name), word) }
		if !slices.ContainsFunc([]string{"sig", "token", "credential", "key", "secret"}, gives) {
			continue
		}
		for _, value := range all {
			values = append(values, secret.New(value))
		}
	}
	return values
}

// A redirectError is a redirect that is not followed. The next poll would get the same
// one.
type redirectError struct{ text string }

func (e *redirectError) Error() string { return e.text }

func badRedirect(format string, args ...any) error {
	return &refusal{&redirectError{fmt.Sprintf(format, args...)}}
}

// IsBadRedirect reports whether a call ended with a redirect that is not followed.
func IsBadRedirect(err error) bool {
	_, ok := errors.AsType[*redirectError](err)
	return ok
}

// SameOrigin reports whether two URLs have the same scheme, host and port. A host
// that is not ASCII is never the same: other code decides how it is resolved, such
// as the Kelvin sign as a k.
func SameOrigin(a, b *url.URL) bool {
	if a.Scheme == b.Scheme && a.Host == b.Host { // as almost always
		return IsASCII(a.Host)
	}
	return SameHost(a, b) && LowerASCII(a.Scheme) == LowerASCII(b.Scheme) && port(a) == port(b)
}

// SameHost reports whether two URLs have the same host; it ignores their ports.
func SameHost(a, b *url.URL) bool {
	return IsASCII(a.Host) && IsASCII(b.Host) && hostOf(a) == hostOf(b)
}

// hostOf returns a URL's host in lower case, except the zone of an IPv6 address.
func hostOf(u *url.URL) string {
	host, zone, zoned := strings.Cut(u.Hostname(), "%")
	if zoned {
		return LowerASCII(host) + "%" + zone
	}
	return LowerASCII(host)
}

func port(u *url.URL) string {
	if p := u.Port(); p != "" {
		return p
	}
	if LowerASCII(u.Scheme) == "https" {
		return "443"
	}
	return "80"
}

// IsLoopback reports whether a host is this machine.
func IsLoopback(host string) bool {
	ip := net.ParseIP(host)
	return LowerASCII(host) == "localhost" || ip != nil && ip.IsLoopback()
}

// LowerASCII lowers only A to Z. Unicode functions such as strings.ToLower map
// some other letters to ASCII.
func LowerASCII(text string) string {
	if !strings.ContainsFunc(text, func(r rune) bool { return 'A' <= r && r <= 'Z' }) {
		return text
	}
	lower := []byte(text)
	for i, b := range lower {
		if 'A' <= b && b <= 'Z' {
			lower[i] = b + 'a' - 'A'
		}
	}
	return string(lower)
}

// IsASCII reports whether a text has only ASCII characters.
func IsASCII(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r >= 0x80 })
}

// HasBadSegment reports whether a name with slashes has an empty part, a "." or a "..". If a
// proxy decoded its "%2F", the path would lead elsewhere. GitLab has no such names.
func HasBadSegment(name string) bool {
	for part := range strings.SplitSeq(name, "/") {
		if part == "" || part == "." || part == ".." {
			return true
		}
	}
	return false
}
