package joblog_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci/joblog"
)

// corpus is how many logs of each folder have to be right: what a person would point to
// is in what is shown. A change that makes more of them right raises the number.
var corpus = map[string]int{
	"jvm":    128,
	"native": 136,
	"node":   153,
	"runner": 51,
	"script": 134,
}

// For logs of real tools, the lines shown are short, and what a person would point to.
func TestCorpus(t *testing.T) {
	folders, err := filepath.Glob("testdata/corpus/*/keys.tsv")
	require.NoError(t, err)
	require.NotEmpty(t, folders)
	var sizes []int
	for _, file := range folders {
		keys, err := os.ReadFile(file)
		require.NoError(t, err)
		right := 0
		for line := range strings.Lines(string(keys)) {
			fields := strings.Split(strings.TrimRight(line, "\n"), "\t")
			lines := shownOfFile(t, filepath.Join(filepath.Dir(file), fields[0]))
			sizes = append(sizes, len(lines))
			shown := strings.Join(lines, "\n")
			if !slices.ContainsFunc(fields[1:], func(needle string) bool { return !strings.Contains(shown, needle) }) {
				right++
			}
		}
		require.GreaterOrEqual(t, right, corpus[filepath.Base(filepath.Dir(file))], file)
	}
	slices.Sort(sizes)
	require.LessOrEqual(t, sizes[len(sizes)/2], 12)
	require.LessOrEqual(t, sizes[len(sizes)-1], 20)
}

func shownOfFile(t *testing.T, file string) []string {
	t.Helper()
	log, err := os.ReadFile(file)
	require.NoError(t, err)
	s, err := joblog.Summarize(bytes.NewReader(log))
	require.NoError(t, err)
	return s.Lines()
}
