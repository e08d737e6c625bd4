package main

import (
	"fmt"
	"strings"
	"time"

	"example.com/gitlabci"
)

// The colors and other controls of a runner's log.
const (
	clearLine = "\x1b[0K"
	bold      = "\x1b[0;1m"
	green     = "\x1b[32;1m"
	red       = "\x1b[31;1m"
	plain     = "\x1b[0;m"
)

// log is what a job wrote, with sections and colors as a runner does. Without
// a reason it succeeded.
func (d *demo) log(s step, started time.Time, takes time.Duration, reason gitlabci.FailureReason) string {
	w := &logWriter{at: started, step: takes / 10}
	w.line(clearLine + bold + "Running with gitlab-runner 19.5.0 (0f4ce000)" + plain)
	w.section("prepare_executor", `Preparing the "docker" executor`, 1, "Using Docker executor with image golang:1.26 ...")
	if reason == gitlabci.FailureReasonRunnerSystemFailure {
		w.line(red + "ERROR: Job failed (system failure): the machine went away" + plain)
		return w.String()
	}
	w.section("get_sources", "Getting source from Git repository", 1, "Fetching changes with git depth set to 20...", green+"Created fresh repository."+plain)
	w.section("step_script", `Executing "step_script" stage of the job script`, 7, d.output(s, reason)...)
	if reason != "" {
		w.line(red + "ERROR: Job failed: exit code 1" + plain)
		return w.String()
	}
	if s.name == "build" || s.name == "docs" {
		w.section("upload_artifacts_on_success", "Uploading artifacts for successful job", 1, "Uploading artifacts as \"archive\" to coordinator... 201 Created")
	}
	w.line(green + "Job succeeded" + plain)
	return w.String()
}

// output is what the commands of a step print.
func (d *demo) output(s step, reason gitlabci.FailureReason) []string {
	target := strings.Fields(s.name)[0]
	lines := []string{green + "$ make " + target + plain}
	count := 15 + d.draws.IntN(40)
	for i := range count {
		module := pick(d, modules)
		if s.stage == "test" {
			lines = append(lines, fmt.Sprintf("ok  \texample.com/app/%s/part%d\t%.3fs", module, d.draws.IntN(20), d.draws.Float64()))
		} else {
			lines = append(lines, fmt.Sprintf("[%3d%%] %s: %s", 100*(i+1)/count, target, module))
		}
	}
	if reason != "" {
		lines = append(lines, red+"--- FAIL: "+pick(d, modules)+": got 3, want 4"+plain, "make: *** ["+target+"] Error 1")
	}
	return lines
}

var modules = []string{"cart", "orders", "search", "login", "invoice", "shipping", "stock", "prices"}

// A logWriter writes a log whose sections take up the time of the job.
type logWriter struct {
	strings.Builder
	at   time.Time
	step time.Duration
}

func (w *logWriter) line(text string) { w.WriteString(text + "\n") }

// section writes one that takes some of the steps.
func (w *logWriter) section(name, title string, steps int, lines ...string) {
	fmt.Fprintf(w, clearLine+"section_start:%d:%s\r"+clearLine+clearLine+"\x1b[36;1m%s"+plain+"\n", w.at.Unix(), name, title)
	for _, line := range lines {
		w.line(line)
	}
	w.at = w.at.Add(time.Duration(steps) * w.step)
	fmt.Fprintf(w, clearLine+"section_end:%d:%s\r"+clearLine+"\n", w.at.Unix(), name)
}
