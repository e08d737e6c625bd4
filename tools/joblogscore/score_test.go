package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"example.com/gitlabci/joblog"
)

const log = "Running with gitlab-runner 17.0.0 (44feccdf)\n" +
	"section_start:1:step_script\r\x1b[0KExecuting\n$ make\nfirst error: one\nsecond error: two\n" +
	"section_end:2:step_script\r\x1b[0KERROR: Job failed: exit code 1\n"

// folder makes a folder of logs, each of which is log, and of keys.
func folder(t *testing.T, keys string) string {
	t.Helper()
	dir := t.TempDir()
	files := map[string]string{"keys.tsv": keys}
	for line := range strings.Lines(keys) {
		file, _, _ := strings.Cut(line, "\t")
		files[strings.TrimSpace(file)] = log
	}
	delete(files, "")
	files["keys.tsv"] = keys
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func scored(t *testing.T, dir string, set settings) string {
	t.Helper()
	var out strings.Builder
	if err := run([]string{dir}, set, &out); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestScore(t *testing.T) {
	dir := folder(t, "a.log\terror: one\terror: two\nb.log\tone\tnot there\n\nc.log\tnor there\nd.log\twith gitlab-runner 17\r\n")
	want := "partly b.log \"not there\"\nwrong  c.log \"nor there\"\nwrong  d.log \"with gitlab-runner 17\"\n" +
		"4 logs: 1 right, 1 partly, 2 wrong\nlines shown: 3 in the median, 3 at most\n" +
		"wrong where the last 30 lines are right: d.log\n"
	if got := scored(t, dir, settings{}); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
	if got := scored(t, dir, settings{tail: 1}); !strings.Contains(got, "4 logs: 0 right, 0 partly, 4 wrong\nlines shown: 1 in the median, 1 at most\n") {
		t.Error(got)
	}
	if got := scored(t, dir, settings{tail: 6}); !strings.Contains(got, "4 logs: 2 right, 1 partly, 1 wrong\n") {
		t.Error(got)
	}
	if got := scored(t, dir, settings{all: true}); !strings.HasPrefix(got, "right  a.log\n       | $ make\n       | first error: one\n       | second error: two\npartly b.log") {
		t.Error(got)
	}
}

func TestScoreFails(t *testing.T) {
	dir := folder(t, "a.log\tx\n")
	if err := os.Remove(filepath.Join(dir, "a.log")); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		args []string
		set  settings
	}{
		"no folder":     {nil, settings{}},
		"two folders":   {[]string{dir, dir}, settings{}},
		"no keys":       {[]string{t.TempDir()}, settings{}},
		"no log":        {[]string{dir}, settings{}},
		"no needle":     {[]string{folder(t, "a.log\n")}, settings{}},
		"empty needle":  {[]string{folder(t, "a.log\tx\t\n")}, settings{}},
		"negative tail": {[]string{folder(t, "a.log\tx\n")}, settings{tail: -1}},
	} {
		if err := run(test.args, test.set, t.Output()); err == nil {
			t.Error(name, "has no error")
		}
	}
}

// texts returns each line of a log, behind the sections it is in.
func texts(t *testing.T, log []byte) (lines []string) {
	t.Helper()
	for line, err := range joblog.Lines(strings.NewReader(string(log))) {
		if err != nil {
			t.Fatal(err)
		}
		text := line.Text
		for _, section := range slices.Backward(line.Sections) {
			text = section.Name + ": " + text
		}
		lines = append(lines, text)
	}
	return lines
}

// Noise is in the sections where a runner writes it, and changes nothing else.
func TestNoise(t *testing.T) {
	stamp := "2026-01-13T18:16:01.000001Z 00O "
	var stamped strings.Builder
	for line := range strings.Lines(strings.ReplaceAll(log, "ERROR: Job", "\nERROR: Job")) {
		stamped.WriteString(stamp + line)
	}
	var continued strings.Builder
	for line := range strings.Lines(strings.ReplaceAll(log, "ERROR: Job", "section_start:3:cleanup_file_variables\r\x1b[0KCleaning\nsection_end:3:cleanup_file_variables\r\x1b[0KERROR: Job")) {
		flag := " "
		for part := range strings.SplitAfterSeq(line, "\r") {
			continued.WriteString(strings.TrimSuffix(stamp, " ") + flag + strings.TrimSuffix(part, "\n") + "\n")
			flag = "+"
		}
	}
	bareLog := "Running with gitlab-runner 9\n\x1b[32;1m$ make\x1b[0;m\nerror\n\x1b[31;1mERROR: Job failed: exit code 1\n"
	for name, test := range map[string]struct {
		log, script string // the log, and what is before lines of the script
	}{
		"sections":    {log, "step_script: "},
		"stamped":     {stamped.String(), "step_script: "},
		"continued":   {continued.String(), "step_script: "},
		"no sections": {bareLog, ""},
	} {
		t.Run(name, func(t *testing.T) {
			lines := texts(t, addNoise([]byte(test.log)))
			section := func(name string) string {
				if test.script == "" {
					return ""
				}
				return name + ": "
			}
			last := -1
			for _, want := range []string{
				"Running with gitlab-runner",
				section("restore_cache") + "Failed to extract cache",
				test.script + "$ make",
				section("after_script") + "./report.sh: line 9: notify: command not found",
				section("upload_artifacts_on_failure") + "ERROR: No files to upload",
				"ERROR: Job failed: exit code 1",
			} {
				at := slices.IndexFunc(lines, func(line string) bool { return strings.HasPrefix(line, want) })
				if at <= last {
					t.Errorf("%q is line %d, behind line %d, of\n%s", want, at, last, strings.Join(lines, "\n"))
				}
				last = at
			}
			for _, line := range texts(t, []byte(test.log)) {
				if !slices.Contains(lines, line) {
					t.Errorf("%q is gone from\n%s", line, strings.Join(lines, "\n"))
				}
			}
		})
	}
}

// A log that was cut off has no noise after its script, and one whose script never began has
// no noise before it.
func TestNoiseOfPartialLogs(t *testing.T) {
	if got := string(addNoise([]byte("x\n$ make\ny\n"))); !strings.HasPrefix(got, "x\nRestoring cache\n") || !strings.HasSuffix(got, "Failed to extract cache\n$ make\ny\n") {
		t.Errorf("%q", got)
	}
	got := string(addNoise([]byte("x\nsection_start:1:prepare\r\nERROR: Job failed (system failure)\n")))
	if !strings.HasPrefix(got, "x\nsection_start:1:prepare\r\nsection_start:1700000002:after_script") || strings.Contains(got, "cache") {
		t.Errorf("%q", got)
	}
	if got := string(addNoise([]byte("x\n"))); got != "x\n" {
		t.Errorf("%q", got)
	}
}
