package joblog_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci/joblog"
)

// windows has statuses of Windows, which an int of 32 bits has as negative numbers.
var windows = []uint32{0xffffffff, 0xc0000005}

func TestVerdict(t *testing.T) {
	for verdict, want := range map[string]joblog.Summary{
		"\x1b[32;1mJob succeeded\x1b[0;m\n":                                         {Verdict: "Job succeeded", Succeeded: true},
		"ERROR: Job failed: exit code 137\n":                                        {Verdict: "ERROR: Job failed: exit code 137", ExitCode: 137},
		"ERROR: Job failed: exit code 4 (killed)\n":                                 {Verdict: "ERROR: Job failed: exit code 4 (killed)", ExitCode: 4},
		"ERROR: Job failed: exit code 010\n":                                        {Verdict: "ERROR: Job failed: exit code 010", ExitCode: 10},
		"ERROR: Job failed: exit status 2":                                          {Verdict: "ERROR: Job failed: exit status 2", ExitCode: 2},
		"ERROR: Job failed: exit status 0xffffffff\n":                               {Verdict: "ERROR: Job failed: exit status 0xffffffff", ExitCode: int(windows[0])},
		"ERROR: Job failed: exit status 0xc0000005\n":                               {Verdict: "ERROR: Job failed: exit status 0xc0000005", ExitCode: int(windows[1])},
		"ERROR: Job failed: exit code -1\n":                                         {Verdict: "ERROR: Job failed: exit code -1", ExitCode: -1},
		"ERROR: Job failed: exit code \n":                                           {Verdict: "ERROR: Job failed: exit code"},
		"ERROR: Job failed: command terminated with exit code 3":                    {Verdict: "ERROR: Job failed: command terminated with exit code 3", ExitCode: 3},
		"ERROR: Job failed: Process exited with status 5\n":                         {Verdict: "ERROR: Job failed: Process exited with status 5", ExitCode: 5},
		"ERROR: Job failed: exit code: 137, reason: 'OOMKilled'\n":                  {Verdict: "ERROR: Job failed: exit code: 137, reason: 'OOMKilled'", ExitCode: 137},
		"ERROR: Build failed: exit status 1\n":                                      {Verdict: "ERROR: Build failed: exit status 1", ExitCode: 1},
		"ERROR: Job failed (system failure): no space left":                         {Verdict: "ERROR: Job failed (system failure): no space left"},
		"ERROR: Job failed (system failure): prepare environment: exit status 1.\n": {Verdict: "ERROR: Job failed (system failure): prepare environment: exit status 1."},
		"WARNING: Job failed: exit status 1\n":                                      {Verdict: "WARNING: Job failed: exit status 1", ExitCode: 1},
		"Job succeeded\nERROR: Job failed: exit code 1\n":                           {Verdict: "ERROR: Job failed: exit code 1", ExitCode: 1},
		"ERROR: Job failed: exit code 1\nJob succeeded\n":                           {Verdict: "Job succeeded", Succeeded: true},
		"Job succeeded not\n":                                                       {},
		"":                                                                          {},
	} {
		s := summarize(t, jobLog("", verdict))
		require.Equal(t, want.Verdict, s.Verdict)
		require.Equal(t, want.Succeeded, s.Succeeded, verdict)
		require.Equal(t, want.ExitCode, s.ExitCode, verdict)
	}
}

// A verdict that is not about the script is the reason.
func TestVerdictIsTheReason(t *testing.T) {
	script := "$ make test\n--- FAIL: TestA (0.00s)\n    a_test.go:1: x\none\ntwo\nthree\nfour\nfive\n"
	for verdict, more := range map[string][]string{
		"ERROR: Job failed: execution took longer than 1h0m0s seconds":                          {"one", "two", "three", "four", "five"},
		"ERROR: Job failed: exit code: 137, reason: 'OOMKilled'":                                {"one", "two", "three", "four", "five"},
		"ERROR: Job failed (system failure): aborted: terminated":                               nil,
		"ERROR: Job failed: failed to pull image \"x\": manifest unknown":                       nil,
		"ERROR: Job failed: prepare environment: exit status 1. Check the profile of the shell": nil,
	} {
		s := summarize(t, jobLog(script, verdict+"\n"))
		require.Equal(t, append([]string{verdict}, more...), s.Lines())
		require.Equal(t, verdict[len("ERROR: "):], s.Reason)
	}
}

// A runner that fails before the script says all there is.
func TestNoScript(t *testing.T) {
	log := "Running with gitlab-runner 13.0.1 (21cb397c)\n" + start("prepare_script") + "Preparing environment\nRunning on runner-1...\n" +
		end("prepare_script") + start("upload_artifacts_on_failure") + "Uploading\nERROR: No files to upload\n" + end("upload_artifacts_on_failure")
	s := summarize(t, log+"ERROR: Job failed: exit status 1\n")
	require.Equal(t, []string{"ERROR: Job failed: exit status 1"}, s.Lines())
	require.Equal(t, "Job failed: exit status 1", s.Reason)
	require.Empty(t, summarize(t, log).Causes)
}

func TestSuccessHasNoCauses(t *testing.T) {
	s := summarize(t, jobLog("error: tolerated\n--- FAIL: TestA (0.00s)\n", "Job succeeded\n"))
	require.Empty(t, s.Causes)
	require.Empty(t, s.Reason)
	require.Empty(t, s.Lines())
}
