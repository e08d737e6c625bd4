package main

import (
	"bytes"
	"regexp"
	"strings"
)

// What a runner writes before a script whose cache it cannot unpack, and after one that
// failed. None of it is why the job failed.
const (
	noiseBefore = `section_start:1700000000:restore_cache` + eraser + `Restoring cache
Checking cache for default-protected...
Downloading cache from https://cache.example.com/project/1/default-protected
WARNING: zip: not a valid zip file
Failed to extract cache
section_end:1700000001:restore_cache` + eraser

	noiseAfter = `section_start:1700000002:after_script` + eraser + `Running after_script
Running after script...
$ ./report.sh
Traceback (most recent call last):
  File "report.py", line 3, in <module>
    import reporting
ModuleNotFoundError: No module named 'reporting'
./report.sh: line 9: notify: command not found
WARNING: after_script failed, but job will continue unaffected: exit code 127
section_end:1700000003:after_script` + eraser + `section_start:1700000003:upload_artifacts_on_failure` + eraser + `Uploading artifacts for failed job
Uploading artifacts...
WARNING: report.xml: no matching files. Ensure that the artifact path is relative to the working directory (/builds/group/app)
ERROR: No files to upload
section_end:1700000004:upload_artifacts_on_failure` + eraser

	eraser = "\r\x1b[0K"
)

var (
	startsScript = regexp.MustCompile(`section_start:\d+:(?:step|build)_script[\[\r]`)
	endsScript   = regexp.MustCompile(`section_end:\d+:(?:step|build)_script(?:\[[^\]\r]*\])?\r(?:\x1b\[0K)?\n?`)
	echo         = regexp.MustCompile(`(?m)^(?:\x1b\[[0-9;]*[mK])*\$ `)
	verdictLine  = regexp.MustCompile(`(?:\x1b\[[0-9;]*[mK])*ERROR: Job failed`)
	timestamp    = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z [0-9a-f]{2}[OE][ +]`)
	markers      = regexp.MustCompile(`section_(?:start|end):\d+:\w+\r\x1b\[0K`)
)

// addNoise returns a log with noise where a runner would write it. A log that was cut
// off before its verdict gets none after the script.
func addNoise(log []byte) []byte {
	stamp := timestamp.Find(log)
	before, after := noiseBefore, noiseAfter
	if !bytes.Contains(log, []byte("section_start:")) {
		before, after = bare(before), bare(after)
	}
	first, last := placeBefore(log), placeAfter(log)
	if last >= 0 {
		log = insert(log, last, after, stamp)
	}
	if first >= 0 {
		log = insert(log, first, before, stamp)
	}
	return log
}

// bare returns noise as old runners wrote it, without sections.
func bare(noise string) string { return markers.ReplaceAllString(noise, "") }

// placeAfter returns where a log has what follows its script, or -1.
func placeAfter(log []byte) int {
	if found := endsScript.FindAllIndex(log, -1); found != nil {
		return found[len(found)-1][1]
	}
	if found := verdictLine.FindAllIndex(log, -1); found != nil {
		return found[len(found)-1][0]
	}
	return -1
}

// placeBefore returns where a log has what comes before its script, or -1.
func placeBefore(log []byte) int {
	if found := startsScript.FindIndex(log); found != nil {
		return found[0]
	}
	if found := echo.FindIndex(log); found != nil {
		return found[0]
	}
	return -1
}

// insert adds noise at a place. Where lines have timestamps, it gets that of the log's
// first line, and begins where a line does.
func insert(log []byte, at int, noise string, stamp []byte) []byte {
	if len(stamp) > 0 {
		at = bytes.LastIndexByte(log[:at], '\n') + 1
		noise = stamped(noise, stamp, isContinued(log[at:]))
	}
	return bytes.Join([][]byte{log[:at], log[at:]}, []byte(noise))
}

// isContinued reports whether a line with a timestamp continues the one before. A runner
// begins a line behind each carriage return, so behind a marker such lines follow.
func isContinued(line []byte) bool {
	return bytes.HasSuffix(timestamp.Find(line), []byte("+"))
}

// stamped returns noise as runners write it with timestamps. If the line behind it continues
// a marker, that becomes a marker of the noise: the erasing sequence then comes first.
func stamped(noise string, stamp []byte, continued bool) string {
	const erase = "\x1b[0K"
	if continued {
		noise = erase + strings.TrimSuffix(noise, erase)
	}
	var lines strings.Builder
	flag := byte(' ')
	if continued {
		flag = '+'
	}
	for line := range strings.Lines(noise) {
		for part := range strings.SplitAfterSeq(strings.TrimSuffix(line, "\n"), "\r") {
			if part == "" {
				continue
			}
			lines.Write(stamp[:len(stamp)-1])
			lines.WriteByte(flag)
			lines.WriteString(part + "\n")
			flag = '+'
		}
		flag = ' '
	}
	return lines.String()
}
