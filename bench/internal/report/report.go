// Package report writes what was measured: numbers, tables, verdicts and the text
// of BENCHMARKS.md. It is handed numbers and words, and reads what machine it is
// on. It never measures, never runs a client and writes no file.
package report

// All is the text of BENCHMARKS.md: the introduction, what About returned, the
// verdicts, and the sections of the groups.
func All(about string, v *Verdicts, sections string) string {
	return introduction + about + v.Summary() + sections
}

const introduction = `# Benchmarks

gitlabci beside GitLab's own client for Go, ` + "`gitlab.com/gitlab-org/api/client-go`" + `,
and beside as little as the work can cost: net/http reading the same responses
and throwing them away, or a scan of the JSON that keeps nothing.

A server on the same machine has invented projects with the fields that GitLab
sends, uncompressed, over HTTP/1.1. Everybody gets the same bytes, which it
counts, but for pages that overlap. Each measurement is a process of its own, and
the clients take turns. A time is the median of the runs, with the lowest and the
highest in parentheses where there was more than one. What is divided by client-go
is better the smaller it is. All of this file is printed by one run of the program
in ` + "`bench/`" + `.

`
