package main

import (
	"encoding/xml"
	"fmt"
	"io/fs"
	"strings"
	"testing/fstest"

	"example.com/gitlabci"
)

// artifacts are the files that a step uploads, or nil.
func (d *demo) artifacts(s step, ref string) fs.FS {
	switch s.name {
	case "build":
		program := make([]byte, 2048+d.draws.IntN(4096))
		for i := range program {
			program[i] = byte(d.draws.Uint32())
		}
		return fstest.MapFS{
			"bin/app":           {Data: program, Mode: 0o755},
			"version.txt":       {Data: fmt.Appendf(nil, "%s\n", ref)},
			"reports/size.json": {Data: fmt.Appendf(nil, "{\"bin/app\": %d}\n", len(program))},
		}
	case "docs":
		page := strings.Repeat("<p>How to "+pick(d, modules)+".</p>\n", 20)
		return fstest.MapFS{
			"public/index.html": {Data: []byte("<!doctype html>\n<title>Demo</title>\n" + page)},
			"public/style.css":  {Data: []byte("body { margin: 2em }\n")},
		}
	}
	return nil
}

// coverage is that of the tests.
func (d *demo) coverage(s step) *float64 {
	if !strings.HasPrefix(s.name, "unit") {
		return nil
	}
	return new(float64(7000+d.draws.IntN(3000)) / 100)
}

// A suite is the content of a JUnit file.
type suite struct {
	XMLName xml.Name   `xml:"testsuite"`
	Name    string     `xml:"name,attr"`
	Cases   []testCase `xml:"testcase"`
}

type testCase struct {
	Class   string   `xml:"classname,attr"`
	Name    string   `xml:"name,attr"`
	Seconds string   `xml:"time,attr"`
	Failure *failure `xml:"failure"`
	Skipped *string  `xml:"skipped"`
}

type failure struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// reports are the JUnit file of a step that tests, or none.
func (d *demo) reports(s step, failed bool) map[gitlabci.ArtifactType][]byte {
	if s.stage != "test" || s.optional {
		return nil
	}
	report := suite{Name: s.name}
	for i := range 12 + d.draws.IntN(12) {
		module := pick(d, modules)
		one := testCase{
			Class:   "example.com/app/" + module,
			Name:    fmt.Sprintf("Test%d of %s", i+1, module),
			Seconds: fmt.Sprintf("%.3f", d.draws.Float64()),
		}
		switch {
		case failed && i == 0:
			one.Failure = &failure{"got 3, want 4", module + "_test.go:42: got 3, want 4"}
		case d.chance(5):
			one.Skipped = new("")
		}
		report.Cases = append(report.Cases, one)
	}
	file, err := xml.Marshal(report)
	if err != nil {
		panic(err) // of texts, which always encode
	}
	return map[gitlabci.ArtifactType][]byte{gitlabci.ArtifactTypeJUnit: append([]byte(xml.Header), file...)}
}
