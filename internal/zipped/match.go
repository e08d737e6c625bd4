package zipped

import (
	gopath "path"
	"slices"
	"strings"
)

// matches reports whether a pattern with "**" matches a name.
func matches(pattern, name []string) bool {
	star, from := -1, 0 // the last "**", and where the name goes on behind it
	p, n := 0, 0
	for n < len(name) {
		switch {
		case p < len(pattern) && pattern[p] == "**":
			star, from = p, n
			p++
		case p < len(pattern) && matchesOne(pattern[p], name[n]):
			p++
			n++
		case star >= 0:
			from++
			p, n = star+1, from
		default:
			return false
		}
	}
	return !slices.ContainsFunc(pattern[p:], func(part string) bool { return part != "**" })
}

func matchesOne(pattern, name string) bool {
	ok, err := gopath.Match(pattern, name)
	return ok && err == nil // bad patterns have been refused
}

// split is a name or a pattern as its parts.
func split(name string) []string { return strings.Split(strings.TrimSuffix(name, "/"), "/") }

func malformed(pattern string) bool {
	_, err := gopath.Match(pattern, "")
	return err != nil
}
