package joblog_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const exitCode1 = "ERROR: Job failed: exit code 1\n"

// If the script failed, nothing else is looked at.
func TestOnlyTheScript(t *testing.T) {
	runner := "Running with gitlab-runner 17.0.0 (44feccdf)\n"
	cache := "Checking cache for default...\nFATAL: file does not exist\nFailed to extract cache\n"
	after := "Running after script...\n$ ./report.sh\npanic: no report\n./report.sh: line 9: notify: command not found\nWARNING: after_script failed, but job will continue unaffected: exit code 127\n"
	upload := "Uploading artifacts...\nWARNING: x: no matching files\nERROR: No files to upload\n"
	script := "$ ./check\nprice is text, wanted numeric\n"
	section := func(name, text string) string { return start(name) + "Header\n" + text + end(name) }
	for name, log := range map[string]string{
		"sections":                      runner + section("restore_cache", cache) + section("step_script", script) + section("after_script", after) + section("upload_artifacts_on_failure", upload),
		"old":                           runner + section("build_script", script) + section("after_script", after) + section("upload_artifacts_on_failure", upload),
		"an old runner without headers": runner + start("build_script") + script + end("build_script") + start("after_script") + after + end("after_script"),
		"no sections":                   runner + cache + script + after + upload,
		"an excerpt":                    script + upload,
		"a named step":                  runner + section("restore_cache", cache) + section("step_release", script),
		"complaints at the end":         section("step_script", script) + "ERROR: No files to upload\nFailed to extract cache\n",
		"complaints at a bare end":      runner + script + "ERROR: No files to upload\nFailed to extract cache\n",
		"services":                      section("step_script", "[service:db-postgres] 2024-05-22T12:43:46Z FATAL: role does not exist\n"+script),
	} {
		require.Equal(t, []string{"$ ./check", "price is text, wanted numeric"}, summarize(t, log+exitCode1).Lines(), name)
	}
}

// Without a script the last stage before it failed.
func TestStageBeforeTheScript(t *testing.T) {
	log := start("prepare_script") + "Preparing\nRunning on x\nerror: old\n" + end("prepare_script") +
		start("get_sources") + "Getting source\nFetching changes with git depth set to 20...\nfatal: unable to access 'http://x/': refused\n" + end("get_sources") +
		start("cleanup_file_variables") + "Cleaning up\nerror: none\n" + end("cleanup_file_variables")
	require.Equal(t, []string{"fatal: unable to access 'http://x/': refused"}, summarize(t, log+exitCode1).Lines())
	require.Equal(t, []string{"fatal: unable to access 'http://x/': refused"}, summarize(t, log).Lines(), "the log was cut off")
}

// A log that was cut off ends where the job did.
func TestNoVerdict(t *testing.T) {
	require.Equal(t, []string{"a", "  b"}, summarize(t, "a\n\n  b  \n").Lines())
	old := start("build_script") + "Head\n$ x\n" + "c\n" + end("build_script") + "\nd\n"
	require.Equal(t, []string{"$ x", "c"}, summarize(t, "a\n"+old).Lines())
}

// Bash stops at the command that failed: it is the last that is echoed.
func TestLastCommand(t *testing.T) {
	failed := "--- FAIL: TestA (0.00s)\n    a_test.go:1: x\n"
	for name, test := range map[string]struct {
		script string
		want   []string
		reason string
	}{
		"its failure": {"$ go test ./a || true\n" + failed + "$ go test ./b\n" + strings.ReplaceAll(failed, "TestA", "TestB"),
			[]string{"--- FAIL: TestB (0.00s)", "    a_test.go:1: x"}, "TestB: a_test.go:1: x"},
		"its last lines": {"$ go test ./a || true\n" + failed + "$ ./upload\none\ntwo\nthree\nquota reached\n",
			[]string{"$ ./upload", "one", "two", "three", "quota reached"}, "quota reached"},
		"silent": {"$ make\nok\n$ ./run\n", []string{"$ make", "ok", "$ ./run", "ERROR: Job failed: exit code 1"}, "$ ./run: exit code 1"},
		"silent after a failure": {"$ go test ./a || true\n" + failed + "$ ./run\n",
			[]string{"--- FAIL: TestA (0.00s)", "    a_test.go:1: x", "$ ./run", "ERROR: Job failed: exit code 1"}, "$ ./run: exit code 1"},
		"only ends the job": {"$ go test ./a || CODE=1\n" + failed + "$ exit $CODE\n",
			[]string{"--- FAIL: TestA (0.00s)", "    a_test.go:1: x", "$ exit $CODE"}, "TestA: a_test.go:1: x"},
		"says why it ends the job": {"$ go test ./a || CODE=1\n" + failed + "$ if [ $CODE = 1 ]; then echo tests failed; exit 1; fi\ntests failed\n",
			[]string{"--- FAIL: TestA (0.00s)", "    a_test.go:1: x", "$ if [ $CODE = 1 ]; then echo tests failed; exit 1; fi", "tests failed"}, "TestA: a_test.go:1: x"},
		"green": {"\x1b[32;1m$ npx run\x1b[0;m\n" + failed + "$ tsc -p .\ndone\n", []string{"--- FAIL: TestA (0.00s)", "    a_test.go:1: x"}, "TestA: a_test.go:1: x"},
	} {
		s := summarize(t, jobLog(test.script, exitCode1))
		require.Equal(t, test.want, s.Lines(), name)
		require.Equal(t, test.reason, s.Reason, name)
	}
}

// A copy of GitLab's page has the durations beside the sections.
func TestCopiedFromThePage(t *testing.T) {
	for _, gap := range []string{" ", "\n"} {
		log := "Running with gitlab-runner 18.5.0 (bda84871)\n  on shell-1 7vEJkJxfR\nPreparing the \"shell\" executor" + gap + "00:00\nUsing Shell (bash) executor...\n" +
			"Getting source from Git repository" + gap + "00:02\nChecking out 6d14a267 as detached HEAD (ref is main)...\n" +
			"Executing \"step_script\" stage of the job script" + gap + "01:02:03\nwanted numeric\n" +
			"Uploading artifacts for failed job" + gap + "00:01\nERROR: No files to upload\npanic: x\n" +
			"Cleaning up project directory and file based variables" + gap + "00:01\nERROR: Job failed: exit status 1\n"
		require.Equal(t, []string{"wanted numeric"}, summarize(t, log).Lines())
	}
	require.Equal(t, []string{"$ x", "00:", "1:23", "a"}, shownOf(t, "$ x\n00:\n1:23\n00:01\na\n"))
}

// A log may have lost its control characters on its way, and so its markers.
func TestBareMarkers(t *testing.T) {
	for _, gap := range []string{"\n", " ", ""} {
		log := "Running with gitlab-runner 17.0.0 (44feccdf)\nsection_start:1704896900:get_sources" + gap + "Getting source from Git repository\nerror: no\n" +
			"section_end:1704896901:get_sources" + gap + "section_start:1704896901:step_script" + gap + "Executing \"step_script\" stage of the job script\n" +
			"$ make\nwanted numeric\nsection_start:1704896902:my_section\nx\nsection_end:1704896902:my_section\n" +
			"section_end:1704896925:step_script" + gap + "section_start:1704896925:upload_artifacts_on_failure" + gap + "Uploading artifacts for failed job\npanic: no files\n" +
			"section_end:1704896925:upload_artifacts_on_failure\n" + exitCode1
		require.Equal(t, []string{"$ make", "wanted numeric", "x"}, summarize(t, log).Lines(), gap)
	}
}

// The exit code says more than the last lines if the script was killed.
func TestExitCodeDecides(t *testing.T) {
	for verdict, shown := range map[string]bool{
		"exit code 1": false, "exit code 125": false, "exit code 137": true, "exit code 126": true, "exit status 0xc0000005": true, "exit code -1": true,
	} {
		lines := summarize(t, jobLog("$ x\nrunning\n", "ERROR: Job failed: "+verdict+"\n")).Lines()
		want := []string{"$ x", "running"}
		if shown {
			want = append(want, "ERROR: Job failed: "+verdict)
		}
		require.Equal(t, want, lines)
	}
}

// A job whose script succeeded fails if its artifacts cannot be uploaded.
func TestArtifactsOfSuccess(t *testing.T) {
	log := start("step_script") + "Head\n$ make\n0 errors\n" + end("step_script") +
		start("upload_artifacts_on_success") + "Uploading artifacts for successful job\nUploading artifacts...\nERROR: Uploading artifacts as \"archive\" to coordinator... 413 Request Entity Too Large\nFATAL: too large\n" +
		end("upload_artifacts_on_success")
	s := summarize(t, log+exitCode1)
	require.Contains(t, s.Lines(), "FATAL: too large")
	require.NotContains(t, s.Lines(), "$ make")
	log = strings.ReplaceAll(log, "FATAL: too large", "ERROR: No files to upload")
	require.Equal(t, []string{"$ make", "0 errors"}, summarize(t, strings.ReplaceAll(log, "ERROR: Uploading", "WARNING: Uploading")+exitCode1).Lines())
}

// The runner's line about its wait explains why it gave up.
func TestStageOfARefusal(t *testing.T) {
	verdict := "ERROR: Job failed (system failure): prepare environment: waiting for pod running: timed out waiting for pod to start\n"
	log := start("prepare_script") + "Preparing environment\n" + strings.Repeat("Waiting for pod a/b to be running, status is Pending\n\tUnschedulable: \"no nodes\"\n", 3) + end("prepare_script")
	require.Equal(t, []string{verdict[:len(verdict)-1], "\tUnschedulable: \"no nodes\""}, summarize(t, log+verdict).Lines())
	note := "WARNING: step_script could not run to completion because the timeout was exceeded.\n"
	verdict = "ERROR: Job failed: execution took longer than 1h0m0s seconds\n"
	log = start("step_script") + "Head\n$ make\nlinking\n" + end("step_script")
	require.Equal(t, []string{verdict[:len(verdict)-1], note[:len(note)-1], "$ make", "linking"}, summarize(t, log+note+verdict).Lines())
}
