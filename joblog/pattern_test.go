package joblog

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// The checks before a regular expression change no result.
func TestPatternsMatchLikeRegexps(t *testing.T) {
	patterns := []*pattern{
		newPattern(`^a|^ +b`), newPattern(`^a|b`), newPattern(`(?i)^\s*error`), newPattern(`^\s*$`), newPattern(`^$`), newPattern(`^\S+$`), newPattern(`^é`),
		newPattern(`^(?:x|\s*y)+z`), newPattern(`(?:^|\s)w`), newPattern(`ab(?:cd)+e`), newPattern(`(?i)ab`), newPattern(`(?:ab)?c`), newPattern(`^[^x]`), newPattern(`\bfoo`),
	}
	odd := len(patterns)
	for _, f := range families() {
		for i := range f.facts {
			patterns = append(patterns, patternsOf(&f.facts[i])...)
		}
		for _, text := range f.harmless {
			patterns = append(patterns, newPattern(text))
		}
	}
	some := 16 // a line is compared with one pattern in so many
	if info, _ := debug.ReadBuildInfo(); slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"}) {
		some = 64 // it takes 15 times as long
	}
	lines := someLines(t)
	for i, p := range patterns {
		re := regexp.MustCompile(p.text)
		for j, line := range lines {
			if i >= odd && (i+j)%some > 0 {
				continue
			}
			if want := re.Match(line); want != p.matches(line) {
				t.Fatalf("%q in %q: want %t", re, line, want)
			}
		}
	}
}

func patternsOf(f *fact) (patterns []*pattern) {
	add := func(texts ...string) {
		for _, text := range texts {
			if text != "" {
				patterns = append(patterns, newPattern(text))
			}
		}
	}
	var addRules func([]rule)
	addRules = func(rules []rule) {
		for _, r := range rules {
			add(r.like)
			addRules(r.then)
		}
	}
	add(f.match, f.confirm)
	addRules(f.after)
	for _, l := range f.before {
		add(l.like, l.until)
	}
	return patterns
}

// someLines returns lines that are odd, and each 30th of the corpus.
func someLines(t *testing.T) (lines [][]byte) {
	for _, text := range []string{"", " ", "\t", "a", "  b", " yz", "ERROR", "  é", "\xff", "\x00", "abcdcde", "AB", "c", "w", "a foo"} {
		lines = append(lines, []byte(text))
	}
	files, err := filepath.Glob("testdata/corpus/*/*.log")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	n := 0
	for _, file := range files {
		log, err := os.ReadFile(file)
		require.NoError(t, err)
		for line := range bytes.Lines(log) {
			if n++; n%30 == 0 && len(line) < 500 {
				lines = append(lines, bytes.TrimRight(line, "\r\n"))
			}
		}
	}
	return lines
}
