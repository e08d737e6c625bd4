package gitlabcitest

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"example.com/gitlabci/gitlabcitest/internal/rack"
)

// A match is what a path leads to.
type match struct {
	route   *route
	path    rack.Tree // the parameters in the path
	allowed []string  // without a route, the methods that have one
}

func (m match) name() string {
	if m.route == nil {
		return ""
	}
	return m.route.name
}

// refusal answers a request without a route.
func (m match) refusal(r *http.Request) *answer {
	if strings.HasPrefix(r.URL.Path, "/api/v3/") {
		return refuseVersion()
	}
	if len(m.allowed) == 0 {
		return &answer{status: http.StatusNotFound, body: map[string]any{"error": "404 Not Found"}}
	}
	return &answer{
		status: http.StatusMethodNotAllowed,
		header: http.Header{"Allow": {strings.Join(slices.Compact(slices.Sorted(slices.Values(m.allowed))), ", ")}},
		body:   map[string]any{"error": "405 Not Allowed"},
	}
}

// findRoute finds the route of a path as it came, in which "%2F" is a part of
// a name and "/" is not. HEAD goes where GET does.
func findRoute(routes []*route, method, escaped string) match {
	rest, ok := strings.CutPrefix(escaped, "/api/v4/")
	if !ok {
		return match{}
	}
	if method == http.MethodHead {
		method = http.MethodGet
	}
	parts := strings.Split(rest, "/")
	var other match
	for _, r := range routes {
		path, ok := r.fit(parts)
		switch {
		case ok && r.method == method:
			return match{route: r, path: path}
		case ok && r.method == http.MethodGet:
			other.allowed = append(other.allowed, http.MethodGet, http.MethodHead)
		case ok:
			other.allowed = append(other.allowed, r.method)
		}
	}
	return other
}

// fit reads the parameters out of a path, if it is the route's.
func (r *route) fit(parts []string) (rack.Tree, bool) {
	path := rack.Tree{}
	return path, fit(r.segments, parts, path)
}

// fit fits parts of a path to segments of a template, one to one, but for two:
// the slashes of a ref need not be escaped, and what ends a template in "*"
// takes all the rest. A ref is as short as can be.
func fit(segments, parts []string, path rack.Tree) bool {
	if len(segments) == 0 || len(parts) == 0 {
		return len(segments) == len(parts)
	}
	least, most := 1, 1
	switch {
	case segments[0] == ":ref_name":
		most = len(parts)
	case segments[0][0] == '*':
		least, most = len(parts), len(parts)
	}
	for n := least; n <= most; n++ {
		if take(segments[0], strings.Join(parts[:n], "/"), path) && fit(segments[1:], parts[n:], path) {
			return true
		}
	}
	return false
}

// take reads one segment.
func take(segment, escaped string, path rack.Tree) bool {
	part, err := url.PathUnescape(escaped)
	if err != nil || part == "" {
		return false
	}
	name, variable := variableName(segment)
	if variable {
		path[name] = part
	}
	return variable || part == segment
}

// variableName is the name of a segment that stands for a parameter.
func variableName(segment string) (string, bool) {
	return segment[1:], segment[0] == ':' || segment[0] == '*'
}
