package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

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
	log, err := parse(keptLog)
	require.NoError(t, err)
	notes, err := log.notes("v0.2.0")
	require.NoError(t, err)
	require.Equal(t, "### Added\n\n- A door.", notes[:len("### Added\n\n- A door.")])

	_, err = log.notes("v0.3.0")
	require.EqualError(t, err, "CHANGELOG.md: the newest version is v0.2.0, not v0.3.0")
	_, err = log.notes("v0.1.0")
	require.EqualError(t, err, "CHANGELOG.md: the newest version is v0.2.0, not v0.1.0")
}

func TestNotesOfWhatIsNotReleased(t *testing.T) {
	log, err := parse("## Unreleased\n### Added\n- A door.\n## 0.1.0 - 2025-12-24\n### Fixed\n- A wall.\n")
	require.NoError(t, err)
	_, err = log.notes("v0.1.0")
	require.EqualError(t, err, "CHANGELOG.md: Unreleased has entries; they belong to v0.1.0")
}

func TestLogsThatAreRefused(t *testing.T) {
	for text, message := range map[string]string{
		"## 0.1.0":                                     "CHANGELOG.md:1: a section is",
		"## 0.1.0 - 2025-12-24\n### New":               `CHANGELOG.md:2: "New" is none of Added`,
		"## 0.1.0 - 2025-12-24\n## Unreleased":         "CHANGELOG.md:2: the section Unreleased is not the first",
		"## 0.1.0 - 2025-12-24\n## 0.2.0 - 2026-01-02": "CHANGELOG.md: v0.1.0 is above v0.2.0",
	} {
		_, err := parse(text)
		require.ErrorContains(t, err, message, text)
	}
}

// The changelog of this module can be read, whatever its newest version is.
func TestOwnChangelog(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "CHANGELOG.md"))
	require.NoError(t, err)
	log, err := parse(string(text))
	require.NoError(t, err)
	require.NotEmpty(t, log)
}

func TestOwnModules(t *testing.T) {
	require.NoError(t, checkModules(filepath.Join("..", "..")))
}

func TestModulesThatAreRefused(t *testing.T) {
	folder := t.TempDir()
	write := func(name, text string) {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600))
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
	require.ErrorContains(t, err, "the Go version is not that of go.work, 1.26.0")
	require.ErrorContains(t, err, "example.com/untagged@v0.0.0-20250102030405-0123456789ab is not a tagged version")
	require.ErrorContains(t, err, "example.com/below@v1.2.4-0.20250102030405-0123456789ab is not a tagged version")
	require.NotContains(t, err.Error(), "goautoneg") // it has no tags
	require.ErrorContains(t, err, "example.com/other is replaced")
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
		require.Equal(t, v.compatible, isCompatible(v.earlier, v.later), "%s %s", v.earlier, v.later)
	}
	require.Equal(t, []string{"b"}, missing("a\nb\nc\n", "c\na\nd\n"))
}
