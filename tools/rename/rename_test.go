package main

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var build = flag.Bool("rename.build", false, "build all modules under the other path, which takes half a minute")

// A copy of the module has the old path nowhere, and builds under another one.
func TestRenamedCopy(t *testing.T) {
	folder := t.TempDir()
	in := func(name string, args ...string) string {
		t.Helper()
		command := exec.CommandContext(t.Context(), name, args...)
		command.Dir = folder
		output, err := command.CombinedOutput()
		require.NoError(t, err, "%s", output)
		return string(output)
	}
	copyTracked(t, folder)
	in("git", "init", "-q")
	in("git", "add", "--intent-to-add", ".") // without a copy of each file

	const path = "git.example.org/tools/ci"
	changed, err := rename(folder, path)
	require.NoError(t, err)
	require.Greater(t, changed, 100)
	require.Equal(t, path+"\n", in("go", "list", "."))
	left, _ := exec.CommandContext(t.Context(), "git", "-C", folder, "grep", "-l", "example.com/gitlabci\\b").CombinedOutput()
	require.Empty(t, string(left))
	if *build {
		in("go", "build", "work")
	}
}

func TestRenameRefuses(t *testing.T) {
	for _, path := range []string{"", "gitlabci", "https://github.com/someone/gitlabci", "github.com/", "github.com/some one"} {
		_, err := rename(t.TempDir(), path)
		require.ErrorContains(t, err, "is no module path", path)
	}
}

// copyTracked copies the files that git knows, as they are now.
func copyTracked(t *testing.T, folder string) {
	t.Helper()
	root, err := filepath.Abs(filepath.Join("..", ".."))
	require.NoError(t, err)
	names, err := exec.CommandContext(t.Context(), "git", "-C", root, "ls-files", "-z").Output()
	require.NoError(t, err)
	for name := range strings.SplitSeq(strings.TrimRight(string(names), "\x00"), "\x00") {
		text, err := os.ReadFile(filepath.Join(root, name))
		require.NoError(t, err)
		target := filepath.Join(folder, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(target), 0o755))
		require.NoError(t, os.WriteFile(target, text, 0o644))
	}
}
