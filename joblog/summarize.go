package joblog

import (
	"bytes"
	"io"
	"strings"
)

// Summarize reads a log to its end. If that fails, the summary is of what was
// read; it is never nil.
func Summarize(r io.Reader) (*Summary, error) {
	sum := &summarizer{Summary: &Summary{}, known: make(map[*Section]*SectionSummary)}
	s := newScanner(r)
	for s.next() {
		sum.add(&s.draft)
	}
	sum.conclude()
	return sum.Summary, s.err()
}

type summarizer struct {
	*Summary
	known      map[*Section]*SectionSummary // those open, and not omitted
	held       int                          // bytes that the sections take
	introduced bool                         // whether the runner named itself in the line before
	position   position
	ending     ending
	seen       seen
	script     *collector // nil until a script begins
	prepared   *collector // of the last stage before it, or of a log that tells no stages
	preparing  *Section   // which stage that is
}

func (s *summarizer) add(d *draft) {
	s.addSections(d)
	text := bytes.TrimSpace(d.text)
	stage, echo := s.position.at(d, text)
	switch {
	case len(text) == 0:
		s.addBlank(d, stage)
	case s.addRunner(text, stage) || s.addVerdict(text):
	case echo:
		s.addEcho(d)
	case len(d.opened) > 0: // a header, such as "Uploading artifacts for failed job"
	default:
		s.addLine(d, stage)
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

func (s *summarizer) addEcho(d *draft) {
	if s.script == nil {
		s.beginScript()
	}
	s.seen.see(d)
	s.script.command(&s.seen)
}

// beginScript makes a collector for the script. In an excerpt that does not begin with
// the runner, the lines before the first command are those of an earlier one.
func (s *summarizer) beginScript() {
	if s.Runner == "" && s.preparing == nil && s.prepared != nil {
		s.script, s.prepared = s.prepared, nil
		return
	}
	s.script = newCollector()
}

// addLine gives a line to the collector of its stage.
func (s *summarizer) addLine(d *draft, stage stage) {
	if isService(d) {
		return
	}
	switch stage {
	case scripting:
		if s.script == nil {
			s.beginScript()
		}
		s.collect(s.script, d)
	case preparing, loose:
		s.collect(s.stageCollector(d), d)
	}
}

func (s *summarizer) collect(c *collector, d *draft) {
	if s.seen.see(d) {
		c.add(&s.seen)
	}
}

func (s *summarizer) addBlank(d *draft, stage stage) {
	if stage == scripting && s.script != nil {
		s.seen.see(d)
		s.script.skip(&s.seen)
	} else if stage != closing && s.prepared != nil {
		s.seen.see(d)
		s.prepared.skip(&s.seen)
	}
}

// stageCollector returns the collector of a stage before the script. Each stage has its
// own: one that is followed by another did not end the job.
func (s *summarizer) stageCollector(d *draft) *collector {
	var section *Section
	if len(d.sections) > 0 {
		section = d.sections[0]
	}
	if s.prepared == nil || section != s.preparing {
		s.prepared, s.preparing = newCollector(), section
		s.prepared.tail.quiet = section != nil || s.Runner != ""
	}
	return s.prepared
}

// isService reports whether a line is of a service's container.
func isService(d *draft) bool {
	return d.origin.number >= firstService || bytes.HasPrefix(d.text, []byte("[service:"))
}

// firstService is the least number of a service in a log with timestamps.
const firstService = 15

// addRunner reports whether the line is one of the first the runner writes.
func (s *summarizer) addRunner(text []byte, stage stage) bool {
	introduced := s.introduced
	s.introduced = false
	switch {
	case s.Runner == "" && bytes.HasPrefix(text, []byte("Running with gitlab-runner ")):
		s.Runner, s.introduced = excerpt(text), true
	case introduced && bytes.HasPrefix(text, []byte("on ")):
		s.RunnerName = excerpt(text)
	case s.Executor == "" && s.script == nil && stage != scripting && isExecutor(text):
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
	e, ok := parseVerdict(text)
	if !ok {
		return false
	}
	s.ending = e
	s.Verdict, s.Succeeded, s.ExitCode = excerpt(text), e == success, 0
	if e == exited || e == killed {
		s.ExitCode = exitCode(s.Verdict)
	}
	return true
}

// conclude finds the causes where the verdict says.
func (s *summarizer) conclude() {
	var found []*failure
	switch s.ending {
	case success:
		return
	case exited, unended:
		found = s.failed()
	case timedOut, killed:
		found = s.interrupted()
	}
	if len(found) == 0 && s.Verdict != "" {
		found = []*failure{s.verdictFailure()}
	}
	if s.Causes = causes(found); len(s.Causes) > 0 {
		s.Reason = s.reason(principal(found))
	}
}

// failed returns what explains that the script failed, or the last stage before it.
func (s *summarizer) failed() []*failure {
	if s.script != nil {
		return s.script.choose()
	}
	if s.prepared != nil {
		return s.prepared.choose()
	}
	return nil
}

// interrupted returns the verdict, and what the script did when it was ended.
func (s *summarizer) interrupted() []*failure {
	found := []*failure{s.verdictFailure()}
	if s.script == nil {
		return found
	}
	s.script.finish()
	return append(found, s.script.tails(min(s.script.tail.fresh+1, lastOfEnded))...)
}

// verdictFailure is a failure of the verdict.
func (s *summarizer) verdictFailure() *failure {
	return &failure{lines: []shown{{s.Verdict, tell}}}
}

// principal returns the failure that ended the job: the first, unless it is known to be
// another.
func principal(found []*failure) *failure {
	for _, f := range found {
		if f.ended {
			return f
		}
	}
	return found[0]
}

// reason makes the reason of the first failure. A command that wrote nothing is told with
// the runner's verdict.
func (s *summarizer) reason(f *failure) string {
	text := reasonOf(f)
	if f.opener == nil && strings.HasPrefix(text, "$ ") && s.ExitCode != 0 {
		_, words, _ := strings.Cut(s.Verdict, "failed: ")
		text += ": " + words
	}
	return trim(strings.TrimPrefix(text, "ERROR: "))
}
