// Package junit reads JUnit reports as GitLab does.
//
// It gets the compressed file that GitLab keeps, and returns its test cases, or GitLab's
// message for why it cannot be read. It has no other errors, and does not know jobs, suites
// of jobs or where the file is from.
package junit

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"

	"example.com/gitlabci"
)

// A File is a JUnit report that has been read.
type File struct {
	Failure string // why it could not be; then there are no cases
	Cases   []gitlabci.TestCase

	// Lost are the seconds of cases that later ones replaced. GitLab still adds
	// them up.
	Lost float64

	places map[Key]int // of the cases, while they are read
}

// A Key is what makes two cases of a suite one for GitLab, of which it keeps
// the later.
type Key struct {
	Status          gitlabci.TestStatus
	Classname, Name string
}

// KeyOf is the key of a case.
func KeyOf(c gitlabci.TestCase) Key { return Key{c.Status, c.Classname, c.Name} }

type junitRoot struct {
	XMLName xml.Name
	junitSuite
}

type junitSuite struct {
	Cases  []junitCase  `xml:"testcase"`
	Suites []junitSuite `xml:"testsuite"`
}

type junitCase struct {
	Name      string         `xml:"name,attr"`
	Classname string         `xml:"classname,attr"`
	File      string         `xml:"file,attr"`
	Time      string         `xml:"time,attr"`
	Failures  []junitOutcome `xml:"failure"`
	Errors    []junitOutcome `xml:"error"`
	Skipped   []junitOutcome `xml:"skipped"`
	Out       []string       `xml:"system-out"`
	Err       []string       `xml:"system-err"`
}

type junitOutcome struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// Read reads a report as GitLab keeps it, which is compressed. Suites may
// be in suites; XML about something else has no cases.
func Read(compressed []byte) *File {
	unpacked, err := gzip.NewReader(bytes.NewReader(compressed))
	if err != nil {
		return &File{Failure: "JUnit data parsing failed: " + err.Error()}
	}
	decoder := xml.NewDecoder(unpacked)
	var root junitRoot
	if err := decodeAll(decoder, &root); err != nil {
		line, column := decoder.InputPos()
		return &File{Failure: fmt.Sprintf("JUnit XML parsing failed: %d:%d: FATAL: %s", line, column, complaint(err))}
	}
	file := &File{places: map[Key]int{}}
	if root.XMLName.Local == "testsuites" || root.XMLName.Local == "testsuite" {
		root.collect(file)
	}
	file.places = nil
	return file
}

// decodeAll decodes a document, which only comments may follow.
func decodeAll(decoder *xml.Decoder, root *junitRoot) error {
	if err := decoder.Decode(root); err != nil {
		return err
	}
	for {
		token, err := decoder.Token()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		text, isText := token.(xml.CharData)
		_, isElement := token.(xml.StartElement)
		if isElement || isText && len(bytes.TrimSpace(text)) > 0 {
			return errors.New("extra content at the end of the document")
		}
	}
}

func complaint(err error) string {
	if err == io.EOF {
		return "Document is empty"
	}
	if syntax, ok := errors.AsType[*xml.SyntaxError](err); ok {
		return syntax.Msg
	}
	return err.Error()
}

// collect adds the cases of a suite and then of those in it.
func (s *junitSuite) collect(to *File) {
	for _, one := range s.Cases {
		to.add(one.read())
	}
	for _, inner := range s.Suites {
		inner.collect(to)
	}
}

// add adds a case, in the place of the one that it replaces.
func (f *File) add(c gitlabci.TestCase) {
	i, twin := f.places[KeyOf(c)]
	if !twin {
		f.places[KeyOf(c)] = len(f.Cases)
		f.Cases = append(f.Cases, c)
		return
	}
	f.Lost += float64(f.Cases[i].ExecutionTime)
	f.Cases[i] = c
}

// read turns a case into GitLab's. Its AttachmentURL is still the path in the
// job's archive.
func (c *junitCase) read() gitlabci.TestCase {
	read := gitlabci.TestCase{
		Status:        gitlabci.TestStatusSuccess,
		Name:          cmp.Or(c.Name, "(No name)"),
		Classname:     c.Classname,
		File:          c.File,
		ExecutionTime: gitlabci.Seconds(leadingNumber(c.Time)),
	}
	switch {
	case c.Failures != nil:
		read.Status = gitlabci.TestStatusFailed
		read.SystemOutput = c.output(c.Failures)
		read.AttachmentURL = attachment(c.Out)
	case c.Errors != nil:
		read.Status = gitlabci.TestStatusError
		read.SystemOutput = c.output(c.Errors)
		read.AttachmentURL = attachment(c.Out)
	case c.Skipped != nil:
		read.Status = gitlabci.TestStatusSkipped
		read.SystemOutput = strings.Join(texts(c.Skipped), "\n\n")
	}
	return read
}

// output is why a case failed, and what it wrote.
func (c *junitCase) output(why []junitOutcome) string {
	said := texts(why)
	if c.Out != nil {
		said = append(said, "System Out:\n\n"+strings.Join(c.Out, "\n\n"))
	}
	if c.Err != nil {
		said = append(said, "System Err:\n\n"+strings.Join(c.Err, "\n\n"))
	}
	return strings.Join(said, "\n\n")
}

// texts are what the elements contain, or else their messages.
func texts(outcomes []junitOutcome) (said []string) {
	for _, one := range outcomes {
		text := one.Text
		if strings.TrimSpace(text) == "" {
			text = one.Message
		}
		if text != "" {
			said = append(said, text)
		}
	}
	return said
}

var attachmentTag = regexp.MustCompile(`\[\[ATTACHMENT\|(.+?)\]\]`)

// attachment is the path of the first file that a case's output names.
func attachment(output []string) string {
	for _, text := range output {
		if found := attachmentTag.FindStringSubmatch(text); found != nil {
			return found[1]
		}
	}
	return ""
}

var numberAtStart = regexp.MustCompile(`^\s*[+-]?\d+(\.\d+)?([eE][+-]?\d+)?`)

// leadingNumber is a time as Ruby reads it: what follows the number, or is none,
// does not matter. No test takes a million years.
func leadingNumber(text string) float64 {
	seconds, err := strconv.ParseFloat(strings.TrimSpace(numberAtStart.FindString(text)), 64)
	if err != nil || math.Abs(seconds) > 1e13 {
		return 0
	}
	return seconds
}
