package joblog_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci/joblog"
)

// jobLog returns the log of a job as the runner writes it around a script.
func jobLog(script, verdict string) string {
	return "\x1b[0KRunning with gitlab-runner 17.0.0 (44feccdf)\x1b[0;m\n" +
		"\x1b[0K  on docker-1 k3WfR2aBc, system ID: s_0123456789ab\x1b[0;m\n" +
		startAt(0, "prepare_executor") + "\x1b[0K\x1b[36;1mPreparing the \"docker\" executor\x1b[0;m\x1b[0;m\n" +
		"\x1b[0KUsing Docker executor with image golang:1.26 ...\x1b[0;m\n" +
		"\x1b[0KPulling docker image golang:1.26 ...\x1b[0;m\n" +
		endAt(4, "prepare_executor") + startAt(4, "step_script") + "\x1b[0K\x1b[36;1mExecuting \"step_script\" stage of the job script\x1b[0;m\x1b[0;m\n" +
		script +
		endAt(34, "step_script") + startAt(34, "upload_artifacts_on_failure") + "\x1b[0K\x1b[36;1mUploading artifacts for failed job\x1b[0;m\n" +
		"WARNING: report.xml: no matching files. Ensure that the path is right\n" +
		endAt(35, "upload_artifacts_on_failure") + startAt(35, "cleanup_file_variables") + "\x1b[36;1mCleaning up project directory and file based variables\x1b[0;m\n" +
		endAt(36, "cleanup_file_variables") + verdict
}

func summarize(t *testing.T, log string) *joblog.Summary {
	t.Helper()
	summary, err := joblog.Summarize(strings.NewReader(log))
	require.NoError(t, err)
	return summary
}

func TestSummarize(t *testing.T) {
	s := summarize(t, jobLog("\x1b[32;1m$ go test ./...\x1b[0;m\n"+
		startAt(10, "unit[collapsed=true]")+"Unit tests\nok  \texample.com/app\n--- FAIL: TestResponse (0.00s)\n"+
		"    answer_test.go:12: got 41\n"+endAt(30, "unit")+"FAIL\n",
		"\x1b[31;1mERROR: Job failed: exit code 1\n\x1b[0;m"))
	require.Equal(t, "Running with gitlab-runner 17.0.0 (44feccdf)", s.Runner)
	require.Equal(t, "on docker-1 k3WfR2aBc, system ID: s_0123456789ab", s.RunnerName)
	require.Equal(t, "Using Docker executor with image golang:1.26 ...", s.Executor)
	require.Equal(t, "golang:1.26", s.Image)
	require.Equal(t, "ERROR: Job failed: exit code 1", s.Verdict)
	require.False(t, s.Succeeded)
	require.Equal(t, 1, s.ExitCode)
	require.Equal(t, "TestResponse: answer_test.go:12: got 41", s.Reason)
	require.Equal(t, []joblog.Cause{{
		Text: "--- FAIL: TestResponse (0.00s)\n    answer_test.go:12: got 41",
		File: "answer_test.go", Line: 12, Section: "unit", Tool: "go test",
	}}, s.Causes)

	require.Len(t, s.Sections, 4)
	require.Zero(t, s.OmittedSections)
	script := s.Sections[1]
	require.Equal(t, "step_script", script.Name)
	require.Equal(t, "Executing \"step_script\" stage of the job script", script.Header)
	require.Equal(t, 30*time.Second, script.Duration())
	require.Len(t, script.Sections, 1)
	require.Equal(t, "unit", script.Sections[0].Name)
	require.Equal(t, "Unit tests", script.Sections[0].Header)
	require.Empty(t, script.Sections[0].Sections)
	require.Equal(t, map[string]string{"collapsed": "true"}, script.Sections[0].Options)

	var slowest []string
	for _, section := range s.Slowest(3) {
		slowest = append(slowest, fmt.Sprint(section.Name, " ", section.Duration()))
	}
	require.Equal(t, []string{"step_script 30s", "unit 20s", "prepare_executor 4s"}, slowest)
	require.Len(t, s.Slowest(100), 5)
	require.Empty(t, s.Slowest(-1))
}

func TestExecutor(t *testing.T) {
	for log, want := range map[string]joblog.Summary{
		"Running with gitlab-runner 1\n  on x\nUsing Shell (bash) executor...\n":                          {RunnerName: "on x", Executor: "Using Shell (bash) executor..."},
		"Running with gitlab-runner 1\nUsing Kubernetes executor with image a/b:c ...\non z\n":            {Executor: "Using Kubernetes executor with image a/b:c ...", Image: "a/b:c"},
		"Running with gitlab-runner 1\n" + start("step_script") + "go\nUsing the executor with image q\n": {},
		"on its own\nUsing Docker ...\n": {},
	} {
		s := summarize(t, log)
		require.Equal(t, want.RunnerName, s.RunnerName)
		require.Equal(t, want.Executor, s.Executor)
		require.Equal(t, want.Image, s.Image)
	}
	s := summarize(t, "Running with gitlab-runner 1\n on a\nRunning with gitlab-runner 2\n on b\n"+
		"Using Docker executor with image a ...\nUsing Docker executor with image b ...\n")
	require.Equal(t, "Running with gitlab-runner 1", s.Runner)
	require.Equal(t, "on a", s.RunnerName)
	require.Equal(t, "a", s.Image)
}

func TestExcerpts(t *testing.T) {
	log := stamp("01O ") + "error: " + strings.Repeat("é", 4000) + "\n"
	s := summarize(t, log)
	require.Len(t, s.Causes, 1)
	require.Equal(t, time.Date(2024, 5, 22, 12, 43, 46, 962646000, time.UTC), s.Causes[0].Time)
	require.Equal(t, "error: "+strings.Repeat("é", 2044), s.Causes[0].Text)
	require.Equal(t, "error: "+strings.Repeat("é", 95)+"…", s.Reason)
	s = summarize(t, start("a")+start("b")+"Head\n")
	require.Empty(t, s.Sections[0].Header)
	require.Equal(t, "Head", s.Sections[0].Sections[0].Header)
	header := summarize(t, start("a")+strings.Repeat("h", 5000)+"\n").Sections[0].Header
	require.Len(t, header, 4096)
}

func TestSummaryOfManySections(t *testing.T) {
	var log strings.Builder
	log.WriteString(start("outer") + "x\n")
	for range 10_005 {
		log.WriteString(start("a") + start("b") + end("b") + end("a") + "\n")
	}
	s := summarize(t, log.String())
	kept := len(s.Slowest(30_000))
	require.Greater(t, kept, 4500)
	require.Equal(t, 20_011, kept+s.OmittedSections)
	require.Len(t, s.Sections, 1)
	require.Len(t, s.Sections[0].Sections, kept/2)
}

// The part that was read before an error is summarized.
func TestSummarizeFails(t *testing.T) {
	broken := errors.New("broken")
	s, err := joblog.Summarize(io.MultiReader(strings.NewReader("Running with gitlab-runner 1\nx"), iotest.ErrReader(broken)))
	require.Equal(t, broken, err)
	require.Equal(t, "Running with gitlab-runner 1", s.Runner)
	require.Equal(t, []string{"x"}, s.Lines())
}
