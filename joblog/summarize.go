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
	line       factLine
	script     *collector // nil until a script begins
	prepared   *collector // of the last stage before it, or of a log without stages
	preparing  *Section   // which stage that is
	uploaded   *collector // of the artifacts of a script that succeeded
	timeout    string     // what the runner says of the script's own timeout
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
	s.line.read(d)
	s.script.command(&s.line)
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
	case uploading:
		if s.uploaded == nil {
			s.uploaded = newCollector()
		}
		s.collect(s.uploaded, d)
	case closing:
		if bytes.HasPrefix(d.text, []byte("WARNING: step_script could not run to completion")) {
			s.timeout = excerpt(d.text)
		}
	}
}

func (s *summarizer) collect(c *collector, d *draft) {
	if s.line.read(d) {
		c.add(&s.line)
	}
}

func (s *summarizer) addBlank(d *draft, stage stage) {
	if stage == scripting && s.script != nil {
		s.line.read(d)
		s.script.skip(&s.line)
	} else if stage != closing && s.prepared != nil {
		s.line.read(d)
		s.prepared.skip(&s.line)
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
