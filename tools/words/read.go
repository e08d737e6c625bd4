package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"strings"
)

// A passage is prose of a file: a comment, a text, or a page.
type passage struct {
	line int // of its first line
	text string
}

// proseOfGo returns the comments of a file and, unless it is a test, its texts of more
// than one word. Blocks of code in comments are blank.
func proseOfGo(name string, source []byte) ([]passage, error) {
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, name, source, parser.ParseComments)
	if err != nil {
		return nil, err
	}
	var passages []passage
	for _, group := range file.Comments {
		passages = append(passages, passage{line: files.Position(group.Pos()).Line, text: proseOfComment(group)})
	}
	if strings.HasSuffix(name, "_test.go") {
		return passages, nil
	}
	ast.Inspect(file, func(node ast.Node) bool {
		literal, ok := node.(*ast.BasicLit)
		if ok && literal.Kind == token.STRING && strings.Contains(literal.Value, " ") {
			passages = append(passages, passage{line: files.Position(literal.Pos()).Line, text: escapes.Replace(literal.Value)})
		}
		return true
	})
	return passages, nil
}

// escapes replaces the escapes in a literal by blanks: their letters belong to no word.
var escapes = strings.NewReplacer(`\n`, "  ", `\t`, "  ", `\r`, "  ")

// proseOfComment returns the lines of a comment without their marks.
func proseOfComment(group *ast.CommentGroup) string {
	var lines []string
	for _, comment := range group.List {
		text, isLine := strings.CutPrefix(comment.Text, "//")
		if isLine && (strings.HasPrefix(text, "\t") || strings.HasPrefix(text, "go:")) {
			text = ""
		}
		lines = append(lines, text)
	}
	return strings.Join(lines, "\n")
}

var (
	inlineCode = regexp.MustCompile("`[^`]*`")
	linkTarget = regexp.MustCompile(`\]\([^)\n]*\)`)
	codeRemark = regexp.MustCompile(`(?:^|\s)(?://|#) .*`)
)

// proseOfMarkdown returns a page whose code is blank, except for its comments.
func proseOfMarkdown(source string) []passage {
	lines := strings.Split(source, "\n")
	inside := false
	for i, line := range lines {
		if strings.HasPrefix(strings.TrimSpace(line), "```") {
			inside = !inside
			lines[i] = ""
		} else if inside {
			lines[i] = codeRemark.FindString(line)
		}
	}
	text := blank(inlineCode, strings.Join(lines, "\n"))
	return []passage{{line: 1, text: blank(linkTarget, text)}}
}

// blank replaces what a pattern matches, and keeps line ends.
func blank(pattern *regexp.Regexp, text string) string {
	return pattern.ReplaceAllStringFunc(text, func(match string) string {
		return "`" + strings.Repeat("\n", strings.Count(match, "\n")) + "`"
	})
}
