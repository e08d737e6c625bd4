package joblog

import (
	"bytes"
	"cmp"
	"slices"
	"strings"
	"time"
)

const (
	maxExcerpt = 4 << 10

	// maxSections is how many bytes the sections of a summary may take. The rest
	// of a summary is text: the lines of the causes, with their files and the names of
	// their sections, and five lines of the runner.
	maxSummary  = 1 << 20
	maxSections = maxSummary - maxLines*maxExcerpt - maxCauses*(2*maxMarker+128) - 5*maxExcerpt
)

// A Summary has what a person needs first from a job's log. The runner's lines are
// unchanged, but without surrounding space and cut to 4 KiB; they are empty if the log has
// none.
//
// A Summary takes at most 1 MiB of memory, for any log.
type Summary struct {
	Runner     string // "Running with gitlab-runner 17.0.0 (44feccdf)"
	RunnerName string // "on docker-1 k3WfR2aBc, system ID: s_0123456789ab"
	Executor   string // "Using Docker executor with image golang:1.26 ..."
	Image      string // the image in it: "golang:1.26"

	// Verdict is the line with which the runner ends the log, "Job succeeded" or one such as
	// "ERROR: Job failed: exit code 1". It is empty for a job that still runs or
	// whose runner was lost.
	Verdict   string
	Succeeded bool

	// ExitCode is the script's, as the verdict has it: from "exit code 137", or from
	// the "exit status 0xc0000005" of a runner on Windows. It is 0 if the job succeeded,
	// and if the runner ended it, such as after a timeout.
	ExitCode int

	// Sections are the outermost ones, in the order of the log. All sections,
	// with those within them, their headers and options, take at most 900 KB.
	// Sections after that are only counted, in OmittedSections. The limit allows
	// some 4,000 sections with a short header, or 1,500 if they have options too.
	Sections        []*SectionSummary
	OmittedSections int

	// Reason is why the job failed, in a line of some 200 characters: the most informative
	// line of the first cause, with its place. It is empty if the job succeeded.
	Reason string

	// Causes are why the job failed, in the order of the log; what came first often
	// explains the rest. There are at most 8, with 20 lines in all, and none if the
	// job succeeded.
	//
	// The verdict decides where they are searched. If the script failed, they are in the
	// script: never in after_script, or in the runner's lines about caches and artifacts.
	// The last command of the script counts, because it ended the script. If the runner
	// ended the job, the verdict is the first cause, and for a timeout the last lines of
	// the script are the second. If no tool is recognized, the last lines are the only
	// cause.
	Causes []Cause
}

// A Cause is a reason for a failure.
type Cause struct {
	// Text is the line that names the failure, and the lines that explain it, without
	// colors. A line has at most 4 KiB.
	Text string

	// File and Line are where it failed, as the tool writes it. They are empty if it
	// does not say.
	File string
	Line int

	Section string    // the innermost section that it is in, or ""
	Tool    string    // what failed, such as "go test" or "pytest"; "" if that was not recognized
	Time    time.Time // zero in a log without timestamps
}

// A SectionSummary is a section and those within it.
type SectionSummary struct {
	*Section

	Header   string // the text behind the start marker, at most 4 KiB
	Sections []*SectionSummary
}

// Lines returns the lines to show for a failed job: those of its causes, in order and
// without repeats, at most 20.
func (s *Summary) Lines() []string {
	var lines []string
	for _, cause := range s.Causes {
		for line := range strings.SplitSeq(cause.Text, "\n") {
			if !slices.Contains(lines, line) {
				lines = append(lines, line)
			}
		}
	}
	return lines
}

// Slowest returns at most n sections, including nested ones, slowest first.
func (s *Summary) Slowest(n int) []*SectionSummary {
	var all []*SectionSummary
	var collect func([]*SectionSummary)
	collect = func(sections []*SectionSummary) {
		for _, section := range sections {
			all = append(all, section)
			collect(section.Sections)
		}
	}
	collect(s.Sections)
	slices.SortStableFunc(all, func(a, b *SectionSummary) int {
		return cmp.Compare(b.Duration(), a.Duration())
	})
	return all[:min(max(n, 0), len(all))]
}

// excerpt returns the text without space around it, shortened.
func excerpt(text []byte) string { return string(shorten(bytes.TrimSpace(text))) }

// shorten returns the first maxExcerpt bytes of a text, or a little less.
func shorten(text []byte) []byte {
	if len(text) <= maxExcerpt {
		return text
	}
	text = text[:maxExcerpt]
	return text[:len(text)-cutRune(text)]
}
