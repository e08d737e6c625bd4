package main

import (
	"bufio"
	"errors"
	"io"
	"regexp"
	"strings"
	"unicode"
)

// notText is what a log has for terminals and for GitLab's pages: colours, and
// the starts and ends of sections.
var notText = regexp.MustCompile("\x1b\\[[0-9;]*[A-Za-z]|section_(start|end):[0-9]+:[^\r\n]*\r")

// longest is how much of a line is kept; some are megabytes.
const longest = 500

// lastLines reads a log to its end and returns its last n lines with text.
func lastLines(log io.Reader, n int) (lines []string, err error) {
	if n < 1 {
		return nil, nil
	}
	reader := bufio.NewReader(log)
	for err == nil {
		var line string
		line, err = readLine(reader)
		if line = tidy(line); line == "" {
			continue
		}
		if len(lines) == n {
			lines = append(lines[:0], lines[1:]...)
		}
		lines = append(lines, line)
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return lines, err
}

// readLine reads a line, of which it keeps the beginning.
func readLine(reader *bufio.Reader) (string, error) {
	var line []byte
	for {
		part, err := reader.ReadSlice('\n')
		line = append(line, part[:min(len(part), max(0, 8*longest-len(line)))]...)
		if !errors.Is(err, bufio.ErrBufferFull) {
			return string(line), err
		}
	}
}

// tidy is a line as a person reads it, without what would reach further into
// a terminal. Of what a progress bar wrote over itself it keeps the last.
func tidy(line string) string {
	line = strings.TrimRight(notText.ReplaceAllString(line, ""), "\r\n ")
	line = line[strings.LastIndexByte(line, '\r')+1:]
	runes := []rune(strings.Map(visible, strings.ToValidUTF8(line, "?")))
	if len(runes) > longest {
		return string(runes[:longest-1]) + "…"
	}
	return string(runes)
}

func visible(r rune) rune {
	if r != '\t' && unicode.IsControl(r) {
		return -1
	}
	return r
}
