package junit_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest/internal/junit"
	"example.com/gitlabci/gitlabcitest/internal/pack"
)

func read(xml string) *junit.File { return junit.Read(pack.Gzip([]byte(xml))) }

func TestRead(t *testing.T) {
	file := read(`<testsuite><testcase name="a" classname="C" file="f" time="1.5s"><failure message="m">trace</failure><system-out>out</system-out></testcase>
		<testsuite><testcase name="b"><skipped/></testcase></testsuite></testsuite><!-- end -->`)
	require.Empty(t, file.Failure)
	require.Equal(t, []gitlabci.TestCase{
		{Name: "a", Classname: "C", File: "f", ExecutionTime: 1.5, Status: gitlabci.TestStatusFailed, SystemOutput: file.Cases[0].SystemOutput},
		{Name: "b", Status: gitlabci.TestStatusSkipped},
	}, file.Cases)
	require.Contains(t, file.Cases[0].SystemOutput, "trace")
	require.Empty(t, read("<other><testcase/></other>").Cases)
}

func TestReadKeepsTheLaterOfTwins(t *testing.T) {
	file := read(`<testsuite><testcase name="a" time="1"/><testcase name="b" time="2"/><testcase name="a" time="4"/><testcase name="a" time="8"><error/></testcase></testsuite>`)
	require.Len(t, file.Cases, 3)
	require.Equal(t, gitlabci.Seconds(4), file.Cases[0].ExecutionTime, "in the place of the first")
	require.Equal(t, 1.0, file.Lost)
}

func TestReadOfWhatIsNoReport(t *testing.T) {
	require.Equal(t, "JUnit data parsing failed: unexpected EOF", junit.Read([]byte("<te")).Failure)
	for xml, want := range map[string]string{
		"":                           "JUnit XML parsing failed: 1:1: FATAL: Document is empty",
		"<testsuite>":                "JUnit XML parsing failed: 1:12: FATAL: unexpected EOF",
		"<testsuite/>x":              "JUnit XML parsing failed: 1:14: FATAL: extra content at the end of the document",
		"<testsuite/><testsuite/>":   "JUnit XML parsing failed: 1:25: FATAL: extra content at the end of the document",
		"<testsuite><a></testsuite>": "JUnit XML parsing failed: 1:27: FATAL: element <a> closed by </testsuite>",
	} {
		file := read(xml)
		require.Equal(t, want, file.Failure, xml)
		require.Empty(t, file.Cases)
	}
}
