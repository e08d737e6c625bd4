// Package junit reads and writes reports of tests in the format of JUnit.
package junit

import (
	"encoding/xml"
	"io"
	"iter"
)

// A Case is how a test ended: it passed if the three pointers are nil.
type Case struct {
	Classname string   `xml:"classname,attr"`
	Name      string   `xml:"name,attr"`
	Failure   *Message `xml:"failure"`
	Error     *Message `xml:"error"`
	Skipped   *Message `xml:"skipped"`
}

// Passed reports whether the test neither failed nor was skipped.
func (c *Case) Passed() bool { return c.Failure == nil && c.Error == nil && c.Skipped == nil }

// A Message says why.
type Message struct {
	Text string `xml:"message,attr"`
}

// Read ranges over the tests of a report, whatever their suites. An error ends the loop.
func Read(in io.Reader) iter.Seq2[*Case, error] {
	return func(yield func(*Case, error) bool) {
		decoder := xml.NewDecoder(in)
		for {
			token, err := decoder.Token()
			if err == io.EOF {
				return
			}
			c := &Case{}
			start, ok := token.(xml.StartElement)
			switch {
			case err != nil:
			case ok && start.Name.Local == "testcase":
				err = decoder.DecodeElement(c, &start)
			default:
				continue
			}
			if !yield(c, err) || err != nil {
				return
			}
		}
	}
}

// A Suite is the tests of a job.
type Suite struct {
	Name  string  `xml:"name,attr"`
	Cases []*Case `xml:"testcase"`
}

// Write writes a report.
func Write(out io.Writer, suites []*Suite) error {
	report := struct {
		XMLName xml.Name `xml:"testsuites"`
		Suites  []*Suite `xml:"testsuite"`
	}{Suites: suites}
	content, err := xml.MarshalIndent(report, "", "  ")
	if err != nil {
		return err
	}
	_, err = io.WriteString(out, xml.Header+string(content)+"\n")
	return err
}
