package served

import (
	"fmt"
	"strings"
)

const (
	casesOfSuite = 1000
	reportStart  = `{"total_time":1934.25,"total_count":%d,"success_count":%d,"failed_count":%d,"skipped_count":0,"error_count":0,"test_suites":[`
	reportEnd    = `]}`
)

// A Report is a test report of many suites that have the same cases, one in
// twenty of them failed.
type Report struct {
	start, suite string
	suites       int
}

// NewReport returns a report of so many cases.
func NewReport(cases int) *Report {
	suite := suiteText(min(cases, casesOfSuite))
	suites := max(1, cases/casesOfSuite)
	failed := cases / 20
	return &Report{fmt.Sprintf(reportStart, cases, cases-failed, failed), suite, suites}
}

// Pieces yields the report piece by piece.
func (r *Report) Pieces(yield func(string) bool) {
	if !yield(r.start) {
		return
	}
	for i := range r.suites {
		comma := ","
		if i == r.suites-1 {
			comma = reportEnd
		}
		if !yield(r.suite) || !yield(comma) {
			return
		}
	}
}

// Size is the length of the report in bytes.
func (r *Report) Size() int {
	size := 0
	for piece := range r.Pieces {
		size += len(piece)
	}
	return size
}

// suiteText is a suite of n cases.
func suiteText(n int) string {
	var b strings.Builder
	fmt.Fprintf(&b, `{"name":"rspec","total_time":96.5,"total_count":%d,"success_count":%d,"failed_count":%d,`+
		`"skipped_count":0,"error_count":0,"suite_error":null,"test_cases":[`, n, n-n/20, n/20)
	for i := range n {
		status, output := "success", "null"
		if i%20 == 19 {
			status, output = "failed", `"`+strings.Repeat(`Failure/Error: expect(valve).to be_closed\n  expected closed, got open\n  # ./spec/valve_spec.rb:41\n`, 8)+`"`
		}
		fmt.Fprintf(&b, `{"status":"%s","name":"Valve number %04d closes when the pressure falls","classname":"spec.models.valve_spec","file":"./spec/models/valve_spec.rb",`+
			`"execution_time":0.%03d,"system_output":%s,"stack_trace":null,"recent_failures":null,"attachment_url":null},`, status, i, 1+i%900, output)
	}
	return strings.TrimSuffix(b.String(), ",") + "]}"
}
