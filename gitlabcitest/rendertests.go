package gitlabcitest

import (
	"net/url"

	"example.com/gitlabci"
)

func renderCounts(t tally) testCountsJSON {
	return testCountsJSON{
		TotalTime:    rounded(t.seconds),
		TotalCount:   t.count,
		SuccessCount: t.success,
		FailedCount:  t.failed,
		SkippedCount: t.skipped,
		ErrorCount:   t.errored,
	}
}

func (r *renderer) testReport(suites []*suite) testReportJSON {
	return testReportJSON{testCountsJSON: renderCounts(countAll(suites)), TestSuites: each(suites, r.suite)}
}

// suite has no cases if it could not be read.
func (r *renderer) suite(s *suite) testSuiteJSON {
	rendered := testSuiteJSON{
		Name:           s.name,
		testCountsJSON: renderCounts(s.count()),
		SuiteError:     orNull(s.failure),
		TestCases:      []testCaseJSON{},
	}
	if s.failure != "" {
		return rendered
	}
	for _, part := range s.parts {
		rendered.TestCases = append(rendered.TestCases, each(part.cases, r.testCase(part.job))...)
	}
	return rendered
}

// testCase renders the cases of a job's report, whose attachments are files in
// the job's archive, or of none.
func (r *renderer) testCase(j *job) func(gitlabci.TestCase) testCaseJSON {
	return func(one gitlabci.TestCase) testCaseJSON {
		rendered := renderCase(one)
		if j != nil && one.AttachmentURL != "" {
			rendered.AttachmentURL = r.jobURL(j) + "/artifacts/file/" + escapedPath(one.AttachmentURL)
		}
		return rendered
	}
}

// escapedPath keeps the slashes of a path.
func escapedPath(path string) string { return (&url.URL{Path: "/" + path}).EscapedPath()[1:] }

func renderCase(one gitlabci.TestCase) testCaseJSON {
	rendered := testCaseJSON{
		Status:        string(one.Status),
		Name:          one.Name,
		Classname:     orNull(one.Classname),
		File:          orNull(one.File),
		ExecutionTime: float64(one.ExecutionTime),
		SystemOutput:  orNull(one.SystemOutput),
		StackTrace:    orNull(one.StackTrace),
		AttachmentURL: one.AttachmentURL,
	}
	if recent := one.RecentFailures; recent != nil {
		rendered.RecentFailures = &recentFailuresJSON{Count: recent.Count, BaseBranch: recent.BaseBranch}
	}
	return rendered
}

func renderTestSummary(suites []*suite) testSummaryJSON {
	t := countAll(suites)
	return testSummaryJSON{
		Total: testTotalJSON{
			Time:    rounded(t.seconds),
			Count:   t.count,
			Success: t.success,
			Failed:  t.failed,
			Skipped: t.skipped,
			Error:   t.errored,
		},
		TestSuites: each(suites, func(s *suite) testSuiteSummaryJSON {
			return testSuiteSummaryJSON{
				Name:           s.name,
				testCountsJSON: renderCounts(s.count()),
				BuildIDs:       each(s.jobs, func(j *job) int64 { return int64(j.id) }),
				SuiteError:     orNull(s.failure),
			}
		}),
	}
}
