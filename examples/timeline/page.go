package main

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"strings"

	"example.com/gitlabci"
)

var (
	//go:embed page.html
	pageHTML string
	//go:embed page.css
	pageCSS string
	//go:embed page.js
	pageJS string
)

var pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{
	"short": short, "link": link, "plural": plural, "words": words,
}).Parse(pageHTML))

// How much of a list a page shows.
const (
	mostSlowest  = 10
	mostFailures = 20
	mostTests    = 50
	mostLines    = 8 // of a log, for each job that failed
)

// A page is what the template shows.
type page struct {
	Style, Script, CSP any

	Chart *chart
	Read  *reading
	Top   *groupView
	Ticks []tick
	Table []*rowView

	Slowest  []slowest
	Failures []*failureView
	Tests    []*testView
	Total    gitlabci.TestTotal // of the tests

	MoreFailures, MoreTests int
}

// A slowest is one of the jobs that took longest.
type slowest struct {
	*gitlabci.Job
	Width float64 // percents of the slowest of all
}

// render writes a page that needs nothing but itself.
func render(out io.Writer, r *reading) error {
	c := newChart(r)
	d := &drawing{chart: c, axis: newAxis(c)}
	p := &page{
		Chart: c, Read: r, Top: d.group(c.Root, 0), Ticks: d.axis.ticks(), Table: d.rows, Total: r.Tree.TestReportSummary().Total,
		Style: template.HTML("<style>" + pageCSS + "</style>"), Script: template.HTML("<script>" + pageJS + "</script>"),
		CSP: fmt.Sprintf("default-src 'none'; style-src '%s'; script-src '%s'; base-uri 'none'; form-action 'none'", hash(pageCSS), hash(pageJS)),
	}
	for _, job := range r.Tree.Slowest(mostSlowest) {
		p.Slowest = append(p.Slowest, slowest{job, 100 * float64(job.Duration) / float64(r.Tree.Slowest(1)[0].Duration)})
	}
	for _, failure := range r.Failures[:min(len(r.Failures), mostFailures)] {
		p.Failures = append(p.Failures, newFailureView(failure))
	}
	for _, test := range r.Tests[:min(len(r.Tests), mostTests)] {
		p.Tests = append(p.Tests, newTestView(test))
	}
	p.MoreFailures = len(r.Failures) - len(p.Failures)
	p.MoreTests = max(len(r.Tests), p.FailedTests()) - len(p.Tests)
	var text bytes.Buffer
	if err := pageTemplate.Execute(&text, p); err != nil {
		return err
	}
	_, err := withoutBidi.WriteString(out, text.String())
	return err
}

// withoutBidi replaces the control characters of bidirectional text: they can reverse the
// text around them, and some also what follows the element that they are in.
var withoutBidi = strings.NewReplacer("\u202A", "\uFFFD", "\u202B", "\uFFFD", "\u202C", "\uFFFD", "\u202D", "\uFFFD", "\u202E", "\uFFFD",
	"\u2066", "\uFFFD", "\u2067", "\uFFFD", "\u2068", "\uFFFD", "\u2069", "\uFFFD")

// FailedTests returns how many tests failed.
func (p *page) FailedTests() int { return p.Total.Failed + p.Total.Error }

// hash returns the hash of a text for a content security policy.
func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}
