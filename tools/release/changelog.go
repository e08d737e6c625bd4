package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/mod/semver"
)

// A changelog is CHANGELOG.md, newest section first.
type changelog []section

// A section is what one version changed.
type section struct {
	version string // such as "v0.1.0", or "" for what is not released
	text    string
}

var (
	kinds        = []string{"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"} // of Keep a Changelog
	releasedLine = regexp.MustCompile(`^## \[?(\d+\.\d+\.\d+[^\]\s]*)\]? - \d{4}-\d{2}-\d{2}$`)
)

// parse reads a changelog and refuses one that does not have the form of Keep a Changelog.
func parse(text string) (changelog, error) {
	var log changelog
	for number, line := range strings.Split(text, "\n") {
		kind, isKind := strings.CutPrefix(line, "### ")
		switch released := releasedLine.FindStringSubmatch(line); {
		case released != nil:
			log = append(log, section{version: "v" + released[1]})
		case line == "## Unreleased" || line == "## [Unreleased]":
			if len(log) > 0 {
				return nil, fmt.Errorf("CHANGELOG.md:%d: the section Unreleased is not the first", number+1)
			}
			log = append(log, section{})
		case strings.HasPrefix(line, "## "):
			return nil, fmt.Errorf("CHANGELOG.md:%d: a section is \"Unreleased\" or \"1.2.3 - 2006-01-02\"", number+1)
		case isKind && !slices.Contains(kinds, kind):
			return nil, fmt.Errorf("CHANGELOG.md:%d: %q is none of %s", number+1, kind, strings.Join(kinds, ", "))
		case len(log) > 0:
			log[len(log)-1].text += line + "\n"
		}
	}
	for i := 1; i < len(log); i++ {
		if log[i-1].version != "" && semver.Compare(log[i-1].version, log[i].version) <= 0 {
			return nil, fmt.Errorf("CHANGELOG.md: %s is above %s", log[i-1].version, log[i].version)
		}
	}
	return log, nil
}

// notes returns the text of a version, which must be the newest one.
func (log changelog) notes(version string) (string, error) {
	for _, s := range log {
		text := strings.TrimSpace(s.text)
		switch {
		case s.version == "" && text != "":
			return "", fmt.Errorf("CHANGELOG.md: Unreleased has entries; they belong to %s", version)
		case s.version == "":
			continue
		case s.version != version:
			return "", fmt.Errorf("CHANGELOG.md: the newest version is %s, not %s", s.version, version)
		case text == "":
			return "", fmt.Errorf("CHANGELOG.md: %s has no entries", version)
		}
		return text, nil
	}
	return "", fmt.Errorf("CHANGELOG.md has no %s", version)
}
