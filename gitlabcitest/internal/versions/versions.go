// Package versions compares releases of GitLab, and knows which statuses each has.
//
// It is handed the text or the numbers of a release. It never decides what else
// differs between releases: who defines a route, a parameter or a field says by
// [Known] which releases have it.
package versions

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"

	"example.com/gitlabci"
)

// A Version is a release of GitLab: 15.4 is {15, 4}.
type Version struct{ major, minor int }

// The releases that are known.
var (
	Oldest = Version{11, 0}
	Newest = Version{19, 5}
)

// Of is the release with two numbers.
func Of(major, minor int) Version { return Version{major, minor} }

var releasePattern = regexp.MustCompile(`^(0|[1-9]\d?)\.(0|[1-9]\d?)$`)

// Parse reads a release such as "15.4".
func Parse(text string) (v Version, ok bool) {
	parts := releasePattern.FindStringSubmatch(text)
	if parts == nil {
		return Version{}, false
	}
	v.major, _ = strconv.Atoi(parts[1]) // digits, as the pattern says
	v.minor, _ = strconv.Atoi(parts[2])
	return v, true
}

// String is the release as [Parse] reads it.
func (v Version) String() string { return fmt.Sprintf("%d.%d", v.major, v.minor) }

// Before reports whether v is older than another release.
func (v Version) Before(other Version) bool {
	if v.major != other.major {
		return v.major < other.major
	}
	return v.minor < other.minor
}

// A Known is which releases know something: all from one on, until one that
// does not any more. A zero leaves that end open.
type Known struct{ From, Until Version }

// Since is what releases know from one on.
func Since(major, minor int) Known { return Known{From: Version{major, minor}} }

// Until is what releases knew before one.
func Until(major, minor int) Known { return Known{Until: Version{major, minor}} }

// In reports whether a release knows it.
func (k Known) In(v Version) bool {
	return !v.Before(k.From) && (k.Until == Version{} || v.Before(k.Until))
}

// newStatuses are the statuses that some releases lack, by the first that has
// them. All but canceling are estimates: older documentation leaves them out
// of its lists for years after they came.
var newStatuses = map[string]Version{
	"scheduled":            {11, 4},
	"preparing":            {11, 10},
	"waiting_for_resource": {12, 7},
	"waiting_for_callback": {16, 8},
	"canceling":            {17, 0},
}

// Knows reports whether anything can have a status. Where canceling is unknown
// a job is canceled immediately, with any runner.
func (v Version) Knows(status gitlabci.Status) bool { return !v.Before(newStatuses[string(status)]) }

// Statuses are the words of [Version.Knows].
func (v Version) Statuses() []string {
	return slices.DeleteFunc(statusWords(), func(word string) bool { return !v.Knows(gitlabci.Status(word)) })
}

// statusWords are GitLab's words, written out: taken from package gitlabci, a
// wrong one there would be right here.
func statusWords() []string {
	return []string{
		"created", "waiting_for_resource", "preparing", "waiting_for_callback", "pending", "running", "success",
		"failed", "canceling", "canceled", "skipped", "manual", "scheduled",
	}
}
