package main

import (
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
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
		if err != nil {
			t.Fatalf("%v: %s", err, output)
		}
		return string(output)
	}
	copyTracked(t, folder)
	in("git", "init", "-q")
	in("git", "add", "--intent-to-add", ".") // without a copy of each file

	const path = "git.example.org/tools/ci"
	changed, err := rename(folder, path)
	if err != nil || changed <= 100 {
		t.Fatalf("%d files changed: %v", changed, err)
	}
	if got := in("go", "list", "."); got != path+"\n" {
		t.Errorf("the path is %s", got)
	}
	left, _ := exec.CommandContext(t.Context(), "git", "-C", folder, "grep", "-l", "example.com/gitlabci\\b").CombinedOutput()
	if len(left) > 0 {
		t.Errorf("the old path is in:\n%s", left)
	}
	if *build {
		in("go", "build", "work")
	}
}

func TestRenameRefuses(t *testing.T) {
	for _, path := range []string{"", "gitlabci", "https://github.com/someone/gitlabci", "github.com/", "github.com/some one"} {
		if _, err := rename(t.TempDir(), path); err == nil || !strings.Contains(err.Error(), "is no module path") {
			t.Errorf("%q: got %v", path, err)
		}
	}
}

// copyTracked copies the files that git knows, as they are now.
func copyTracked(t *testing.T, folder string) {
	t.Helper()
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	names, err := exec.CommandContext(t.Context(), "git", "-C", root, "ls-files", "-z").Output()
	if err != nil {
		t.Fatal(err)
	}
	for name := range strings.SplitSeq(strings.TrimRight(string(names), "\x00"), "\x00") {
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		target := filepath.Join(folder, name)
		err = errors.Join(os.MkdirAll(filepath.Dir(target), 0o755), os.WriteFile(target, text, 0o644))
		if err != nil {
			t.Fatal(err)
		}
	}
}
