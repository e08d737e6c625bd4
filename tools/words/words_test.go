package main

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

func TestFindings(t *testing.T) {
	files := fstest.MapFS{
		"p/p.go": {Data: []byte(`// Package p waits for the answer.
package p

import "errors"

// F is told nothing, as
//
//	p.F("an answer in code")
//
// it GOES
// ON. An answering machine is one word with others.
func F(answer string) error { // answers
	_ = "answer"
	return errors.New("p: the answer\nbreaks off, " + ` + "`and\nis told`" + `)
}
`)},
		"p/p_test.go":       {Data: []byte("package p\n\n// An answer.\nvar _ = \"the answer\"\n")},
		"testdata/q.go":     {Data: []byte("package q\n\n// An answer.\n")},
		".hidden/README.md": {Data: []byte("An answer.\n")},
		"script.sh":         {Data: []byte("# An answer.\n")},
		"README.md": {Data: []byte("# Answers\n\nAn `answer` of [one](https://example.com/answer),\nmade afresh.\n\n" +
			"```go\nanswer := 1 // the answer\n```\n")},
	}
	var out bytes.Buffer
	if err := run(files, &out); err == nil || err.Error() != "12 places to rewrite; see tools/words/list.go" {
		t.Errorf("got %v", err)
	}
	want := []string{
		`README.md:1: "answers"`, `README.md:4: "afresh"`, `README.md:7: "answer"`,
		`p/p.go:1: "answer"`, `p/p.go:6: "is told"`, `p/p.go:10: "goes on"`, `p/p.go:11: "answering"`, `p/p.go:12: "answers"`,
		`p/p.go:14: "answer"`, `p/p.go:14: "breaks off"`, `p/p.go:15: "is told"`, `p/p_test.go:3: "answer"`,
	}
	if got := places(out.String()); !slices.Equal(got, want) {
		t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if want := `README.md:4: "afresh": write "again" or "from the beginning"` + "\n"; !strings.Contains(out.String(), want) {
		t.Errorf("%s is not in:\n%s", want, out.String())
	}
}

// places are the lines of a report without what to write instead.
func places(report string) []string {
	var places []string
	for line := range strings.Lines(report) {
		place, _, _ := strings.Cut(line, ": write")
		places = append(places, place)
	}
	return places
}

func TestExceptions(t *testing.T) {
	for file, words := range map[string]int{"repository.go": 0, "repository.md": 1, "joblog/hints.go": 0, "joblogs/hints.go": 1} {
		if got := check(file, passage{line: 1, text: "an address of an email"}); len(got) != words {
			t.Errorf("%s: got %d words, want %d", file, len(got), words)
		}
	}
}

// An exception is of words that are there.
func TestEachExceptionIsNeeded(t *testing.T) {
	words := map[string]map[string]bool{} // by file
	err := walk(os.DirFS("../.."), func(file string, passages []passage) {
		words[file] = map[string]bool{}
		if !slices.ContainsFunc(exceptions, func(e exception) bool { return e.covers(file) }) {
			return
		}
		for _, p := range passages {
			for _, f := range find(p) {
				words[file][f.words] = true
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range exceptions {
		needed := false
		for file, found := range words {
			needed = needed || e.covers(file) && (found[e.words] || e.words == "*" && len(found) > 0)
		}
		if !needed || e.reason == "" {
			t.Errorf("%s: %s: needed %v, reason %q", e.file, e.words, needed, e.reason)
		}
	}
	if len(words) <= 500 {
		t.Errorf("only %d files were read", len(words))
	}
}
