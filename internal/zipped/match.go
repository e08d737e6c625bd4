package zipped

import (
	gopath "path"
	"slices"
	"strings"
)

// matches reports whether a pattern with "**" matches a name.
func matches(pattern, name []string) bool {
	star, from := -1, 0 // the last "**", and where in the name the rest of the pattern begins
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
	return ok && err == nil // Check has refused bad patterns
}

// split splits a name or a pattern at its slashes.
func split(name string) []string { return strings.Split(strings.TrimSuffix(name, "/"), "/") }

func malformed(pattern string) bool {
	_, err := gopath.Match(pattern, "")
	return err != nil
}
