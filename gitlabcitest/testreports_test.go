package gitlabcitest_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
)

func tested() *gitlabcitest.Server {
	srv := gitlabcitest.NewServer()
	p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{TestReport: &gitlabci.TestReport{
		TotalCount: 99,
		TestSuites: []gitlabci.TestSuite{
			{Name: "unit", TotalTime: 99, SuccessCount: 99, TestCases: []gitlabci.TestCase{
				{Name: "a", ExecutionTime: 0.1},
				{Name: "b", ExecutionTime: 0.2, Status: gitlabci.TestStatusFailed, Classname: "c", File: "b_test.go", SystemOutput: "no",
					StackTrace: "b:1", RecentFailures: &gitlabci.RecentFailures{Count: 2, BaseBranch: "main"}, AttachmentURL: "https://x/y.png"},
				{Status: gitlabci.TestStatusSkipped},
				{Name: "d", Status: gitlabci.TestStatusError, ExecutionTime: 1},
			}},
			{Name: "broken", SuiteError: "no XML", TestCases: []gitlabci.TestCase{{Name: "x"}}},
		},
	}})
	p.AddJob(gitlabcitest.Job{ID: 1, Name: "unit", Retried: true})
	p.AddJob(gitlabcitest.Job{ID: 2, Name: "unit"})
	p.AddTriggerJob(gitlabcitest.Job{ID: 3, Name: "unit"})
	srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
	return srv
}

func TestTestReport(t *testing.T) {
	srv := tested()
	require.JSONEq(t, `{
		"total_time": 1.3, "total_count": 4, "success_count": 1, "failed_count": 1, "skipped_count": 1, "error_count": 1,
		"test_suites": [
			{
				"name": "unit", "total_time": 1.3, "total_count": 4, "success_count": 1, "failed_count": 1, "skipped_count": 1,
				"error_count": 1, "suite_error": null,
				"test_cases": [
					{"status": "success", "name": "a", "classname": null, "file": null, "execution_time": 0.1,
						"system_output": null, "stack_trace": null, "recent_failures": null},
					{"status": "failed", "name": "b", "classname": "c", "file": "b_test.go", "execution_time": 0.2,
						"system_output": "no", "stack_trace": "b:1", "recent_failures": {"count": 2, "base_branch": "main"},
						"attachment_url": "https://x/y.png"},
					{"status": "skipped", "name": "(No name)", "classname": null, "file": null, "execution_time": 0,
						"system_output": null, "stack_trace": null, "recent_failures": null},
					{"status": "error", "name": "d", "classname": null, "file": null, "execution_time": 1,
						"system_output": null, "stack_trace": null, "recent_failures": null}
				]
			},
			{
				"name": "broken", "total_time": 0, "total_count": 0, "success_count": 0, "failed_count": 0, "skipped_count": 0,
				"error_count": 0, "suite_error": "no XML", "test_cases": []
			}
		]
	}`, get(t, srv, "/projects/1/pipelines/101/test_report").body)
	require.JSONEq(t, `{
		"total_time": 0, "total_count": 0, "success_count": 0, "failed_count": 0, "skipped_count": 0, "error_count": 0, "test_suites": []
	}`, get(t, srv, "/projects/1/pipelines/102/test_report").body)
}

func TestTestReportSummary(t *testing.T) {
	srv := tested()
	require.JSONEq(t, `{
		"total": {"time": 1.3, "count": 4, "success": 1, "failed": 1, "skipped": 1, "error": 1, "suite_error": null},
		"test_suites": [
			{"name": "unit", "total_time": 1.3, "total_count": 4, "success_count": 1, "failed_count": 1, "skipped_count": 1,
				"error_count": 1, "build_ids": [2], "suite_error": null},
			{"name": "broken", "total_time": 0, "total_count": 0, "success_count": 0, "failed_count": 0, "skipped_count": 0,
				"error_count": 0, "build_ids": [], "suite_error": "no XML"}
		]
	}`, get(t, srv, "/projects/1/pipelines/101/test_report_summary").body)
	require.JSONEq(t, `{
		"total": {"time": 0, "count": 0, "success": 0, "failed": 0, "skipped": 0, "error": 0, "suite_error": null}, "test_suites": []
	}`, get(t, srv, "/projects/1/pipelines/102/test_report_summary").body)
}
