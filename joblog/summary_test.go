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

func failure(s *joblog.Summary) []string {
	var lines []string
	for _, line := range s.Failure {
		lines = append(lines, line.Text)
	}
	return lines
}

func TestSummarize(t *testing.T) {
	s := summarize(t, jobLog("\x1b[32;1m$ go test ./...\x1b[0;m\n"+
		startAt(10, "unit[collapsed=true]")+"Unit tests\nok  \texample.com/app\n--- FAIL: TestAnswer (0.00s)\n"+
		"    answer_test.go:12: got 41\n"+endAt(30, "unit")+"FAIL\n",
		"\x1b[31;1mERROR: Job failed: exit code 1\n\x1b[0;m"))
	require.Equal(t, "Running with gitlab-runner 17.0.0 (44feccdf)", s.Runner)
	require.Equal(t, "on docker-1 k3WfR2aBc, system ID: s_0123456789ab", s.RunnerName)
	require.Equal(t, "Using Docker executor with image golang:1.26 ...", s.Executor)
	require.Equal(t, "golang:1.26", s.Image)
	require.Equal(t, "ERROR: Job failed: exit code 1", s.Verdict)
	require.False(t, s.Succeeded)
	require.Equal(t, 1, s.ExitCode)
	require.Equal(t, []joblog.Excerpt{
		{Text: "--- FAIL: TestAnswer (0.00s)", Section: "unit"},
		{Text: "FAIL", Section: "step_script"},
	}, s.Failure)

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

func TestVerdict(t *testing.T) {
	for verdict, want := range map[string]joblog.Summary{
		"\x1b[32;1mJob succeeded\x1b[0;m\n":                      {Verdict: "Job succeeded", Succeeded: true},
		"ERROR: Job failed: exit code 137\n":                     {Verdict: "ERROR: Job failed: exit code 137", ExitCode: 137},
		"ERROR: Job failed: exit code 4 (killed)\n":              {Verdict: "ERROR: Job failed: exit code 4 (killed)", ExitCode: 4},
		"ERROR: Job failed: exit status 2":                       {Verdict: "ERROR: Job failed: exit status 2", ExitCode: 2},
		"ERROR: Job failed: exit code \n":                        {Verdict: "ERROR: Job failed: exit code"},
		"ERROR: Job failed: command terminated with exit code 3": {Verdict: "ERROR: Job failed: command terminated with exit code 3", ExitCode: 3},
		"ERROR: Job failed (system failure): no space left":      {Verdict: "ERROR: Job failed (system failure): no space left"},
		"Job succeeded\nERROR: Job failed: exit code 1\n":        {Verdict: "ERROR: Job failed: exit code 1", ExitCode: 1},
		"ERROR: Job failed: exit code 1\nJob succeeded\n":        {Verdict: "Job succeeded", Succeeded: true},
		"Job succeeded not\n":                                    {},
		"":                                                       {},
	} {
		s := summarize(t, jobLog("", verdict))
		require.Equal(t, want.Verdict, s.Verdict)
		require.Equal(t, want.Succeeded, s.Succeeded, verdict)
		require.Equal(t, want.ExitCode, s.ExitCode, verdict)
	}
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

func TestFailureLines(t *testing.T) {
	for text, want := range map[string]bool{
		"error: no such thing": true, "Error: x": true, "ERROR x": true, "[error] x": true, "3 errors": true,
		"TypeError: x is not a function": true, "java.lang.NullPointerException: x": true, "2 failed, 3 passed": true,
		"npm ERR! code 1": true, "fatal: not a git repository": true, "panic: runtime error": true,
		"thread 'main' panicked at src/main.rs:1:1": true, "Killed": true, "sh: 1: gcc: command not found": true,
		"Segmentation fault (core dumped)": true, "cat: x: No such file or directory": true, "x: Permission denied": true,
		"Traceback (most recent call last):": true, "make: *** [all] Error 2": true, "ok, failed=1 errors=0": true,
		"Failures: 1, Errors: 0": true, "dir/main.go:3:5: undefined: x": true, "main.c:3:5: error: x": true, "It failed.": true,
		"Error(s) found": true, "--- FAIL: TestX": true, "exit failure": true, "10 errors": true, "errors: 01": true,

		"all fine": false, "0 errors": false, "No errors found": false, "Failures: 0, Errors: 0": false, "failed=0": false, "0 failed": false,
		"ok pkg/errors 0.1s": false, "compiling error.go": false, "error_log=1": false, "the terror": false, "src/error/x": false,
		"calls Error() here": false, "failover": false, "$ grep error log": false, "WARNING: x failed": false, "warn: error": false,
		"main.c:3:5: warning: x": false, "main.c:3:5: note: x": false, "12:30:01: started": false, "a b.go:1:2: x": false,
		"main.go:3: x": false, "main.go:x:5: y": false, "main.go:3:: y": false, ":3:5: y": false, "http://x:1:2: y": false,
	} {
		s := summarize(t, jobLog("first\n"+text+"\nlast\n", "ERROR: Job failed: exit code 1\n"))
		if want {
			require.Equal(t, []string{text}, failure(s))
		} else {
			require.Equal(t, []string{"first", text, "last"}, failure(s))
		}
	}
}

func TestFailureOfSuccess(t *testing.T) {
	require.Empty(t, summarize(t, jobLog("error: tolerated\n", "Job succeeded\n")).Failure)
}

func TestFailureIsTheLast(t *testing.T) {
	var script strings.Builder
	for i := range 50 {
		fmt.Fprintf(&script, "error %d\nline %d\n", i, i)
	}
	lines := failure(summarize(t, jobLog(script.String(), "ERROR: Job failed: exit code 1\n")))
	require.Len(t, lines, 20)
	require.Equal(t, "error 30", lines[0])
	require.Equal(t, "error 49", lines[19])
}

func TestTailWithoutScript(t *testing.T) {
	require.Equal(t, []string{"a", "  b"}, failure(summarize(t, "a\n\n  b  \n")))
	old := start("build_script") + "Head\n$ x\n" + "c\n" + end("build_script") + "\nd\n"
	require.Equal(t, []string{"$ x", "c"}, failure(summarize(t, "a\n"+old)))
}

func TestExcerpts(t *testing.T) {
	log := stamp("01O ") + "error: " + strings.Repeat("é", 4000) + "\n"
	s := summarize(t, log)
	require.Len(t, s.Failure, 1)
	require.Equal(t, time.Date(2024, 5, 22, 12, 43, 46, 962646000, time.UTC), s.Failure[0].Time)
	require.Equal(t, "error: "+strings.Repeat("é", 2044), s.Failure[0].Text)
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

// What was read before an error is summed up.
func TestSummarizeFails(t *testing.T) {
	broken := errors.New("broken")
	s, err := joblog.Summarize(io.MultiReader(strings.NewReader("Running with gitlab-runner 1\nx"), iotest.ErrReader(broken)))
	require.Equal(t, broken, err)
	require.Equal(t, "Running with gitlab-runner 1", s.Runner)
	require.Equal(t, []string{"x"}, failure(s))
}
