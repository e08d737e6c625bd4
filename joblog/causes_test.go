package joblog_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci/joblog"
)

// shownOf returns what is shown of a script that failed.
func shownOf(t *testing.T, script string) []string {
	t.Helper()
	return summarize(t, jobLog(script, exitCode1)).Lines()
}

// numbered returns lines with numbers, such as "line 1".
func numbered(format string, n int) (lines string) {
	for i := range n {
		lines += fmt.Sprintf(format+"\n", i+1)
	}
	return lines
}

// A word of an error is a guess, for an output that is long and of no tool that is known.
func TestMentions(t *testing.T) {
	for text, want := range map[string]bool{
		"Error: x": true, "ERROR x": true, "[error] x": true, "3 errors": true,
		"TypeError: x is not a function": true, "java.lang.NullPointerException: x": true, "2 failed, 3 passed": true,
		"Killed": true, "cat: x: No such file or directory": true, "x: Permission denied": true,
		"Failures: 1, Errors: 0": true, "It failed.": true, "Error(s) found": true, "exit failure": true, "10 errors": true, "errors: 01": true,
		"could not open x": true, "invalid option": true,

		"all fine": false, "0 errors": false, "No errors found": false, "Failures: 0, Errors: 0": false, "failed=0": false, "0 failed": false,
		"ok pkg/errors 0.1s": false, "compiling error.go": false, "error_log=1": false, "the terror": false, "src/error/x": false,
		"calls Error() here": false, "failover": false, "WARNING: x failed": false, "warn: error": false,
		"main.c:3:5: warning: x": false, "12:30:01: started": false, "tests error handling ... ok": false, "handles errors: PASS": false,
	} {
		lines := shownOf(t, "first\n"+text+"\n"+numbered("line %d", 20))
		require.Equal(t, want, lines[0] == text, "%s: %q", text, lines)
		require.Equal(t, "line 20", lines[len(lines)-1])
	}
}

// The explanation of an unknown tool is around the line that mentions the failure.
func TestAroundMentions(t *testing.T) {
	script := numbered("line %d", 20) + "checking prices\n  price of 3\n    bad prices: 3 errors\n      wanted: 4\n      is: 5\n      at prices/3\n      never mind\n" + numbered("other %d", 20)
	require.Equal(t, []string{
		"    bad prices: 3 errors", "      wanted: 4", "      is: 5", "      at prices/3",
		"other 11", "other 12", "other 13", "other 14", "other 15", "other 16", "other 17", "other 18", "other 19", "other 20",
	}, shownOf(t, script))
}

// A mention long before a failure may be why it failed; right before it, it is part of that.
func TestBeforeTheFailure(t *testing.T) {
	failed := "--- FAIL: TestA (0.00s)\n    a_test.go:1: x\n"
	require.Equal(t, []string{"ERROR: no database", "--- FAIL: TestA (0.00s)", "    a_test.go:1: x"}, shownOf(t, "ERROR: no database\n"+numbered("line %d", 20)+failed))
	require.Equal(t, []string{"--- FAIL: TestA (0.00s)", "    a_test.go:1: x"}, shownOf(t, "ERROR: no database\nline\n"+failed))
}

// A short output is shown whole, and of a long one the last lines.
func TestLastLines(t *testing.T) {
	require.Equal(t, []string{"$ ./check", "0 errors so far", "an error", "and more"}, shownOf(t, "$ ./check\n0 errors so far\nan error\n\nand more\n"))
	lines := shownOf(t, "$ ./check\n"+numbered("line %d", 40))
	require.Len(t, lines, 12)
	require.Equal(t, "line 29", lines[0])
	require.Equal(t, []string{"$ x", "a"}, shownOf(t, "$ x\na\n-----\n=== +++ ===\n  ╵\n  │\n"), "lines that are drawn")
}

// Lines that only look like a failure are not shown.
func TestNeverShown(t *testing.T) {
	for _, text := range []string{
		"Receiving objects:  45% (45/100)", " 45% [=====>   ] error", "npm ERR! A complete log of this run can be found in:",
		"✓ throws an error", "--- PASS: TestError (0.00s)", "go: downloading github.com/pkg/errors v0.9.1", "Get:1 http://deb.debian.org/debian bookworm InRelease",
		"Using docker image sha256:388b5e85 for golang:1.26 with digest x ...",
	} {
		require.Equal(t, []string{"$ x", "a"}, shownOf(t, "$ x\n"+text+"\na\n"+text+"\n"), text)
	}
	usage := "$ tool\nusage: tool [-a] [-b]\n            [-c]\n  -a    error\n  -b    fail\n\noptions:\n  -c   c\ntool: unrecognized arguments: --d\n"
	require.Equal(t, []string{"$ tool", "usage: tool [-a] [-b]", "tool: unrecognized arguments: --d"}, shownOf(t, usage))
}

// The first failures are shown and the last, each by the line that names it.
func TestManyFailures(t *testing.T) {
	s := summarize(t, jobLog(numbered("a.c:%d:2: error: no", 40), exitCode1))
	require.Len(t, s.Causes, 8)
	var lines []int
	for _, cause := range s.Causes {
		require.Equal(t, "a.c", cause.File)
		lines = append(lines, cause.Line)
	}
	require.Equal(t, []int{1, 2, 3, 4, 5, 38, 39, 40}, lines)
	require.Equal(t, "a.c:1:2: error: no", s.Reason)
}

// A failure that is reported twice is one cause.
func TestJoinedCauses(t *testing.T) {
	s := summarize(t, jobLog("=== FAILURES ===\n_____ test_a _____\n\n    def test_a():\n>       f()\nE       ValueError: no\n\ntests/test_a.py:6: ValueError\n"+
		"=== short test summary info ===\nFAILED tests/test_a.py::test_a - ValueError: no\n=== 1 failed, 3 passed in 0.07s ===\n", exitCode1))
	require.Len(t, s.Causes, 1)
	require.Equal(t, joblog.Cause{
		Text: "FAILED tests/test_a.py::test_a - ValueError: no\n>       f()\ntests/test_a.py:6: ValueError",
		File: "tests/test_a.py", Line: 6, Section: "step_script", Tool: "pytest",
	}, s.Causes[0])
}

// The bare parent of a test that failed says nothing.
func TestNestedTests(t *testing.T) {
	s := summarize(t, jobLog("--- FAIL: TestA (0.00s)\n    --- FAIL: TestA/one (0.00s)\n        a_test.go:7: got 1\n    --- FAIL: TestA/two (0.00s)\n        a_test.go:8: got 2\nFAIL\nFAIL\tx\t0.1s\n", exitCode1))
	require.Len(t, s.Causes, 2)
	require.Equal(t, "TestA/one: a_test.go:7: got 1", s.Reason)
}

// With timestamps, what is written to the other stream meanwhile ends no failure.
func TestInterleavedFailure(t *testing.T) {
	out, err := stamp("01O "), stamp("01E ")
	s := summarize(t, stamp("00O ")+start("step_script")+"\n"+
		err+"Traceback (most recent call last):\n"+out+"working on 3\n"+err+"  File \"a.py\", line 3, in <module>\n"+err+"    f()\n"+
		out+"done with 3\n"+err+"ValueError: x\n"+out+"bye\n"+stamp("00O ")+end("step_script")+exitCode1)
	require.Len(t, s.Causes, 1)
	require.Equal(t, "  File \"a.py\", line 3, in <module>\nValueError: x", s.Causes[0].Text)
	require.Equal(t, "a.py:3: ValueError: x", s.Reason)
	require.False(t, s.Causes[0].Time.IsZero())
}

// The output of a script after a tool has failed may say what ended it.
func TestAfterTheFailure(t *testing.T) {
	failed := "--- FAIL: TestA (0.00s)\n    a_test.go:1: x\n"
	require.Equal(t, []string{"--- FAIL: TestA (0.00s)", "    a_test.go:1: x", "ERROR: coverage is below 80%"},
		shownOf(t, failed+"FAIL\n"+numbered("line %d", 20)+"ERROR: coverage is below 80%\nbye\n"))
	require.Equal(t, []string{"sh: foo: command not found", "giving up"}, shownOf(t, "sh: foo: command not found\ncleaning\ngiving up\n"))
}

// A wrapper around a tool's output does not hide it.
func TestWrapped(t *testing.T) {
	for _, wrap := range []string{"#12 0.345 ", "#4 ", "│ ", "web-1  | ", "2024-05-22T12:43:46.123Z ", "12.50 "} {
		s := summarize(t, jobLog(wrap+"--- FAIL: TestA (0.00s)\n"+wrap+"    a_test.go:7: got 1\n"+wrap+"FAIL\n", exitCode1))
		require.Equal(t, "TestA: "+strings.TrimSpace(strings.TrimPrefix(wrap, "│")+"    a_test.go:7: got 1"), s.Reason, wrap)
		require.Equal(t, 7, s.Causes[0].Line, wrap)
	}
}

// A group of tests fails because of a test in it: its own line adds nothing.
func TestGroupOfTests(t *testing.T) {
	shown := shownOf(t, "TAP version 13\n    not ok 1 - adds tax\n      ---\n      location: '/app/price.test.js:5:11'\n      error: 'tax is missing'\n      ...\n"+
		"    1..1\nnot ok 1 - price\n  ---\n  location: '/app/price.test.js:3:1'\n  failureType: 'subtestsFailed'\n  error: '1 subtest failed'\n  ...\n1..1\n# fail 2\n")
	require.Equal(t, []string{"    not ok 1 - adds tax", "      location: '/app/price.test.js:5:11'", "      error: 'tax is missing'"}, shown)
}

// An error that is only written begins no failure, and what follows it is still seen.
func TestErrorWithoutStack(t *testing.T) {
	shown := shownOf(t, "Error: cache is cold\n"+numbered("line %d", 12)+"upload failed\n"+numbered("line %d", 12))
	require.Contains(t, shown, "Error: cache is cold")
	require.Contains(t, shown, "upload failed")
}

// Tasks that run at the same time write their names before their lines. Lines of one do
// not end a failure of another, and are no part of it.
func TestTasks(t *testing.T) {
	for _, labels := range [][2]string{
		{"api:test: ", "web:test: "}, {"packages/api test: ", "packages/web test: "}, {"[api] ", "[web] "}, {"[api]: ", "[web]: "}, {"[0] ", "[1] "},
		{"api: ", "web: "}, {"@group/api:test:unit: ", "@group/web:test:unit: "},
	} {
		a, b := labels[0], labels[1]
		shown := shownOf(t, a+"> api@1.0.0 test\n"+b+"> web@1.0.0 test\n"+
			a+"/app/packages/api/load.js:2\n"+b+"0 errors\n"+a+"  throw new RangeError('page');\n"+b+"checking that it failed\n"+a+"\n"+
			a+"RangeError: page\n"+b+"done\n"+a+"    at load (/app/packages/api/load.js:2:9)\n"+b+"ok\n"+a+"    at node:internal/main:3:4\n"+numbered("line %d", 12))
		require.Equal(t, []string{a + "/app/packages/api/load.js:2", a + "RangeError: page", a + "    at load (/app/packages/api/load.js:2:9)"}, shown, a)
	}
	shown := shownOf(t, "[info] x\n[12:30:01] Error: missing file\n    at build (/app/gulpfile.js:1:41)\n"+numbered("line %d", 12))
	require.Equal(t, []string{"[12:30:01] Error: missing file", "    at build (/app/gulpfile.js:1:41)"}, shown)
}

// A reason has none of what a tool draws around its lines.
func TestUnmarkedReason(t *testing.T) {
	for text, want := range map[string]string{
		"____ test_a ____\nE       ValueError: no\n\ntests/test_a.py:6: ValueError\n": "tests/test_a.py:6: test_a: ValueError: no",
		"+++++ Timeout +++++\n": "Timeout",
		"#   Failed test 'adds'\n#   at t/a.t line 3.\n#          got: '1'\n": "t/a.t:3: adds: got: '1'",
	} {
		require.Equal(t, want, summarize(t, jobLog(text, exitCode1)).Reason)
	}
}

// A line's number says nothing without its file.
func TestLineWithoutFile(t *testing.T) {
	s := summarize(t, jobLog("  1:7  error  'x' is never used  no-unused-vars\n", exitCode1))
	require.Equal(t, "eslint", s.Causes[0].Tool)
	require.Zero(t, s.Causes[0].Line)
}

// The reason of an exception is its last cause, and that of Ansible the message in its JSON.
func TestReasonsWithin(t *testing.T) {
	for script, want := range map[string]string{
		"Exception in thread \"main\" a.B: outer\n\tat a.C.run(C.java:3)\nCaused by: a.D: inner\n\tat a.E.get(E.java:7)\n": "E.java:7: a.D: inner",
		"TASK [x] ***\nfatal: [web]: FAILED! => {\"changed\": false, \"msg\": \"no \\\"x\\\" here\", \"rc\": 1}\n":         `no \"x\" here`,
		"[ERROR] No plugin found for prefix 'a' -> [Help 1]\n":                                                             "No plugin found for prefix 'a' -> [Help 1]",
	} {
		require.Equal(t, want, summarize(t, jobLog("$ x\n"+script, exitCode1)).Reason)
	}
	s := summarize(t, jobLog("$ ./tests\nsuite a\nsuite b\n", "ERROR: Job failed: exit status 0xc0000005\n"))
	require.Equal(t, "Job failed: exit status 0xc0000005", s.Reason)
}
