package joblog_test

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
	"testing/iotest"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci/joblog"
)

// failedTests is what some tools print of failures.
const failedTests = "$ go test ./...\n=== RUN   TestA\n    a_test.go:3: wrong\n--- FAIL: TestA (0.00s)\n    --- FAIL: TestA/b (0.00s)\n        a_test.go:7: got 1\n" +
	"panic: oops\n\ngoroutine 1 [running]:\nmain.f()\n\t/src/a.go:12 +0x1d\n" +
	"____ test_total ____\n>   assert 1 == 2\nE   assert 1 == 2\n\na.py:6: AssertionError\nFAILED a.py::test_total - assert 1 == 2\n" +
	"Traceback (most recent call last):\n  File \"a.py\", line 3, in <module>\n    f()\nValueError: x\nand more\n" +
	"a.c:1:2: error: no\n    1 | x\n      | ^\nmake: *** [a.o] Error 1\nnpm error code EUSAGE\nnpm error bad\nnpm error Usage:\nnpm error npm ci\n" +
	"\n  ● sum › adds\n\n    Expected: 3\n\n#12 0.345 web-1  | error: 3 errors\n"

func seeds(f *testing.F) {
	for _, log := range []string{
		"\xc2\x1b[31m\x9bx\n", "\xff\x9b\xc2\x1b[31m\x9b\a\x9b\n", "\xff\a\x1b[31m\x9b\x1b[0m\u009b\n", "f\x81r\x85\n\x85\n",
		"", "\n", "a\r\n", "\xe5\x9b\x1b[m\x9b", "\x1b", "\x1b]", "caf\xc3", "1%\r2%\r\x1b[K\n",
		jobLog("\x1b[31mx\x1b[0m\n", "ERROR: Job failed: exit code 1\n"),
		start("a[b=c]") + "x" + end("a") + "\x1b]8;;u\x07y\x1b]8;;\x1b\\" + start("b") + "z" + end("b") + "\n",
		stamp("01O ") + "1%\r\n" + stamp("01O+") + "section_start:1:a\r\n" + stamp("01O+") + "\x1b[0KHead\n" + stamp("01E+") + "x\n",
		jobLog(failedTests, "ERROR: Job failed: exit code 1\n"),
		strings.ReplaceAll(failedTests, "\n", "\n"+stamp("01E ")),
		stamp("00O ") + "\n" + stamp("00O+") + "\n" + stamp("00O+") + end("x"),
	} {
		f.Add([]byte(log), uint8(1))
		f.Add([]byte(log), uint8(30))
	}
}

// No byte is lost, the split of a log changes nothing, and lines agree with
// what they are documented to be.
func FuzzLines(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, log []byte, size uint8) {
		lines := collect(t, bytes.NewReader(log))
		var raw []byte
		for _, line := range lines {
			raw = append(raw, line.Raw...)
			checkLine(t, line)
		}
		require.True(t, bytes.Equal(log, raw))
		split := collect(t, iotest.DataErrReader(&chunks{log: string(log), size: 1 + int(size)}))
		require.Equal(t, lines, split)
		checkSections(t, lines)
	})
}

var styles = regexp.MustCompile(`\x1b\[[0-?]*[ -/]*m`)

func checkLine(t *testing.T, line *joblog.Line) {
	t.Helper()
	require.NotEmpty(t, line.Raw)
	require.NotContains(t, line.Text, "\n")
	require.NotContains(t, line.Text, "\r")
	require.False(t, strings.ContainsFunc(line.Text, func(r rune) bool { return unicode.IsControl(r) && r != 0 && r != '\t' }), "%q", line.Text)
	require.Equal(t, line.Text, styles.ReplaceAllString(line.Styled, ""))
	require.LessOrEqual(t, len(line.Text), len(line.Raw))
	if line.Stream == 0 {
		require.Zero(t, line.Time)
	}
	if utf8.Valid(line.Raw) && bytes.IndexByte(line.Raw, 0x1b) < 0 {
		require.True(t, utf8.ValidString(line.Text))
	}
}

// checkSections follows the markers: a section closes once, after it opened,
// and lines are in none that is not open.
func checkSections(t *testing.T, lines []*joblog.Line) {
	t.Helper()
	open := map[*joblog.Section]bool{}
	for _, line := range lines {
		before := len(open)
		for _, section := range line.Opened {
			require.False(t, section.Start.IsZero())
			open[section] = true
		}
		require.LessOrEqual(t, len(line.Sections), 64)
		for _, section := range line.Sections {
			require.True(t, open[section], "in a section that is not open")
		}
		for _, section := range line.Closed {
			require.True(t, open[section], "closed twice, or never opened")
			require.GreaterOrEqual(t, section.Duration().Nanoseconds(), int64(0))
			delete(open, section)
		}
		require.Equal(t, before+len(line.Opened)-len(line.Closed), len(open))
	}
}

// A summary is finite, and its parts are of the log.
func FuzzSummarize(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, log []byte, size uint8) {
		s, err := joblog.Summarize(bytes.NewReader(log))
		require.NoError(t, err)
		split, err := joblog.Summarize(&chunks{log: string(log), size: 1 + int(size)})
		require.NoError(t, err)
		require.Equal(t, s, split)
		require.Equal(t, s.Succeeded, s.Verdict == "Job succeeded")
		opened := 0
		for _, line := range collect(t, bytes.NewReader(log)) {
			opened += len(line.Opened)
		}
		require.Len(t, s.Slowest(opened), opened-s.OmittedSections)
		checkCauses(t, s)
	})
}

// checkCauses holds a summary's causes to what they are documented to be.
func checkCauses(t *testing.T, s *joblog.Summary) {
	t.Helper()
	require.LessOrEqual(t, len(s.Causes), 8)
	require.Equal(t, s.Verdict != "" && !s.Succeeded, s.Verdict != "" && len(s.Causes) > 0)
	require.Equal(t, len(s.Causes) > 0, s.Reason != "")
	require.LessOrEqual(t, len(s.Reason), 200)
	require.NotContains(t, s.Reason, "\n")
	lines := 0
	for _, cause := range s.Causes {
		require.NotEmpty(t, cause.Text)
		for line := range strings.SplitSeq(cause.Text, "\n") {
			lines++
			require.LessOrEqual(t, len(line), 4<<10)
			require.False(t, strings.HasSuffix(line, " "))
		}
		require.GreaterOrEqual(t, cause.Line, 0)
		require.False(t, cause.Line > 0 && cause.File == "", "a line of no file")
	}
	require.LessOrEqual(t, lines, 20)
	require.LessOrEqual(t, len(s.Lines()), lines)
}
