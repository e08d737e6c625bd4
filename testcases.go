package gitlabci

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"

	"example.com/gitlabci/internal/rest"
)

// TestCases ranges over every test of a pipeline, suite by suite, as the report
// arrives. However large that is, only the test at hand is in memory.
//
//	GET /projects/:id/pipelines/:pipeline_id/test_report
//
// See https://docs.gitlab.com/api/pipelines/#retrieve-a-test-report-for-a-pipeline.
// The report is that of [PipelinesService.TestReport], with the same errors
// before the first test. Nothing is asked for before the loop, and a break ends
// the download. It is one answer, so where it breaks off or stalls, after which
// the loop gets an error, it cannot go on: ranged again, it starts afresh.
//
// SuiteName is "" for tests that come before the name of their suite, as they
// do not on GitLab. A suite whose report could not be read has no tests:
// [PipelinesService.TestReportSummary] tells why. [WithMaxAnswer] limits each
// test, and not the report.
func (s *PipelinesService) TestCases(ctx context.Context, project ProjectID, pipeline PipelineID) iter.Seq2[*TestCase, error] {
	return func(yield func(*TestCase, error) bool) {
		if err := s.testCases(ctx, project, pipeline, yield); err != nil {
			yield(nil, err)
		}
	}
}

func (s *PipelinesService) testCases(ctx context.Context, project ProjectID, pipeline PipelineID, yield func(*TestCase, error) bool) error {
	cl := reading(at("projects", project, "pipelines", pipeline, "test_report"), nil)
	req, err := s.client.newRequest(ctx, cl)
	if err != nil {
		return err
	}
	resp, err := s.client.do(req, cl, nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	n := 0
	report := newArrival(resp.Body, s.client.config.maxAnswer)
	var left leftOut
	defer func() {
		left.log(s.client.config.logger, "gitlabci: test cases are not objects and are left out", cl.path)
	}()
	err = report.testCases(func(test *TestCase) bool {
		n++
		return yield(test, nil)
	}, &left)
	switch {
	case err == nil, errors.Is(err, errEnough):
		return nil
	case errors.Is(err, errNotObject):
		err = notReport(resp, report)
	case errors.Is(err, errNoThing):
		err = anotherThing(rest.StatusLine(resp.StatusCode), err, report.message, policyFrom(resp.Request.Context()).secrets)
	default:
		err = fmt.Errorf("after %d test cases: %w", n, err)
	}
	return policyFrom(resp.Request.Context()).fail(err)
}

// notReport explains an answer that is none.
func notReport(resp *http.Response, report *arrival) error {
	// Half a page is better than none, so an error here is not one more.
	page, _ := io.ReadAll(io.LimitReader(io.MultiReader(bytes.NewReader(report.dec.UnreadBuffer()), resp.Body), maxMessage))
	return unreadable(resp, page, errNotObject)
}

// testCases has use take the tests of a report until it returns false, which
// ends in errEnough.
func (a *arrival) testCases(use func(*TestCase) bool, left *leftOut) error {
	isReport := false
	err := a.whole(func(name string) error {
		switch name {
		case "test_suites":
			isReport = a.dec.PeekKind() == '['
			return a.values('[', func(int) error { return a.suite(use, left) })
		case "message", "error":
			raw, err := a.dec.ReadValue()
			a.message = flatten(raw)
			return err
		}
		return a.skip()
	})
	if err == nil && !isReport {
		return fmt.Errorf("%w: it has no test_suites", errNoThing)
	}
	return err
}

func (a *arrival) suite(use func(*TestCase) bool, left *leftOut) error {
	suite := ""
	named := func(test *TestCase) bool {
		test.SuiteName = suite
		return use(test)
	}
	return a.object(func(name string) (err error) {
		switch name {
		case "name":
			suite, err = a.text(name)
		case "test_cases":
			err = objects(a, named, left)
		default:
			err = a.skip()
		}
		return err
	})
}
