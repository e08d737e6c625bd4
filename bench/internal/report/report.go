// Package report formats what was measured: numbers, tables, verdicts and the text of
// BENCHMARKS.md, with the machine and the commit. It measures nothing itself.
package report

import "time"

// All is the text of BENCHMARKS.md: the introduction, what About returned and how long
// the run took, the verdicts, and the sections of the groups.
func All(about Table, took time.Duration, v *Verdicts, sections string) string {
	about.Row("Duration", "all of it in "+took.Round(time.Second).String())
	return introduction + about.String() + "\n" + v.Summary() + sections
}

const introduction = `# Benchmarks

gitlabci compared with GitLab's own client for Go, ` + "`gitlab.com/gitlab-org/api/client-go`" + `,
and with the least work that is possible: net/http that reads the same responses
and discards them, or a scan of the JSON that keeps nothing.

A server on the same machine has invented projects with the fields that GitLab
sends. Unless a table says otherwise, it sends them uncompressed, over HTTP/1.1 without
TLS. It counts the bytes that it sends: all clients get the same number, except for
pages that overlap.

Each measurement is a process of its own. The clients take turns: A B C, C B A and so
on. A time is the median of its runs, with the lowest and the highest in parentheses
if there was more than one. A ratio is of two runs of the same turn: the median
of these pairs, with the lowest and the highest. A smaller ratio to client-go is
better. One run of this program prints this whole file:
` + "`bench/`" + `.

`
