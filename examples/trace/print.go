package main

import (
	"bytes"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"

	"example.com/gitlabci/joblog"
)

// lastLines is how many lines of a folded section are shown if it was cut
// short, since what went wrong is among them.
const lastLines = 20

// A printer shows the lines of a log.
type printer struct {
	out    io.Writer
	colors bool
	unfold bool

	folded *joblog.Section // the outermost that is open
	header string
	lines  []string // the last ones in it
}

// print shows all lines. A section that is still folded when the log ends is shown too.
func (p *printer) print(lines iter.Seq2[*joblog.Line, error]) error {
	for line, err := range lines {
		if err != nil {
			return err
		}
		if err := p.line(line); err != nil {
			return err
		}
	}
	return p.reveal("")
}

func (p *printer) line(l *joblog.Line) error {
	if p.folded == nil {
		p.fold(l)
	}
	switch {
	case p.folded == nil && l.Text == "" && (len(l.Opened)+len(l.Closed) > 0 || !bytes.HasSuffix(l.Raw, []byte("\n"))):
		return nil // nothing but markers, or the last color
	case p.folded == nil:
		return p.write(p.styled(l))
	}
	if slices.Contains(l.Sections, p.folded) {
		p.keep(l)
	}
	if slices.Contains(l.Closed, p.folded) {
		return p.close(l)
	}
	return nil
}

// fold begins to fold if the line opens a section that is not shown.
func (p *printer) fold(l *joblog.Line) {
	for _, section := range l.Opened {
		if !p.unfold && folds(section) {
			p.folded, p.header, p.lines = section, "", nil
			return
		}
	}
}

// folds reports whether a section is folded: those that say so, and those in
// which the runner prepares or cleans up.
func folds(s *joblog.Section) bool {
	switch s.Name {
	case "step_script", "build_script", "after_script":
		return false
	case "resolve_secrets", "prepare_executor", "prepare_script", "get_sources", "restore_cache", "download_artifacts",
		"archive_cache", "archive_cache_on_failure", "upload_artifacts_on_success", "upload_artifacts_on_failure", "cleanup_file_variables":
		return true
	}
	return s.Options["collapsed"] == "true"
}

// keep remembers a line that is folded away.
func (p *printer) keep(l *joblog.Line) {
	switch {
	case strings.TrimSpace(l.Text) == "":
	case p.header == "":
		p.header = p.styled(l)
	default:
		p.lines = append(p.lines[max(0, len(p.lines)+1-lastLines):], p.styled(l))
	}
}

// close ends what is folded. The line's text may be behind its end.
func (p *printer) close(l *joblog.Line) error {
	section, err := p.folded, error(nil)
	if section.Cut {
		err = p.reveal(" (cut short)")
	} else {
		err = p.write(fmt.Sprintf("▸ %s (%v)", p.title(), section.Duration()))
	}
	p.folded = nil
	if err != nil || slices.Contains(l.Sections, section) {
		return err
	}
	return p.line(&joblog.Line{Raw: l.Raw, Text: l.Text, Styled: l.Styled, Sections: l.Sections, Opened: l.Opened, Closed: []*joblog.Section{section}})
}

// reveal shows the end of what is folded, if anything is.
func (p *printer) reveal(note string) error {
	if p.folded == nil {
		return nil
	}
	err := p.write("▾ " + p.title() + note)
	for _, line := range p.lines {
		if err == nil {
			err = p.write(line)
		}
	}
	p.folded = nil
	return err
}

func (p *printer) title() string {
	if p.header == "" {
		return p.folded.Name
	}
	return p.header
}

// styled is a line as it is shown. Colors end with it, since the next lines
// may be folded away.
func (p *printer) styled(l *joblog.Line) string {
	if p.colors && l.Styled != l.Text {
		return l.Styled + "\x1b[0m"
	}
	return l.Text
}

func (p *printer) write(text string) error {
	_, err := fmt.Fprintln(p.out, text)
	return err
}
