package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"math/bits"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"example.com/gitlabci/examples/internal/console"
	"example.com/gitlabci/examples/internal/junit"
	"example.com/gitlabci/examples/internal/wholefile"
)

// flaky returns the tests that are flaky: first those that are so for certain, and those
// that fail more often.
func (r *reader) flaky() (found []*history) {
	for _, h := range r.tests {
		for i, sha := range r.commits {
			if h.passed&h.failed>>i&1 == 1 {
				h.Commits = append(h.Commits, sha)
			}
		}
		if h.Certain = h.Commits != nil; h.Certain || h.relapsed() {
			found = append(found, h)
		}
	}
	slices.SortFunc(found, func(a, b *history) int {
		return cmp.Or(len(b.Commits)-len(a.Commits), b.Failures-a.Failures,
			strings.Compare(a.Suite, b.Suite), strings.Compare(a.Classname, b.Classname), strings.Compare(a.Name, b.Name))
	})
	return found
}

// relapsed reports whether the test failed between two commits at which it passed.
func (h *history) relapsed() bool {
	newest, oldest := bits.TrailingZeros64(h.passed), bits.Len64(h.passed)
	return h.failed&(1<<oldest-1)>>newest != 0
}

// print prints lines of JSON, or a table of at most 79 columns and what was read.
func (r *reader) print(out io.Writer, found []*history, took time.Duration) error {
	if r.json {
		return console.PrintJSON(out, found)
	}
	t, colored, certain := console.NewTable(map[int]int{4: 12, 5: 29}), console.WantsColors(out), 0
	t.AppendHeader(table.Row{"flaky", "failed", "by commit", "job", "test"})
	for _, f := range found {
		word, color := "suspect", text.FgYellow
		if f.Certain {
			word, color = "certain", text.FgRed
			certain++
		}
		if colored {
			word = color.Sprint(word)
		}
		t.AppendRow(table.Row{word, fmt.Sprintf("%d/%d", f.Failures, f.Runs), f.line(len(r.commits)), console.Printable(f.Suite), console.Printable(f.Name)})
	}
	var words strings.Builder
	if len(found) > 0 {
		fmt.Fprintf(&words, "%s\nby commit, the newest last: + passed, F failed, * both, - not run\n", t.Render())
	}
	fmt.Fprintf(&words, "%d flaky for certain, %d suspect, of %d tests\n", certain, len(found)-certain, len(r.tests))
	fmt.Fprintf(&words, "%d pipelines of %s and %d retried jobs were read%s\n", r.pipelines, console.Printable(r.ref), r.attempts, console.InTime(took))
	if r.gone > 0 {
		fmt.Fprintf(&words, "reports of %d retried jobs are missing: deleted, hidden, or GitLab is before 19.4\n", r.gone)
	}
	_, err := io.WriteString(out, words.String())
	return err
}

// line returns the history at the last 20 commits.
func (h *history) line(commits int) string {
	var line strings.Builder
	for i := min(commits, 20) - 1; i >= 0; i-- {
		line.WriteByte("-+F*"[h.passed>>i&1|h.failed>>i&1<<1])
	}
	return line.String()
}

// writeJUnit writes a report in place of a file.
func writeJUnit(name string, found []*history) error {
	suites := map[string]*junit.Suite{}
	for _, f := range found {
		if suites[f.Suite] == nil {
			suites[f.Suite] = &junit.Suite{Name: f.Suite}
		}
		c := &junit.Case{Classname: f.Classname, Name: f.Name}
		if text := fmt.Sprintf("it failed in %d of %d runs", f.Failures, f.Runs); f.Certain {
			c.Failure = &junit.Message{Text: fmt.Sprintf("%s, and failed and passed at %s", text, strings.Join(f.Commits, ", "))}
		} else {
			c.Skipped = &junit.Message{Text: text}
		}
		suites[f.Suite].Cases = append(suites[f.Suite].Cases, c)
	}
	sorted := slices.SortedFunc(maps.Values(suites), func(a, b *junit.Suite) int { return strings.Compare(a.Name, b.Name) })
	return wholefile.Write(name, func(out io.Writer) error { return junit.Write(out, sorted) })
}
