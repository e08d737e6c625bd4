package gitlabci

import "context"

// A TestReport is every test of a pipeline that uploaded JUnit reports. A
// pipeline without any has zero counts and no suites.
type TestReport struct {
	TotalTime    Seconds     `json:"total_time"`
	TotalCount   int         `json:"total_count"`
	SuccessCount int         `json:"success_count"`
	FailedCount  int         `json:"failed_count"`
	SkippedCount int         `json:"skipped_count"`
	ErrorCount   int         `json:"error_count"`
	TestSuites   []TestSuite `json:"test_suites"`
}

// A TestSuite is the tests of one job, or of the jobs of one matrix or
// parallel job together.
type TestSuite struct {
	Name         string     `json:"name"`
	TotalTime    Seconds    `json:"total_time"`
	TotalCount   int        `json:"total_count"`
	SuccessCount int        `json:"success_count"`
	FailedCount  int        `json:"failed_count"`
	SkippedCount int        `json:"skipped_count"`
	ErrorCount   int        `json:"error_count"`
	SuiteError   string     `json:"suite_error,omitzero"` // why the report could not be read; then there are no cases
	TestCases    []TestCase `json:"test_cases"`
}

// A TestCase is one test.
type TestCase struct {
	Status         TestStatus      `json:"status"`
	Name           string          `json:"name"` // "(No name)" when the report gives none
	Classname      string          `json:"classname,omitzero"`
	File           string          `json:"file,omitzero"`
	ExecutionTime  Seconds         `json:"execution_time,omitzero"`
	SystemOutput   string          `json:"system_output,omitzero"` // JSON text, where GitLab sends other than a string
	StackTrace     string          `json:"stack_trace,omitzero"`
	RecentFailures *RecentFailures `json:"recent_failures,omitzero"`
	AttachmentURL  string          `json:"attachment_url,omitzero"` // such as a screenshot

	// SuiteName is the Name of its suite, told by [PipelinesService.TestCases]
	// alone: in a [TestReport] a case is found in its suite.
	SuiteName string `json:"-"`
}

// RecentFailures says how often a test failed on a branch in the last 14 days.
type RecentFailures struct {
	Count      int    `json:"count"`
	BaseBranch string `json:"base_branch"`
}

// A TestReportSummary is a [TestReport] without its cases.
type TestReportSummary struct {
	Total      TestTotal          `json:"total"`
	TestSuites []TestSuiteSummary `json:"test_suites"`
}

// A TestTotal sums the suites of a [TestReportSummary].
type TestTotal struct {
	Time       Seconds `json:"time"`
	Count      int     `json:"count"`
	Success    int     `json:"success"`
	Failed     int     `json:"failed"`
	Skipped    int     `json:"skipped"`
	Error      int     `json:"error"`
	SuiteError string  `json:"suite_error,omitzero"`
}

// A TestSuiteSummary is a [TestSuite] without its cases.
type TestSuiteSummary struct {
	Name         string  `json:"name"`
	TotalTime    Seconds `json:"total_time"`
	TotalCount   int     `json:"total_count"`
	SuccessCount int     `json:"success_count"`
	FailedCount  int     `json:"failed_count"`
	SkippedCount int     `json:"skipped_count"`
	ErrorCount   int     `json:"error_count"`
	BuildIDs     []JobID `json:"build_ids"` // the jobs whose reports it sums
	SuiteError   string  `json:"suite_error,omitzero"`
}

// TestReport returns every test of a pipeline, with output and stack traces.
//
//	GET /projects/:id/pipelines/:pipeline_id/test_report
//
// See https://docs.gitlab.com/api/pipelines/#retrieve-a-test-report-for-a-pipeline.
// The error matches [ErrNotFound] if the project or the pipeline does not
// exist, or the token may not see it.
// The answer comes whole and can be large: [PipelinesService.TestCases] reads it
// case by case, and where the counts are enough,
// [PipelinesService.TestReportSummary] is far cheaper. GitLab leaves out
// suites whose artifacts the token may not read, so two users can see
// different totals, and may answer up to two minutes late.
func (s *PipelinesService) TestReport(ctx context.Context, project ProjectID, pipeline PipelineID) (*TestReport, error) {
	return get[*TestReport](ctx, s.client, at("projects", project, "pipelines", pipeline, "test_report"), nil)
}

// TestReportSummary returns the counts of a pipeline's test report, suite by
// suite.
//
//	GET /projects/:id/pipelines/:pipeline_id/test_report_summary
//
// See https://docs.gitlab.com/api/pipelines/#retrieve-a-test-report-summary-for-a-pipeline.
// The error matches [ErrNotFound] if the project or the pipeline does not
// exist, or the token may not see it.
func (s *PipelinesService) TestReportSummary(ctx context.Context, project ProjectID, pipeline PipelineID) (*TestReportSummary, error) {
	return get[*TestReportSummary](ctx, s.client, at("projects", project, "pipelines", pipeline, "test_report_summary"), nil)
}
