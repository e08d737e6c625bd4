// Command rename gives the module another path, such as that of the place where it is
// published: in all its modules, imports and pages. It is run from the module's root.
//
//	go run ./tools/rename github.com/someone/gitlabci
//
// It changes the files that git knows. Afterwards, `go build work` must pass.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

func main() {
	if len(os.Args) != 2 || strings.HasPrefix(os.Args[1], "-") {
		fmt.Fprintln(os.Stderr, "usage: go run ./tools/rename PATH, such as github.com/someone/gitlabci")
		os.Exit(2)
	}
	changed, err := rename(".", os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, "rename:", err)
		os.Exit(1)
	}
	fmt.Println(changed, "files changed; now run: go build work && go test work")
}

var (
	moduleLine = regexp.MustCompile(`(?m)^module (\S+)$`)
	validPath  = regexp.MustCompile(`^[a-z0-9.-]+\.[a-z]+(/[A-Za-z0-9._~-]+)+$`)
)

// rename replaces the module's path in the folder, and returns in how many files.
func rename(folder, path string) (changed int, err error) {
	if !validPath.MatchString(path) {
		return 0, fmt.Errorf("%q is no module path: it begins with a host, such as github.com, and has no version", path)
	}
	text, err := os.ReadFile(filepath.Join(folder, "go.mod"))
	if err != nil {
		return 0, err
	}
	module := moduleLine.FindSubmatch(text)
	if module == nil {
		return 0, errors.New("go.mod has no module line")
	}
	// The path ends at a word boundary: gitlabcitest begins with it, and is not renamed.
	old := regexp.MustCompile(regexp.QuoteMeta(string(module[1])) + `\b`)
	list := exec.Command("git", "ls-files", "-z")
	list.Dir = folder
	names, err := list.Output()
	if err != nil {
		return 0, fmt.Errorf("git ls-files: %w", err)
	}
	for name := range strings.SplitSeq(strings.TrimRight(string(names), "\x00"), "\x00") {
		name = filepath.Join(folder, name)
		text, err := os.ReadFile(name)
		if err != nil {
			return changed, err
		}
		renamed := old.ReplaceAllLiteral(text, []byte(path))
		if bytes.Equal(renamed, text) {
			continue
		}
		if err := os.WriteFile(name, renamed, 0o644); err != nil { // keeps the permissions of a file that exists
			return changed, err
		}
		changed++
	}
	return changed, nil
}
