package shape

// TestCounts count the cases of a report or a suite.
type TestCounts struct {
	TotalTime    float64 `json:"total_time"`
	TotalCount   int     `json:"total_count"`
	SuccessCount int     `json:"success_count"`
	FailedCount  int     `json:"failed_count"`
	SkippedCount int     `json:"skipped_count"`
	ErrorCount   int     `json:"error_count"`
}

// A TestReport is all tests of a pipeline.
type TestReport struct {
	TestCounts
	TestSuites []TestSuite `json:"test_suites"`
}

// A TestSuite is a suite with its cases.
type TestSuite struct {
	Name string `json:"name"`
	TestCounts
	SuiteError *string    `json:"suite_error"`
	TestCases  []TestCase `json:"test_cases"`
}

// A TestCase is one test.
type TestCase struct {
	Status         string          `json:"status"`
	Name           string          `json:"name"`
	Classname      *string         `json:"classname"`
	File           *string         `json:"file"`
	ExecutionTime  float64         `json:"execution_time"`
	SystemOutput   *string         `json:"system_output"`
	StackTrace     *string         `json:"stack_trace"`
	RecentFailures *RecentFailures `json:"recent_failures"`
	AttachmentURL  string          `json:"attachment_url,omitempty"`
}

// RecentFailures are how often a test failed before.
type RecentFailures struct {
	Count      int    `json:"count"`
	BaseBranch string `json:"base_branch"`
}

// A TestSummary is a report without its cases.
type TestSummary struct {
	Total      TestTotal          `json:"total"`
	TestSuites []TestSuiteSummary `json:"test_suites"`
}

// A TestTotal counts the cases of all suites.
type TestTotal struct {
	Time       float64 `json:"time"`
	Count      int     `json:"count"`
	Success    int     `json:"success"`
	Failed     int     `json:"failed"`
	Skipped    int     `json:"skipped"`
	Error      int     `json:"error"`
	SuiteError *string `json:"suite_error"`
}

// A TestSuiteSummary is a suite without its cases.
type TestSuiteSummary struct {
	Name string `json:"name"`
	TestCounts
	BuildIDs   []int64 `json:"build_ids"`
	SuiteError *string `json:"suite_error"`
}
