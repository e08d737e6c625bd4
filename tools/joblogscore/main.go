// Command joblogscore scores what joblog finds in logs of failed jobs. It is run from
// the module's root.
//
//	go run ./tools/joblogscore DIR           # what Summary.Lines shows
//	go run ./tools/joblogscore -tail 30 DIR  # the last 30 lines, for comparison
//	go run ./tools/joblogscore -noise DIR    # with complaints of the runner in each log
//	go run ./tools/joblogscore -v DIR        # and print what is shown
//
// DIR has the logs and keys.tsv, a line for each log: its file, and after tabs what a
// person would point to. A log is right if all of that is shown, partly right if some
// is, and wrong if none is.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"example.com/gitlabci/joblog"
)

// lastLines is how many lines at the end of a log are compared with the summary.
const lastLines = 30

// settings are what the command line says.
type settings struct {
	tail  int
	noise bool
	all   bool
}

func main() {
	var set settings
	flag.IntVar(&set.tail, "tail", 0, "score the last lines of each log, as many as `n`, instead of its summary")
	flag.BoolVar(&set.noise, "noise", false, "add complaints of the runner and an after_script that fails to each log")
	flag.BoolVar(&set.all, "v", false, "print what is shown of each log")
	flag.Parse()
	if err := run(flag.Args(), set, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "joblogscore:", err)
		os.Exit(1)
	}
}

func run(args []string, set settings, out io.Writer) error {
	if len(args) != 1 {
		return errors.New("name one folder of logs, such as joblog/testdata/corpus/node")
	}
	if set.tail < 0 {
		return errors.New("-tail is negative")
	}
	keys, err := readKeys(filepath.Join(args[0], "keys.tsv"))
	if err != nil {
		return err
	}
	s := &score{settings: set, out: out}
	for _, k := range keys {
		log, err := os.ReadFile(filepath.Join(args[0], k.file))
		if err != nil {
			return err
		}
		if err := s.add(k, log); err != nil {
			return fmt.Errorf("%s: %w", k.file, err)
		}
	}
	s.total()
	return nil
}

// A key is a log, and what a person would point to in it.
type key struct {
	file    string
	needles []string
}

func readKeys(file string) ([]key, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var keys []key
	for line := range strings.Lines(string(text)) {
		fields := strings.Split(strings.TrimRight(line, "\r\n"), "\t")
		if len(fields) == 1 && fields[0] == "" {
			continue
		}
		if len(fields) < 2 || slices.Contains(fields, "") {
			return nil, fmt.Errorf("%s: %q is not a file and texts, with tabs between them", file, line)
		}
		keys = append(keys, key{file: fields[0], needles: fields[1:]})
	}
	return keys, nil
}

// A score is of the logs added so far.
type score struct {
	settings
	out    io.Writer
	logs   [3]int   // by verdict
	sizes  []int    // how many lines were shown of each
	behind []string // files for which the last lines are better
}

// A verdict says how much of a key is shown.
type verdict int

const (
	right verdict = iota
	partly
	wrong
)

func (v verdict) String() string { return [...]string{"right", "partly", "wrong"}[v] }

// judge compares lines with what should be in them.
func judge(lines, needles []string) (v verdict, missing []string) {
	shown := strings.Join(lines, "\n")
	for _, needle := range needles {
		if !strings.Contains(shown, needle) {
			missing = append(missing, needle)
		}
	}
	switch len(missing) {
	case 0:
		return right, nil
	case len(needles):
		return wrong, missing
	default:
		return partly, missing
	}
}

// add scores a log. One that is not right gets a line.
func (s *score) add(k key, log []byte) error {
	if s.noise {
		log = addNoise(log)
	}
	lines, err := s.show(log)
	if err != nil {
		return err
	}
	last, err := tail(log, lastLines)
	if err != nil {
		return err
	}
	v, missing := judge(lines, k.needles)
	s.logs[v]++
	s.sizes = append(s.sizes, len(lines))
	if ofTail, _ := judge(last, k.needles); v == wrong && ofTail == right {
		s.behind = append(s.behind, k.file)
	}
	if v != right || s.all {
		fmt.Fprintf(s.out, "%-6s %s%s\n", v, k.file, quoted(missing))
	}
	if s.all {
		for _, line := range lines {
			fmt.Fprintln(s.out, "       | "+line)
		}
	}
	return nil
}

func quoted(missing []string) (text string) {
	for _, needle := range missing {
		text += fmt.Sprintf(" %q", needle)
	}
	return text
}

// show returns the lines to be scored.
func (s *score) show(log []byte) ([]string, error) {
	if s.tail > 0 {
		return tail(log, s.tail)
	}
	summary, err := joblog.Summarize(bytes.NewReader(log))
	if err != nil {
		return nil, err
	}
	return summary.Lines(), nil
}

// tail returns the last n lines that are not blank.
func tail(log []byte, n int) (lines []string, err error) {
	for line, err := range joblog.Lines(bytes.NewReader(log)) {
		if err != nil {
			return nil, err
		}
		if strings.TrimSpace(line.Text) != "" {
			lines = append(lines, line.Text)
		}
	}
	return lines[max(len(lines)-n, 0):], nil
}

// total prints the sums.
func (s *score) total() {
	fmt.Fprintf(s.out, "%d logs: %d right, %d partly, %d wrong\n", len(s.sizes), s.logs[right], s.logs[partly], s.logs[wrong])
	if len(s.sizes) > 0 {
		slices.Sort(s.sizes)
		fmt.Fprintf(s.out, "lines shown: %d in the median, %d at most\n", s.sizes[len(s.sizes)/2], s.sizes[len(s.sizes)-1])
	}
	if len(s.behind) > 0 {
		fmt.Fprintf(s.out, "wrong where the last %d lines are right: %s\n", lastLines, strings.Join(s.behind, " "))
	}
}
