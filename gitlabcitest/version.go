package gitlabcitest

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"

	"example.com/gitlabci"
)

// A version is a release of GitLab: 15.4 is {15, 4}.
type version struct{ major, minor int }

var (
	oldest = version{11, 0}
	newest = version{19, 5}
)

// WithVersion makes the server one of an older release, such as "15.4". It
// lacks the endpoints, fields and statuses that came later, and ignores their
// parameters. Rules and texts are those of the newest release all the same,
// and where GitLab does not tell the release of a change, it is an estimate.
// The default is "19.5", the newest; "11.0" is the oldest. Any other text, or a
// release that is newer or older, panics.
func WithVersion(release string) Option {
	v, ok := parseVersion(release)
	switch {
	case !ok:
		misuse("WithVersion: %q is not a release such as %q", release, newest)
	case newest.before(v):
		misuse("WithVersion: %s is newer than %s, the newest release that is known", v, newest)
	case v.before(oldest):
		misuse("WithVersion: %s is older than %s, the oldest release that is known", v, oldest)
	}
	return func(s *Server) { s.state.version = v }
}

// numbered is the release with two numbers.
func numbered(major, minor int) version { return version{major, minor} }

var releasePattern = regexp.MustCompile(`^(0|[1-9]\d?)\.(0|[1-9]\d?)$`)

func parseVersion(text string) (v version, ok bool) {
	parts := releasePattern.FindStringSubmatch(text)
	if parts == nil {
		return version{}, false
	}
	v.major, _ = strconv.Atoi(parts[1]) // digits, as the pattern says
	v.minor, _ = strconv.Atoi(parts[2])
	return v, true
}

func (v version) String() string { return fmt.Sprintf("%d.%d", v.major, v.minor) }

func (v version) before(other version) bool {
	if v.major != other.major {
		return v.major < other.major
	}
	return v.minor < other.minor
}

// A known is which releases know something: all from one on, until one that
// does not any more. A zero leaves that end open.
type known struct{ from, until version }

func since(major, minor int) known { return known{from: version{major, minor}} }
func until(major, minor int) known { return known{until: version{major, minor}} }

func (k known) in(v version) bool {
	return !v.before(k.from) && (k.until == version{} || v.before(k.until))
}

// newStatuses are the statuses that some releases lack, by the first that has
// them. All but canceling are estimates: older documentation leaves them out
// of its lists for years after they came.
var newStatuses = map[string]version{
	"scheduled":            {11, 4},
	"preparing":            {11, 10},
	"waiting_for_resource": {12, 7},
	"waiting_for_callback": {16, 8},
	"canceling":            {17, 0},
}

// knows reports whether anything can have a status. Where canceling is unknown
// a job is canceled at once, whatever its runner could do.
func (v version) knows(status gitlabci.Status) bool { return !v.before(newStatuses[string(status)]) }

// statuses are the words of [version.knows].
func (v version) statuses() []string {
	return slices.DeleteFunc(statusWords(), func(word string) bool { return !v.knows(gitlabci.Status(word)) })
}

// mustKnow refuses to add what an older server cannot have.
func (s *state) mustKnow(method string, status gitlabci.Status) {
	if !s.version.knows(status) {
		misuse("%s: GitLab %s has no status %q", method, s.version, status)
	}
}

// before reports whether the server is older than a release.
func (c *call) before(major, minor int) bool { return c.state.version.before(numbered(major, minor)) }

// routesIn are the routes of a release, with the parameters that they have
// there and the tokens that they let in.
func routesIn(v version) (found []*route) {
	for _, r := range routes {
		if !r.known.in(v) {
			continue
		}
		then := *r
		then.jobToken = r.jobToken && !v.before(r.jobTokenFrom)
		then.params = paramsIn(v, r.params)
		found = append(found, &then)
	}
	return found
}

// since is for routes that older releases lack.
func (r *route) since(major, minor int) *route {
	r.known = since(major, minor)
	return r
}

// forJobsSince lets the tokens of jobs in, from a release on.
func (r *route) forJobsSince(major, minor int) *route {
	r.jobToken, r.jobTokenFrom = true, numbered(major, minor)
	return r
}

// lenientVariables passes over what is no variable.
func lenientVariables(given any) (any, string) {
	list, ok := listed(given)
	if !ok {
		return nil, isInvalid
	}
	return variables(slices.DeleteFunc(slices.Clone(list), func(element any) bool {
		_, ok := element.(tree)
		return !ok
	}))
}
