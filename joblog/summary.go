package joblog

import (
	"bytes"
	"cmp"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	maxFailure = 20
	maxExcerpt = 4 << 10

	// maxSections is how many bytes the sections of a summary may take. The rest
	// of a summary is text: the excerpts of the failure, the names of their
	// sections, and four lines of the runner.
	maxSummary  = 1 << 20
	maxSections = maxSummary - maxFailure*(maxExcerpt+maxMarker+64) - 5*maxExcerpt
)

// A Summary has what a person first wants to know from a job's log. The runner's
// lines are unchanged, but without surrounding space and cut to 4 KiB; they are
// empty if the log has none.
//
// Whatever the log, a Summary takes at most 1 MiB of memory.
type Summary struct {
	Runner     string // "Running with gitlab-runner 17.0.0 (44feccdf)"
	RunnerName string // "on docker-1 k3WfR2aBc, system ID: s_0123456789ab"
	Executor   string // "Using Docker executor with image golang:1.26 ..."
	Image      string // the image in it: "golang:1.26"

	// Verdict is the runner's last word, "Job succeeded" or a line such as
	// "ERROR: Job failed: exit code 1". It is empty for a job that still runs or
	// whose runner was lost.
	Verdict   string
	Succeeded bool

	// ExitCode is the script's. It is 0 if the job succeeded, and if the verdict
	// names none, as that of a job that took too long.
	ExitCode int

	// Sections are the outermost ones, in the order of the log. All sections,
	// with those within them, their headers and options, take at most 900 KB.
	// Sections after that are only counted, in OmittedSections. The limit allows
	// some 4,000 sections with a short header, or 1,500 if they have options too.
	Sections        []*SectionSummary
	OmittedSections int

	// Failure is what looks like the reason: the last lines that speak of an
	// error, or if there are none the last of the script, or of a log that has
	// no script. At most 20, in the order of the log; none if the job succeeded.
	Failure []Excerpt
}

// A SectionSummary is a section and those within it.
type SectionSummary struct {
	*Section

	Header   string // the text behind the start marker, at most 4 KiB
	Sections []*SectionSummary
}

// An Excerpt is a line of a log, or its first 4 KiB.
type Excerpt struct {
	Text    string
	Time    time.Time // zero in a log without timestamps
	Section string    // the innermost it stands in, or ""
}

// Lines returns the lines to show of a job that failed, in the order of the log and
// without repeats. They are at most 20.
func (s *Summary) Lines() []string {
	var lines []string
	for _, line := range s.Failure {
		if !slices.Contains(lines, line.Text) {
			lines = append(lines, line.Text)
		}
	}
	return lines
}

// Slowest returns at most n sections, those within others too, from the one
// that took longest.
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

// Summarize reads a log to its end. If that fails, the summary is of what was
// read; it is never nil.
func Summarize(r io.Reader) (*Summary, error) {
	sum := &summarizer{Summary: &Summary{}, known: make(map[*Section]*SectionSummary)}
	s := newScanner(r)
	for s.next() {
		sum.add(&s.draft)
	}
	if !sum.Succeeded {
		sum.Failure = sum.errors.excerpts()
	}
	if !sum.Succeeded && len(sum.Failure) == 0 {
		sum.Failure = sum.tail.excerpts()
	}
	return sum.Summary, s.err()
}

type summarizer struct {
	*Summary
	known      map[*Section]*SectionSummary // those open, and not omitted
	held       int                          // bytes that the sections take
	introduced bool                         // whether the runner named itself in the line before
	hasScript  bool
	errors     tail
	tail       tail // of the script; until it is known that there is one, of the log
}

func (s *summarizer) add(d *draft) {
	s.addSections(d)
	inScript := s.addScript(d)
	text := bytes.TrimSpace(d.text)
	if len(text) == 0 || s.addRunner(text) || s.addVerdict(text) {
		return
	}
	if len(d.opened) > 0 {
		return // a header, such as "Uploading artifacts for failed job"
	}
	if looksFailed(text) {
		s.errors.add(d)
	}
	if inScript || !s.hasScript {
		s.tail.add(d)
	}
}

func (s *summarizer) addSections(d *draft) {
	for _, section := range d.opened {
		s.open(section, d)
	}
	for _, section := range d.closed {
		delete(s.known, section)
	}
}

// addScript reports whether the line is in the job's script. The first that is
// ends what was kept of the lines before.
func (s *summarizer) addScript(d *draft) bool {
	if len(d.sections) == 0 || !isScript(d.sections[0].Name) {
		return false
	}
	if !s.hasScript {
		s.hasScript, s.tail.count = true, 0
	}
	return true
}

// isScript reports whether the runner names the section of a job's script so.
// Runners before 13.1 say build_script.
func isScript(name string) bool { return name == "step_script" || name == "build_script" }

// open adds a section, unless one was omitted before. So no section is kept
// without those around it.
func (s *summarizer) open(section *Section, d *draft) {
	if s.OmittedSections > 0 {
		s.OmittedSections++
		return
	}
	summary := &SectionSummary{Section: section}
	if section == d.opened[len(d.opened)-1] {
		summary.Header = excerpt(d.text)
	}
	if s.held += summary.size(); s.held > maxSections {
		s.OmittedSections++
		return
	}
	s.known[section] = summary
	if parent := s.known[section.parent]; parent != nil {
		parent.Sections = append(parent.Sections, summary)
	} else {
		s.Sections = append(s.Sections, summary)
	}
}

// size returns how many bytes a section takes, rounded up: its two structs, its
// element in a growing slice, and its texts and options.
func (s *SectionSummary) size() int {
	size := 96 + 48 + 24 + textSize(s.Name) + textSize(s.Header)
	if s.Options == nil {
		return size
	}
	size += 352 // a map of up to eight entries
	if len(s.Options) > 8 {
		size += 1408
	}
	for key, value := range s.Options {
		size += textSize(key) + textSize(value)
	}
	return size
}

// textSize returns how many bytes a text takes, with the allocator's rounding.
func textSize(text string) int {
	if text == "" {
		return 0
	}
	return len(text) + len(text)/8 + 16
}

// addRunner reports whether the line is one of the first the runner writes.
func (s *summarizer) addRunner(text []byte) bool {
	introduced := s.introduced
	s.introduced = false
	switch {
	case s.Runner == "" && bytes.HasPrefix(text, []byte("Running with gitlab-runner ")):
		s.Runner, s.introduced = excerpt(text), true
	case introduced && bytes.HasPrefix(text, []byte("on ")):
		s.RunnerName = excerpt(text)
	case s.Executor == "" && !s.hasScript && isExecutor(text):
		s.Executor = excerpt(text)
		_, image, _ := strings.Cut(s.Executor, " executor with image ")
		s.Image, _, _ = strings.Cut(image, " ")
	default:
		return false
	}
	return true
}

func isExecutor(text []byte) bool {
	return bytes.HasPrefix(text, []byte("Using ")) && bytes.Contains(text, []byte(" executor"))
}

// addVerdict reports whether the line is the runner's verdict. A script may
// print the like, so the last one counts.
func (s *summarizer) addVerdict(text []byte) bool {
	succeeded := string(text) == "Job succeeded"
	if !succeeded && !bytes.HasPrefix(text, []byte("ERROR: Job failed")) {
		return false
	}
	s.Verdict, s.Succeeded = excerpt(text), succeeded
	s.ExitCode = exitCode(text)
	return true
}

// exitCode returns the number in "exit code 1", or in the "exit status 1" of the
// shell executor.
func exitCode(text []byte) int {
	for _, words := range []string{"exit code ", "exit status "} {
		if _, number, ok := bytes.Cut(text, []byte(words)); ok {
			code, _ := strconv.Atoi(string(number[:span(number, isDigit)]))
			return code
		}
	}
	return 0
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

// A tail is the last lines of some. Its slots are written over, so that a line
// costs no memory.
type tail struct {
	slots [maxFailure]slot
	count int
}

type slot struct {
	text    []byte
	time    time.Time
	section *Section
}

func (t *tail) add(d *draft) {
	slot := &t.slots[t.count%maxFailure]
	t.count++
	slot.text = append(slot.text[:0], shorten(bytes.TrimRight(d.text, " \t"))...)
	slot.time, slot.section = d.time, nil
	if len(d.sections) > 0 {
		slot.section = d.sections[len(d.sections)-1]
	}
}

// excerpts returns the lines, the oldest first.
func (t *tail) excerpts() []Excerpt {
	var lines []Excerpt
	for i := max(t.count-maxFailure, 0); i < t.count; i++ {
		slot := &t.slots[i%maxFailure]
		line := Excerpt{Text: string(slot.text), Time: slot.time}
		if slot.section != nil {
			line.Section = slot.section.Name
		}
		lines = append(lines, line)
	}
	return lines
}
