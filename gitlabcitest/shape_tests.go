package gitlabcitest

type testCountsJSON struct {
	TotalTime    float64 `json:"total_time"`
	TotalCount   int     `json:"total_count"`
	SuccessCount int     `json:"success_count"`
	FailedCount  int     `json:"failed_count"`
	SkippedCount int     `json:"skipped_count"`
	ErrorCount   int     `json:"error_count"`
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
