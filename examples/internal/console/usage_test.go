package console_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// What -h prints of an example fits a terminal of 80 columns, and has exit codes.
func TestUsageOfExamples(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../*/*.go")
	if err != nil || len(files) == 0 {
		t.Fatal("no examples", err)
	}
	usages := map[string]string{}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		folder := filepath.Base(filepath.Dir(name))
		usages[folder] += ""
		ast.Inspect(file, func(n ast.Node) bool {
			value, ok := n.(*ast.ValueSpec)
			if !ok || len(value.Values) != 1 || value.Names[0].Name != "usage" {
				return true
			}
			text, err := strconv.Unquote(value.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			usages[folder] += text
			return true
		})
	}
	for folder, text := range usages {
		if !strings.Contains(text, "Exit codes:\n") {
			t.Errorf("-h of %s has no exit codes", folder)
		}
		for line := range strings.Lines(text) {
			if n := len([]rune(strings.ReplaceAll(line, "\t", "        "))) - 1; n > 80 {
				t.Errorf("-h of %s has a line of %d columns: %s", folder, n, line)
			}
		}
	}
}
