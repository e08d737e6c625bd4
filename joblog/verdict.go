package joblog

import (
	"bytes"
	"strconv"
	"strings"
)

// An ending is what the runner says ended the job.
type ending uint8

const (
	unended  ending = iota // no verdict: the log was cut off
	success                // the job succeeded
	exited                 // the script failed
	timedOut               // it took too long
	killed                 // it took too much memory
	refused                // the runner could not run it to its end
)

// parseVerdict reads the line with which the runner ends the log.
func parseVerdict(text []byte) (e ending, ok bool) {
	if string(text) == "Job succeeded" {
		return success, true
	}
	rest, ok := cutVerdict(text)
	if !ok {
		return unended, false
	}
	switch words := string(rest[:min(len(rest), maxMatched)]); {
	case strings.Contains(words, "OOMKilled"):
		return killed, true
	case strings.Contains(words, "took longer than"):
		return timedOut, true
	case isScriptExit(words):
		return exited, true
	default:
		return refused, true
	}
}

// cutVerdict removes what a verdict begins with. Runners before 9.0 wrote of builds, and
// some only warn if the script fails.
func cutVerdict(text []byte) (rest []byte, ok bool) {
	for _, begin := range []string{"ERROR: Job failed", "WARNING: Job failed", "ERROR: Build failed"} {
		if rest, ok := bytes.CutPrefix(text, []byte(begin)); ok {
			return rest, true
		}
	}
	return nil, false
}

// isScriptExit reports whether a verdict says that the script failed. "prepare environment:
// exit status 1" says that it was not begun.
func isScriptExit(words string) bool {
	for _, begin := range []string{": exit code", ": exit status", ": command terminated with exit code", ": Process exited with status"} {
		if strings.HasPrefix(words, begin) {
			return true
		}
	}
	return false
}

// exitCode returns the number in "exit code 1", in the "exit status 1" of the shell
// executor, or in "exit code: 137, reason: 'OOMKilled'". Windows writes some as
// 0xc0000005.
func exitCode(verdict string) int {
	for _, words := range []string{"exit code", "exit status", "exited with status"} {
		_, number, ok := strings.Cut(verdict, words)
		if !ok {
			continue
		}
		number = strings.TrimLeft(number, ": ")
		if hex, ok := strings.CutPrefix(number, "0x"); ok {
			code, _ := strconv.ParseUint(leading(hex, isHex), 16, 32)
			return int(code)
		}
		sign := number[:min(len(number), 1)]
		if sign != "-" {
			sign = ""
		}
		code, _ := strconv.ParseInt(sign+leading(number[len(sign):], isDigit), 10, 32)
		return int(code)
	}
	return 0
}

// leading returns the bytes of a kind with which a text begins.
func leading(text string, of func(byte) bool) string { return text[:span([]byte(text), of)] }

func isHex(c byte) bool { return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'f' }
