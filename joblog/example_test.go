package joblog_test

import (
	"fmt"
	"io"
	"os"
	"strings"

	"example.com/gitlabci/joblog"
)

// The result of [gitlabci.JobsService.Log] for a failed job.
const exampleLog = "\x1b[0KRunning with gitlab-runner 17.0.0 (44feccdf)\x1b[0;m\n" +
	"\x1b[0K  on docker-1 k3WfR2aBc, system ID: s_0123456789ab\x1b[0;m\n" +
	"section_start:1716381820:prepare_executor\r\x1b[0K\x1b[36;1mPreparing the \"docker\" executor\x1b[0;m\n" +
	"\x1b[0KUsing Docker executor with image golang:1.26 ...\x1b[0;m\n" +
	"section_end:1716381826:prepare_executor\r\x1b[0Ksection_start:1716381826:step_script\r\x1b[0K\x1b[36;1mExecuting \"step_script\" stage of the job script\x1b[0;m\n" +
	"\x1b[32;1m$ make test\x1b[0;m\n" +
	"section_start:1716381827:deps[collapsed=true]\r\x1b[0KModules\n" +
	"fetched 10%\rfetched 55%\rfetched 100%\n" +
	"section_end:1716381830:deps\r\x1b[0K--- FAIL: TestResponse (0.00s)\n" +
	"    answer_test.go:12: got 41, want 42\n" +
	"section_end:1716381868:step_script\r\x1b[0K\x1b[31;1mERROR: Job failed: exit code 2\n\x1b[0;m"

func ExampleLines() {
	log := strings.NewReader(exampleLog)
	for line, err := range joblog.Lines(log) {
		if err != nil {
			fmt.Println(err)
			return
		}
		if len(line.Sections) == 2 {
			fmt.Println(line.Sections[1].Name+":", line.Text)
		}
	}
	// Output:
	// deps: Modules
	// deps: fetched 100%
}

// Without colors and markers a log can be searched, or read in an editor.
func ExampleLines_plain() {
	for line, err := range joblog.Lines(strings.NewReader(exampleLog)) {
		if err != nil {
			fmt.Println(err)
			return
		}
		if line.Text != "" {
			io.WriteString(os.Stdout, line.Text+"\n")
		}
	}
	// Output:
	// Running with gitlab-runner 17.0.0 (44feccdf)
	//   on docker-1 k3WfR2aBc, system ID: s_0123456789ab
	// Preparing the "docker" executor
	// Using Docker executor with image golang:1.26 ...
	// Executing "step_script" stage of the job script
	// $ make test
	// Modules
	// fetched 100%
	// --- FAIL: TestResponse (0.00s)
	//     answer_test.go:12: got 41, want 42
	// ERROR: Job failed: exit code 2
}

func ExampleSummarize() {
	summary, err := joblog.Summarize(strings.NewReader(exampleLog))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(summary.Verdict)
	fmt.Println("reason:", summary.Reason)
	fmt.Println("image:", summary.Image)
	for _, section := range summary.Slowest(2) {
		fmt.Println(section.Duration(), section.Name)
	}
	for _, cause := range summary.Causes {
		fmt.Printf("%s, %s:%d\n%s\n", cause.Tool, cause.File, cause.Line, cause.Text)
	}
	// Output:
	// ERROR: Job failed: exit code 2
	// reason: TestResponse: answer_test.go:12: got 41, want 42
	// image: golang:1.26
	// 42s step_script
	// 6s prepare_executor
	// go test, answer_test.go:12
	// --- FAIL: TestResponse (0.00s)
	//     answer_test.go:12: got 41, want 42
}

// The lines to show of a failure, in a chat message for example. They have no colors.
func ExampleSummary_Lines() {
	summary, err := joblog.Summarize(strings.NewReader(exampleLog))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, line := range summary.Lines() {
		fmt.Println("|", line)
	}
	// Output:
	// | --- FAIL: TestResponse (0.00s)
	// |     answer_test.go:12: got 41, want 42
}
