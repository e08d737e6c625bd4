package gitlabcitest

import (
	"net/url"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest/internal/shape"
)

func renderCounts(t tally) shape.TestCounts {
	return shape.TestCounts{
		TotalTime:    shape.Rounded(t.seconds),
		TotalCount:   t.count,
		SuccessCount: t.success,
		FailedCount:  t.failed,
		SkippedCount: t.skipped,
		ErrorCount:   t.errored,
	}
}

func (r *renderer) testReport(suites []*suite) shape.TestReport {
	return shape.TestReport{TestCounts: renderCounts(countAll(suites)), TestSuites: shape.Each(suites, r.suite)}
}

// suite has no cases if it could not be read.
func (r *renderer) suite(s *suite) shape.TestSuite {
	rendered := shape.TestSuite{
		Name:       s.name,
		TestCounts: renderCounts(s.count()),
		SuiteError: shape.OrNull(s.failure),
		TestCases:  []shape.TestCase{},
	}
	if s.failure != "" {
		return rendered
	}
	for _, part := range s.parts {
		rendered.TestCases = append(rendered.TestCases, shape.Each(part.cases, r.testCase(part.job))...)
	}
	return rendered
}

// testCase renders the cases of a job's report, whose attachments are files in
// the job's archive, or of none.
func (r *renderer) testCase(j *job) func(gitlabci.TestCase) shape.TestCase {
	return func(one gitlabci.TestCase) shape.TestCase {
		rendered := renderCase(one)
		if j != nil && one.AttachmentURL != "" {
			rendered.AttachmentURL = r.jobURL(j) + "/artifacts/file/" + escapedPath(one.AttachmentURL)
		}
		return rendered
	}
}

// escapedPath keeps the slashes of a path.
func escapedPath(path string) string { return (&url.URL{Path: "/" + path}).EscapedPath()[1:] }

func renderCase(one gitlabci.TestCase) shape.TestCase {
	rendered := shape.TestCase{
		Status:        string(one.Status),
		Name:          one.Name,
		Classname:     shape.OrNull(one.Classname),
		File:          shape.OrNull(one.File),
		ExecutionTime: float64(one.ExecutionTime),
		SystemOutput:  shape.OrNull(one.SystemOutput),
		StackTrace:    shape.OrNull(one.StackTrace),
		AttachmentURL: one.AttachmentURL,
	}
	if recent := one.RecentFailures; recent != nil {
		rendered.RecentFailures = &shape.RecentFailures{Count: recent.Count, BaseBranch: recent.BaseBranch}
	}
	return rendered
}

func renderTestSummary(suites []*suite) shape.TestSummary {
	t := countAll(suites)
	return shape.TestSummary{
		Total: shape.TestTotal{
			Time:    shape.Rounded(t.seconds),
			Count:   t.count,
			Success: t.success,
			Failed:  t.failed,
			Skipped: t.skipped,
			Error:   t.errored,
		},
		TestSuites: shape.Each(suites, func(s *suite) shape.TestSuiteSummary {
			return shape.TestSuiteSummary{
				Name:       s.name,
				TestCounts: renderCounts(s.count()),
				BuildIDs:   shape.Each(s.jobs, func(j *job) int64 { return int64(j.id) }),
				SuiteError: shape.OrNull(s.failure),
			}
		}),
	}
}
