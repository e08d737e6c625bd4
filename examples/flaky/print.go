package main

import (
	"cmp"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"math/bits"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"example.com/gitlabci/examples/internal/console"
)

// A finding is a test that is flaky.
type finding struct {
	test
	Certain  bool     `json:"certain"` // or else suspect
	Failures int      `json:"failures"`
	Runs     int      `json:"runs"`
	Commits  []string `json:"commits,omitzero"` // at which it failed and passed, newest first

	history *history
}

// flaky returns the tests that are flaky: the certain ones first, and who fails more often.
func (r *reader) flaky() (found []*finding) {
	for t, h := range r.tests {
		f := &finding{test: t, Failures: h.failures, Runs: h.runs, history: h}
		for i, sha := range r.commits {
			if h.passed&h.failed>>i&1 == 1 {
				f.Commits = append(f.Commits, sha)
			}
		}
		if f.Certain = f.Commits != nil; f.Certain || h.relapsed() {
			found = append(found, f)
		}
	}
	slices.SortFunc(found, func(a, b *finding) int {
		return cmp.Or(len(b.Commits)-len(a.Commits), b.Failures-a.Failures, strings.Compare(a.Suite, b.Suite), strings.Compare(a.Classname, b.Classname), strings.Compare(a.Name, b.Name))
	})
	return found
}

// relapsed reports whether the test failed between two commits at which it passed.
func (h *history) relapsed() bool {
	newest, oldest := bits.TrailingZeros64(h.passed), bits.Len64(h.passed)
	return h.failed&(1<<oldest-1)>>newest != 0
}

func printJSON(out io.Writer, found []*finding, _ *reader, _ time.Duration) error {
	lines := json.NewEncoder(out)
	for _, f := range found {
		if err := lines.Encode(f); err != nil {
			return err
		}
	}
	return nil
}

// printTable prints a table of at most 79 columns, and what was read.
func printTable(out io.Writer, found []*finding, r *reader, took time.Duration) error {
	t, coloured, certain := console.NewTable(map[int]int{4: 12, 5: 29}), console.Colours(out), 0
	t.AppendHeader(table.Row{"flaky", "failed", "by commit", "job", "test"})
	for _, f := range found {
		word, colour := "suspect", text.FgYellow
		if f.Certain {
			word, colour = "certain", text.FgRed
			certain++
		}
		if coloured {
			word = colour.Sprint(word)
		}
		t.AppendRow(table.Row{word, fmt.Sprintf("%d/%d", f.Failures, f.Runs), f.history.line(len(r.commits)), console.Printable(f.Suite), console.Printable(f.Name)})
	}
	var words strings.Builder
	if len(found) > 0 {
		fmt.Fprintf(&words, "%s\nby commit, the newest last: + passed, F failed, * both, - not run\n", t.Render())
	}
	fmt.Fprintf(&words, "%d flaky for certain, %d suspect, of %d tests\n", certain, len(found)-certain, len(r.tests))
	fmt.Fprintf(&words, "%d pipelines of %s and %d retried jobs were read", r.pipelines, console.Printable(r.ref), r.attempts)
	if took >= 2*time.Second {
		fmt.Fprintf(&words, " in %v", took)
	}
	words.WriteByte('\n')
	if r.gone > 0 {
		fmt.Fprintf(&words, "reports of %d retried jobs are missing: deleted, hidden, or GitLab is before 19.4\n", r.gone)
	}
	if r.unsupported {
		words.WriteString("the server does not send reports of retried jobs; GitLab does from 19.4 on\n")
	}
	_, err := io.WriteString(out, words.String())
	return err
}

// line is the history at the last 20 commits.
func (h *history) line(commits int) string {
	var line strings.Builder
	for i := min(commits, 20) - 1; i >= 0; i-- {
		line.WriteByte("-+F*"[h.passed>>i&1|h.failed>>i&1<<1])
	}
	return line.String()
}

type junitCase struct {
	Classname string   `xml:"classname,attr"`
	Name      string   `xml:"name,attr"`
	Failure   *message `xml:"failure"`
	Skipped   *message `xml:"skipped"`
}

type message struct {
	Text string `xml:"message,attr"`
}

// writeJUnit writes a report in place of a file, as a whole or not at all.
func writeJUnit(name string, found []*finding) error {
	type suite struct {
		Name  string      `xml:"name,attr"`
		Cases []junitCase `xml:"testcase"`
	}
	suites := map[string]*suite{}
	for _, f := range found {
		if suites[f.Suite] == nil {
			suites[f.Suite] = &suite{Name: f.Suite}
		}
		c := junitCase{Classname: f.Classname, Name: f.Name}
		if text := fmt.Sprintf("it failed in %d of %d runs", f.Failures, f.Runs); f.Certain {
			c.Failure = &message{fmt.Sprintf("%s, and failed and passed at %s", text, strings.Join(f.Commits, ", "))}
		} else {
			c.Skipped = &message{text}
		}
		suites[f.Suite].Cases = append(suites[f.Suite].Cases, c)
	}
	report := struct {
		XMLName xml.Name `xml:"testsuites"`
		Suites  []*suite `xml:"testsuite"`
	}{}
	for _, name := range slices.Sorted(maps.Keys(suites)) {
		report.Suites = append(report.Suites, suites[name])
	}
	content, err := xml.MarshalIndent(report, "", "  ")
	if err != nil {
		return err
	}
	file, err := os.CreateTemp(filepath.Dir(name), ".flaky-*")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name()) // fails after the rename
	_, err = file.WriteString(xml.Header + string(content) + "\n")
	if err = cmp.Or(err, file.Chmod(0o644), file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), name)
}
