// Command words checks the prose of the repository: comments, texts such as errors and
// flags, and Markdown. It fails if it finds a word for which the field has a usual term, or
// an expression that most readers have to read twice, and says what to write instead.
// list.go has the words. It is run from the module's root.
//
//	go run ./tools/words
package main

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
)

func main() {
	if err := run(os.DirFS("."), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "words:", err)
		os.Exit(1)
	}
}

// run checks the files of a folder, and prints a line for each finding.
func run(folder fs.FS, out io.Writer) error {
	found := 0
	err := walk(folder, func(file string, passages []passage) {
		for _, p := range passages {
			for _, f := range check(file, p) {
				found++
				fmt.Fprintf(out, "%s:%d: %q: write %s\n", file, f.line, f.words, f.instead)
			}
		}
	})
	if err == nil && found > 0 {
		err = fmt.Errorf("%d places to rewrite; see tools/words/list.go", found)
	}
	return err
}

// walk calls visit with the prose of each file in a folder.
func walk(folder fs.FS, visit func(file string, passages []passage)) error {
	return fs.WalkDir(folder, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if leftOut(name) {
				return fs.SkipDir
			}
			return nil
		}
		passages, err := read(folder, name)
		if err == nil {
			visit(name, passages)
		}
		return err
	})
}

// leftOut reports whether a folder has no prose of ours: data of tests, or files that
// are not part of the repository.
func leftOut(folder string) bool {
	base := path.Base(folder)
	return base == "testdata" || base == "node_modules" || base != "." && strings.HasPrefix(base, ".")
}

// read returns the prose of a file, or none if it is neither Go nor Markdown.
func read(folder fs.FS, name string) ([]passage, error) {
	if ext := path.Ext(name); ext != ".go" && ext != ".md" {
		return nil, nil
	}
	source, err := fs.ReadFile(folder, name)
	if err != nil {
		return nil, err
	}
	if path.Ext(name) == ".md" {
		return proseOfMarkdown(string(source)), nil
	}
	return proseOfGo(name, source)
}
