package main

import (
	"regexp"
	"slices"
	"strings"
)

// A word is one that this repository does not use, with what to write instead.
type word struct {
	pattern string // a regular expression, in upper or lower case; a space is any white space
	instead string
}

// list has words that readers do not search for, and expressions that most readers have to
// read twice.
var list = []word{
	{`answer(?:s|ed|ing)?`, `"response" or "respond"`},
	{`(?:is|are|was|were|be|been|being) told`, `"receives", "reports" or "is reported"`},
	{`told|tell|tells|telling`, `"say", "report" or "distinguish"`},
	{`(?:go|goes|going|gone|went) on`, `"continue" or "resume"`},
	{`(?:break|breaks|breaking|broke|broken) off`, `"is interrupted" or "is cut short"`},
	{`(?:leave|leaves|leaving|left) off`, `"stop"`},
	{`hand(?:s|ed|ing)? (?:on|out|over)`, `"return", "pass" or "serve"`},
	{`address(?:es)?`, `"URL"`},
	{`reckon(?:s|ed|ing)?`, `"count" or "compute"`},
	{`as good as`, `what it is`},
	{`be it`, `"whether" or "or"`},
	{`in vain`, `"for nothing" or what failed`},
	{`anew|afresh`, `"again" or "from the beginning"`},
	{`for want of|by and by|lest|hitherto|thereof|nought`, `the usual word`},
	{`whoever|whomever`, `"who", "anyone" or "a caller that"`},
	{`but for`, `"except" or "except for"`},
	{`(?:is|are|was|were) asked for`, `"is requested"`},
	{`in the end`, `"finally" or "at the end"`},
	{`all the same`, `"still"`},
	{`once more`, `"again" or "one more time"`},
	{`what becomes of`, `what is done with it`},
	{`made up for`, `"replaced"`},
	{`heed(?:s|ed)?`, `"obey" or "check"`},
	{`at once`, `"immediately" or "at the same time"`},
	{`stands? (?:in|before|above|around|behind|between|after)`, `"is" or "are"`},
	{`taken for`, `"count as" or "mistaken for"`},
	{`(?:make|makes|making) of (?:it|them|that|this|each|a|an|the)`, `the result`},
}

// An exception is a use of a word that is right.
type exception struct {
	file   string // the name of a file or, with a slash at the end, of a folder
	words  string // what is found, in lowercase
	reason string
}

var exceptions = []exception{
	{"gitlabcitest/listen.go", "addresses", "the IP addresses of a machine"},
	{"gitlabcitest/storage.go", "addresses", "the IP addresses of a machine"},
	{"internal/memnet/", "address", "the parameter of a dialer, as in package net"},
	{"internal/rest/redirects.go", "address", "an address of IPv6"},
	{"joblog/", "address", "of memory, in what a sanitizer prints"},
	{"repository.go", "address", "an email address"},
	{"webhook/decode.go", "address", "an email address"},
	{"cmd/fakegitlab/", "address", "where a server listens, as in package net"},
	{"cmd/fakegitlab/", "addresses", "the IP addresses of a machine"},
	{"failures.go", "address", "the IP address of a runner"},
	{"joblog/tool_net.go", "tell", "what Git prints"},
	{"tools/words/", "*", "this list"},
	{"examples/exporter/", "address", "where a server listens, as in package net"},
	{"examples/hookbot/", "address", "where a server listens, as in package net"},
}

// finding is a word in a file.
type finding struct {
	line           int
	words, instead string
}

// compiled are the patterns of the list.
var compiled = func() []*regexp.Regexp {
	all := make([]*regexp.Regexp, len(list))
	for i, w := range list {
		all[i] = regexp.MustCompile(`(?i)\b(?:` + strings.ReplaceAll(w.pattern, " ", `\s+`) + `)\b`)
	}
	return all
}()

// check returns the words of the list in a passage of a file, except where they are
// right. A place is found once.
func check(file string, p passage) []finding {
	return slices.DeleteFunc(find(p), func(f finding) bool {
		return slices.ContainsFunc(exceptions, func(e exception) bool { return e.covers(file) && (e.words == f.words || e.words == "*") })
	})
}

func find(p passage) []finding {
	var findings []finding
	ends := map[int]bool{}
	for i, pattern := range compiled {
		for _, at := range pattern.FindAllStringIndex(p.text, -1) {
			if ends[at[1]] {
				continue
			}
			ends[at[1]] = true
			findings = append(findings, finding{
				line:    p.line + strings.Count(p.text[:at[0]], "\n"),
				words:   strings.ToLower(strings.Join(strings.Fields(p.text[at[0]:at[1]]), " ")),
				instead: list[i].instead,
			})
		}
	}
	slices.SortStableFunc(findings, func(a, b finding) int { return a.line - b.line })
	return findings
}

// covers reports whether an exception is about a file.
func (e exception) covers(file string) bool {
	return file == e.file || strings.HasSuffix(e.file, "/") && strings.HasPrefix(file, e.file)
}
