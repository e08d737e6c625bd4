package gitlabcitest

import "example.com/gitlabci"

type testCountsJSON struct {
	TotalTime    float64 `json:"total_time"`
	TotalCount   int     `json:"total_count"`
	SuccessCount int     `json:"success_count"`
	FailedCount  int     `json:"failed_count"`
	SkippedCount int     `json:"skipped_count"`
	ErrorCount   int     `json:"error_count"`
}

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

type testReportJSON struct {
	testCountsJSON
	TestSuites []testSuiteJSON `json:"test_suites"`
}

type testSuiteJSON struct {
	Name string `json:"name"`
	testCountsJSON
	SuiteError *string        `json:"suite_error"`
	TestCases  []testCaseJSON `json:"test_cases"`
}

func renderTestReport(p *pipeline) testReportJSON {
	return testReportJSON{renderCounts(p.countTests()), each(p.suites, renderSuite)}
}

func renderSuite(suite gitlabci.TestSuite) testSuiteJSON {
	cases := suite.TestCases
	if suite.SuiteError != "" {
		cases = nil
	}
	return testSuiteJSON{
		Name:           suite.Name,
		testCountsJSON: renderCounts(countTests(suite)),
		SuiteError:     orNull(suite.SuiteError),
		TestCases:      each(cases, renderCase),
	}
}

type testCaseJSON struct {
	Status         string              `json:"status"`
	Name           string              `json:"name"`
	Classname      *string             `json:"classname"`
	File           *string             `json:"file"`
	ExecutionTime  float64             `json:"execution_time"`
	SystemOutput   *string             `json:"system_output"`
	StackTrace     *string             `json:"stack_trace"`
	RecentFailures *recentFailuresJSON `json:"recent_failures"`
	AttachmentURL  string              `json:"attachment_url,omitempty"`
}

type recentFailuresJSON struct {
	Count      int    `json:"count"`
	BaseBranch string `json:"base_branch"`
}

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
		rendered.RecentFailures = &recentFailuresJSON{recent.Count, recent.BaseBranch}
	}
	return rendered
}

type testSummaryJSON struct {
	Total      testTotalJSON          `json:"total"`
	TestSuites []testSuiteSummaryJSON `json:"test_suites"`
}

type testTotalJSON struct {
	Time       float64 `json:"time"`
	Count      int     `json:"count"`
	Success    int     `json:"success"`
	Failed     int     `json:"failed"`
	Skipped    int     `json:"skipped"`
	Error      int     `json:"error"`
	SuiteError *string `json:"suite_error"`
}

type testSuiteSummaryJSON struct {
	Name string `json:"name"`
	testCountsJSON
	BuildIDs   []int64 `json:"build_ids"`
	SuiteError *string `json:"suite_error"`
}

func renderTestReportSummary(p *pipeline) testSummaryJSON {
	t := p.countTests()
	return testSummaryJSON{
		Total: testTotalJSON{
			Time:    rounded(t.seconds),
			Count:   t.count,
			Success: t.success,
			Failed:  t.failed,
			Skipped: t.skipped,
			Error:   t.errored,
		},
		TestSuites: each(p.suites, func(suite gitlabci.TestSuite) testSuiteSummaryJSON {
			return testSuiteSummaryJSON{
				Name:           suite.Name,
				testCountsJSON: renderCounts(countTests(suite)),
				BuildIDs:       each(p.uploaders(suite.Name), func(j *job) int64 { return int64(j.id) }),
				SuiteError:     orNull(suite.SuiteError),
			}
		}),
	}
}
