// Command release checks that a version can be released, and prints its notes. It changes
// nothing. It is run from the module's root, on the commit that is to be tagged.
//
//	go run ./tools/release v0.1.0
//
// It checks that CHANGELOG.md keeps to https://keepachangelog.com and has the version,
// that docs/api.txt and docs/endpoints.md are what the code says, that a surface from which
// something was removed gets a version that says so, that all modules name the same Go and
// tagged dependencies, and that the tree is clean and the tag is new.
package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"golang.org/x/mod/semver"
)

func main() {
	if len(os.Args) != 2 || strings.HasPrefix(os.Args[1], "-") {
		fmt.Fprintln(os.Stderr, "usage: go run ./tools/release VERSION, such as v0.1.0")
		os.Exit(2)
	}
	notes, err := check(os.Args[1])
	if err != nil {
		fmt.Fprintf(os.Stderr, "release: %s is not ready:\n%v\n", os.Args[1], err)
		os.Exit(1)
	}
	fmt.Printf("%s is ready: git tag %[1]s\n\n%s\n", os.Args[1], notes)
}

// check returns the notes of a version, or everything that is wrong.
func check(version string) (notes string, err error) {
	if semver.Canonical(version) != version {
		return "", fmt.Errorf("%q is no version such as v0.1.0", version)
	}
	text, err := os.ReadFile("CHANGELOG.md")
	if err != nil {
		return "", err
	}
	log, err := parse(string(text))
	problems := []error{err}
	if err == nil {
		notes, err = log.notes(version)
		problems = append(problems, err)
	}
	problems = append(problems, checkModules("."), checkTree(version), checkSurface(version))
	for _, tool := range []string{"./tools/api", "./tools/endpoints"} {
		if output, err := exec.Command("go", "run", tool, "-check").CombinedOutput(); err != nil {
			problems = append(problems, errors.New(strings.TrimSpace(string(output))))
		}
	}
	return notes, errors.Join(problems...)
}

// checkTree reports changes that are not committed, and a tag that exists already.
func checkTree(version string) error {
	changes, err := git("status", "--porcelain")
	if err != nil {
		return err
	}
	tag, err := git("tag", "--list", version)
	switch {
	case err != nil:
		return err
	case changes != "":
		return errors.New("the tree has changes that are not committed:\n" + changes)
	case tag != "":
		return fmt.Errorf("the tag %s exists", version)
	}
	return nil
}

// checkSurface compares docs/api.txt with that of the last release. A removed or changed line
// breaks programs: before v1.0.0 it needs another minor version, later another major one.
func checkSurface(version string) error {
	tags, err := git("tag", "--list", "v*", "--sort=-v:refname", "--merged")
	if err != nil || tags == "" {
		return err
	}
	last, _, _ := strings.Cut(tags, "\n")
	if semver.Compare(version, last) <= 0 {
		return fmt.Errorf("%s is not after %s", version, last)
	}
	before, err := git("show", last+":docs/api.txt")
	if err != nil {
		return err
	}
	now, err := os.ReadFile("docs/api.txt")
	if err != nil {
		return err
	}
	if removed := missing(before, string(now)); len(removed) > 0 && isCompatible(last, version) {
		return fmt.Errorf("%s removes what %s has, and its number does not say so:\n%s", version, last, strings.Join(removed, "\n"))
	}
	return nil
}

// missing returns the lines of before that now does not have.
func missing(before, now string) (lines []string) {
	kept := map[string]bool{}
	for line := range strings.SplitSeq(now, "\n") {
		kept[line] = true
	}
	for line := range strings.SplitSeq(strings.TrimSpace(before), "\n") {
		if !kept[line] {
			lines = append(lines, line)
		}
	}
	return lines
}

// isCompatible reports whether programs may expect that the later version has all of the
// earlier one.
func isCompatible(earlier, later string) bool {
	if semver.Major(earlier) == "v0" && semver.Major(later) == "v0" {
		return semver.MajorMinor(earlier) == semver.MajorMinor(later)
	}
	return semver.Major(earlier) == semver.Major(later)
}

func git(args ...string) (string, error) {
	output, err := exec.Command("git", args...).Output()
	if err != nil {
		return "", fmt.Errorf("git %s: %w", args[0], err)
	}
	return strings.TrimSpace(string(output)), nil
}
