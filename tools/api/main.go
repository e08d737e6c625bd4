// Command api writes docs/api.txt, the exported surface of the module: one line for each
// name, with its type. It is run from the module's root.
//
//	go run ./tools/api         # write docs/api.txt
//	go run ./tools/api -check  # report how docs/api.txt differs, and change nothing
//
// A change of a line is a change for the programs that use the module, so it shows
// in review.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

const file = "docs/api.txt"

func main() {
	check := flag.Bool("check", false, "report how "+file+" differs, and change nothing")
	flag.Parse()
	if err := run(*check, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "api:", err)
		os.Exit(1)
	}
}

func run(check bool, out io.Writer) error {
	packages, err := load(".")
	if err != nil {
		return err
	}
	var lines []string
	for _, pkg := range packages {
		lines = append(lines, describe(pkg)...)
	}
	if !check {
		return os.WriteFile(file, []byte(strings.Join(lines, "\n")+"\n"), 0o644)
	}
	old, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	changes := compare(strings.Split(strings.TrimSpace(string(old)), "\n"), lines)
	if len(changes) == 0 {
		return nil
	}
	fmt.Fprintln(out, strings.Join(changes, "\n"))
	return errors.New("the exported surface differs from " + file + "; if that is intended, run: go run ./tools/api")
}

// compare returns the lines that are gone, after a "-", and those that are new,
// after a "+".
func compare(old, now []string) (changes []string) {
	for _, line := range old {
		if !slices.Contains(now, line) {
			changes = append(changes, "-"+line)
		}
	}
	for _, line := range now {
		if !slices.Contains(old, line) {
			changes = append(changes, "+"+line)
		}
	}
	return changes
}
