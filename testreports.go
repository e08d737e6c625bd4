package gitlabci

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"example.com/gitlabci/internal/lenient"
	"example.com/gitlabci/internal/rest"
	"example.com/gitlabci/internal/secret"
	"example.com/gitlabci/joblog"
)

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
	StackTrace     string          `json:"stack_trace,omitzero"`   // likewise
	RecentFailures *RecentFailures `json:"recent_failures,omitzero"`
	AttachmentURL  string          `json:"attachment_url,omitzero"` // such as a screenshot

	// SuiteName is the Name of its suite. Only [PipelinesService.TestCases] sets
	// it: in a [TestReport], a case is in its suite.
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
// The response is held in memory and can be large: [PipelinesService.TestCases]
// reads it case by case, and if the counts are enough,
// [PipelinesService.TestReportSummary] is far cheaper. GitLab leaves out
// suites whose artifacts the token may not read, so two users can see
// different totals. The report can be up to two minutes out of date.
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
// exist, or the token may not see it. Job tokens cannot read test reports.
func (s *PipelinesService) TestReportSummary(ctx context.Context, project ProjectID, pipeline PipelineID) (*TestReportSummary, error) {
	return get[*TestReportSummary](ctx, s.client, at("projects", project, "pipelines", pipeline, "test_report_summary"), nil)
}

// TestCases ranges over every test of a pipeline, suite by suite, as the report arrives. Only
// one test is held in memory, however large the report is.
//
//	GET /projects/:id/pipelines/:pipeline_id/test_report
//
// See https://docs.gitlab.com/api/pipelines/#retrieve-a-test-report-for-a-pipeline.
// The errors before the first test are those of [PipelinesService.TestReport]. Nothing is
// requested before the loop, and a break, or stop of [iter.Pull], ends the download. It
// cannot resume: if it is interrupted or stalls, the loop gets an error, and another loop
// starts at the first test.
//
// SuiteName is "" for tests that precede the name of their suite, which GitLab does not send.
// A suite whose report GitLab could not read has no tests: at the end, the loop gets an error
// that names it and says why. [WithMaxAnswer] limits each test, and not the report.
func (s *PipelinesService) TestCases(ctx context.Context, project ProjectID, pipeline PipelineID) iter.Seq2[*TestCase, error] {
	return func(yield func(*TestCase, error) bool) {
		if err := s.testCases(ctx, project, pipeline, yield); err != nil {
			yield(nil, err)
		}
	}
}

func (s *PipelinesService) testCases(ctx context.Context, project ProjectID, pipeline PipelineID, yield func(*TestCase, error) bool) error {
	cl := rest.Read(at("projects", project, "pipelines", pipeline, "test_report"), nil)
	resp, err := s.client.wire.Open(ctx, cl, nil, nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	n := 0
	report := &caseReport{Stream: lenient.NewStream(resp.Body, s.client.wire.Config().MaxBody)}
	defer func() {
		report.LeftOut().Log(ctx, s.client.wire.Config().Logger, cl.Path.Template)
	}()
	err = report.read(func(test *TestCase) bool {
		n++
		return yield(test, nil)
	})
	switch {
	case err == nil && report.unreadable > 0:
		err = report.unreadableSuites(resp)
	case err == nil, errors.Is(err, lenient.ErrEnough):
		return nil
	case errors.Is(err, lenient.ErrNotObject):
		err = report.notReport(resp)
	case errors.Is(err, rest.ErrOther):
		err = resp.Other(err, report.message)
	default:
		err = fmt.Errorf("after %d test cases: %w", n, err)
	}
	return resp.Fail(err)
}

// A caseReport is a test report that is read case by case.
type caseReport struct {
	*lenient.Stream
	message string // sent in place of a report

	unreadable int    // suites that GitLab could not read
	suiteName  string // of the first of them
	suiteError string
}

// unreadableSuites is the error of a report from which tests are missing.
func (r *caseReport) unreadableSuites(resp *rest.Response) error {
	shown := func(text string) string { return rest.Shorten(secret.Redact(text, resp.Secrets), rest.MaxTitle) } // in this order
	text := fmt.Sprintf("GitLab could not read the report of test suite %q: %q", shown(r.suiteName), shown(r.suiteError))
	if r.unreadable > 1 {
		text += fmt.Sprintf(" (and %d more)", r.unreadable-1)
	}
	return errors.New(text)
}

// notReport is the error of a response that is not a report.
func (r *caseReport) notReport(resp *rest.Response) error {
	// Half a page is better than none, so an error here is not one more.
	page, _ := io.ReadAll(io.LimitReader(r.Rest(), rest.MaxMessage))
	return resp.Unreadable(page, lenient.ErrNotObject)
}

// read calls use for each test of the report until it returns false, which ends
// in [lenient.ErrEnough].
func (r *caseReport) read(use func(*TestCase) bool) error {
	isReport := false
	err := r.Whole(func(name string) (err error) {
		switch name {
		case "test_suites":
			isReport = r.IsList()
			err = r.List(func(int) error { return r.suite(use) })
		case "message", "error":
			r.message, err = r.Message()
		default:
			err = r.Skip()
		}
		return err
	})
	if err == nil && !isReport {
		return fmt.Errorf("%w: it has no test_suites", rest.ErrOther)
	}
	return err
}

func (r *caseReport) suite(use func(*TestCase) bool) error {
	suite := ""
	named := func(test *TestCase) bool {
		test.SuiteName = suite
		return use(test)
	}
	failure := ""
	defer func() {
		if failure == "" {
			return
		}
		r.unreadable++
		if r.unreadable == 1 {
			r.suiteName, r.suiteError = suite, failure
		}
	}()
	return r.Object(func(name string) (err error) {
		switch name {
		case "name":
			suite, err = r.Text(name)
		case "suite_error":
			failure, err = r.Text(name)
		case "test_cases":
			err = lenient.Objects(r.Stream, named)
		default:
			err = r.Skip()
		}
		return err
	})
}

const (
	maxFailedTests = 100      // of a suite that are kept
	maxTestOutput  = 64 << 10 // of a test that failed
	maxShownLine   = 4 << 10
)

// addTests adds to the jobs of a pipeline that failed the tests that failed, from the
// pipeline's report. A report that the token may not see counts as none.
func (s *PipelinesService) addTests(ctx context.Context, pipeline PipelineID, failed []*attempt) {
	bySuite := map[string][]*TestCase{}
	for _, a := range failed {
		bySuite[a.failure.Job.Name], bySuite[suiteName(a.failure.Job.Name)] = nil, nil
	}
	err := s.testCases(ctx, failed[0].project, pipeline, func(test *TestCase, _ error) bool {
		kept, wanted := bySuite[test.SuiteName]
		if bad := test.Status == TestStatusFailed || test.Status == TestStatusError; bad && wanted && len(kept) < maxFailedTests {
			bySuite[test.SuiteName] = append(kept, test.shortened())
		}
		return true
	})
	if errors.Is(err, ErrNotFound) || errors.Is(err, ErrForbidden) {
		err = nil
	}
	for _, a := range failed {
		f := a.failure
		f.TestCases = bySuite[f.Job.Name]
		if f.TestCases == nil {
			f.TestCases = bySuite[suiteName(f.Job.Name)]
		}
		if f.TestCases == nil && f.Err == nil {
			f.Err = err
		}
	}
}

// jobNumber is the end of the name of a parallel job, such as the "1/3" of "unit 1/3".
var jobNumber = regexp.MustCompile(`(?:[\x08\s:]+(?:\[.*\]|\d+[\s:/\\]+\d+)){1,3}\s*$`)

// suiteName is the name of the suite of a job's report in GitLab: the name of the job without
// its number, if it is a parallel job. The jobs of a matrix have suites of their full names.
func suiteName(job string) string {
	return strings.TrimSpace(jobNumber.ReplaceAllString(job, ""))
}

// shortened returns a copy that takes little memory, and none of the report's.
func (t *TestCase) shortened() *TestCase {
	c := *t
	c.SystemOutput = strings.Clone(cutText(c.SystemOutput, maxTestOutput))
	c.StackTrace = strings.Clone(cutText(c.StackTrace, maxTestOutput))
	return &c
}

// cutText returns the first n bytes of a text, or a little less.
func cutText(text string, n int) string {
	if len(text) <= n {
		return text
	}
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n]
}

// linesToShow returns the name of a test that failed, and the first lines of its output.
func (t *TestCase) linesToShow() []string {
	name := t.Name
	if t.Classname != "" && !strings.Contains(name, t.Classname) {
		name = t.Classname + " " + name
	}
	lines := []string{shownLine(string(t.Status) + ": " + name)}
	for line, err := range joblog.Lines(strings.NewReader(cmp.Or(t.SystemOutput, t.StackTrace))) {
		if err != nil || len(lines) > maxShownTestLines {
			break
		}
		if text := shownLine(line.Text); text != "" {
			lines = append(lines, text)
		}
	}
	return lines
}

// shownLine returns a line without control characters, which a terminal would execute.
func shownLine(line string) string {
	line = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\t' {
			return ' '
		}
		return r
	}, line)
	return strings.TrimRight(cutText(line, maxShownLine), " \t")
}
