package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// says requires an error with a text in it.
func says(t *testing.T, err error, text string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), text) {
		t.Errorf("got %v, want %s", err, text)
	}
}

// parsed reads a changelog.
func parsed(t *testing.T, text string) changelog {
	t.Helper()
	log, err := parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return log
}

const keptLog = `# Changelog

## Unreleased

## 0.2.0 - 2026-01-02

### Added

- A door.

## 0.1.0 - 2025-12-24

### Fixed

- A wall.
`

func TestNotes(t *testing.T) {
	log := parsed(t, keptLog)
	notes, err := log.notes("v0.2.0")
	if err != nil || !strings.HasPrefix(notes, "### Added\n\n- A door.") {
		t.Errorf("got %q, %v", notes, err)
	}

	for _, version := range []string{"v0.3.0", "v0.1.0"} {
		_, err = log.notes(version)
		if want := "CHANGELOG.md: the newest version is v0.2.0, not " + version; err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestNotesOfWhatIsNotReleased(t *testing.T) {
	log := parsed(t, "## Unreleased\n### Added\n- A door.\n## 0.1.0 - 2025-12-24\n### Fixed\n- A wall.\n")
	if _, err := log.notes("v0.1.0"); err == nil || err.Error() != "CHANGELOG.md: Unreleased has entries; they belong to v0.1.0" {
		t.Errorf("got %v", err)
	}
}

func TestLogsThatAreRefused(t *testing.T) {
	for text, message := range map[string]string{
		"## 0.1.0":                                     "CHANGELOG.md:1: a section is",
		"## 0.1.0 - 2025-12-24\n### New":               `CHANGELOG.md:2: "New" is none of Added`,
		"## 0.1.0 - 2025-12-24\n## Unreleased":         "CHANGELOG.md:2: the section Unreleased is not the first",
		"## 0.1.0 - 2025-12-24\n## 0.2.0 - 2026-01-02": "CHANGELOG.md: v0.1.0 is above v0.2.0",
	} {
		_, err := parse(text)
		says(t, err, message)
	}
}

// The changelog of this module can be read, whatever its newest version is.
func TestOwnChangelog(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "CHANGELOG.md"))
	if err != nil {
		t.Fatal(err)
	}
	if len(parsed(t, string(text))) == 0 {
		t.Error("it has no sections")
	}
}

func TestOwnModules(t *testing.T) {
	if err := checkModules(filepath.Join("..", "..")); err != nil {
		t.Error(err)
	}
}

func TestModulesThatAreRefused(t *testing.T) {
	folder := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("go.work", "go 1.26.0\nuse .\n")
	write("go.mod", `module example.com/m
go 1.25.0
require example.com/untagged v0.0.0-20250102030405-0123456789ab
require example.com/below v1.2.4-0.20250102030405-0123456789ab // indirect
require github.com/munnerz/goautoneg v0.0.0-20191010083416-a7dc8b61c822 // indirect
replace example.com/other => example.com/fork v1.0.0
`)
	err := checkModules(folder)
	says(t, err, "the Go version is not that of go.work, 1.26.0")
	says(t, err, "example.com/untagged@v0.0.0-20250102030405-0123456789ab is not a tagged version")
	says(t, err, "example.com/below@v1.2.4-0.20250102030405-0123456789ab is not a tagged version")
	says(t, err, "example.com/other is replaced")
	if strings.Contains(err.Error(), "goautoneg") { // it has no tags
		t.Error(err)
	}
}

func TestCompatibleVersions(t *testing.T) {
	for _, v := range []struct {
		earlier, later string
		compatible     bool
	}{
		{"v0.1.0", "v0.1.1", true},
		{"v0.1.0", "v0.2.0", false},
		{"v0.9.0", "v1.0.0", false},
		{"v1.0.0", "v1.1.0", true},
		{"v1.2.0", "v2.0.0", false},
	} {
		if got := isCompatible(v.earlier, v.later); got != v.compatible {
			t.Errorf("%s %s: got %v", v.earlier, v.later, got)
		}
	}
	if got := missing("a\nb\nc\n", "c\na\nd\n"); !slices.Equal(got, []string{"b"}) {
		t.Errorf("missing are %q", got)
	}
}
