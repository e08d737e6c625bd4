package promises_test

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci/internal/testkit"
)

// Every snippet of Go in the pages and in the packages' comments compiles, as a function or as declarations, with what
// pageNames has declared for it, and so does each program of the cookbook. They are built as
// packages of the module interop, which has the other libraries that the pages name.
func TestSnippetsCompile(t *testing.T) {
	testkit.NotUnderRace(t)
	t.Parallel()
	buildFiles(t, map[string]map[string]string{"snippets": snippetFiles(t), "programs": programFiles(t)})
}

// snippetFiles are the source files of the snippets.
func snippetFiles(t *testing.T) map[string]string {
	t.Helper()
	root := testkit.ModuleFile(t, ".")
	pages, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	require.NoError(t, err)
	require.NotEmpty(t, pages)
	for _, page := range []string{"README.md", "doc.go", "joblog/doc.go", "webhook/doc.go", "gitlabcitest/doc.go"} {
		pages = append(pages, filepath.Join(root, page))
	}

	files := map[string]string{"names.go": pageNames, "calls.go": callsOf(t, filepath.Join(root, "docs", "migrating.md"))}
	for _, page := range pages {
		text, err := os.ReadFile(page)
		require.NoError(t, err)
		name, err := filepath.Rel(root, page)
		require.NoError(t, err)
		snippets := snippetsOf
		if strings.HasSuffix(page, ".go") {
			snippets = snippetsOfComment
		}
		for line, snippet := range snippets(string(text)) {
			if strings.HasPrefix(snippet, "package ") {
				continue // see programFiles
			}
			place := fmt.Sprintf("%s:%d", filepath.ToSlash(name), line)
			source, err := compilable(snippet, place)
			require.NoError(t, err, "%s:\n%s", place, snippet)
			files[strings.NewReplacer(".", "_", ":", "_", "/", "_").Replace(place)+".go"] = source
		}
	}
	return files
}

// programFiles are the programs of the cookbook as a reader writes them: each in the place of
// the comment in the cookbook's main.go, with nothing but the imports added.
func programFiles(t *testing.T) map[string]string {
	t.Helper()
	page, err := os.ReadFile(testkit.ModuleFile(t, "docs/cookbook.md"))
	require.NoError(t, err)
	_, part, found := strings.Cut(string(page), "\n# Programs\n")
	require.True(t, found)
	part, _, found = strings.Cut(part, "\n# Recipes\n")
	require.True(t, found)
	program, files := "", map[string]string{}
	for line, snippet := range snippetsOf(part) {
		if program == "" {
			program = strings.Replace(snippet, "package main", "package programs", 1)
			require.Equal(t, 1, strings.Count(program, "\t// the program\n"))
			continue
		}
		require.NotContains(t, snippet, "http.ListenAndServe(", "the context of Ctrl-C does not end it")
		name := fmt.Sprintf("program_%d.go", line)
		source := strings.Replace(program, "\t// the program\n", "//line "+name+"\n"+snippet, 1)
		source = strings.NewReplacer("main()", fmt.Sprintf("main%d()", line), "run(ctx", fmt.Sprintf("run%d(ctx", line)).Replace(source)
		file, err := parser.ParseFile(token.NewFileSet(), name, source, 0)
		require.NoError(t, err, snippet)
		files[name] = strings.Replace(source, "\n\n", "\n\n"+importsOf(file), 1)
	}
	require.Len(t, files, 12)
	return files
}

// buildFiles compiles the files of several folders as packages of the module interop.
func buildFiles(t *testing.T, folders map[string]map[string]string) {
	t.Helper()
	workspace, err := exec.CommandContext(t.Context(), "go", "env", "GOWORK").Output()
	require.NoError(t, err)
	if strings.TrimSpace(string(workspace)) == "off" {
		t.Skip("without the workspace there is no module interop")
	}
	root, written := testkit.ModuleFile(t, "."), t.TempDir()
	overlay, build := map[string]string{}, exec.CommandContext(t.Context(), "go", "build")
	list := filepath.Join(written, "overlay.json")
	build.Args = append(build.Args, "-overlay", list)
	for folder, files := range folders {
		build.Args = append(build.Args, "./"+folder)
		for name, source := range files {
			path := filepath.Join(written, folder+"_"+name)
			require.NoError(t, os.WriteFile(path, []byte(source), 0o600))
			overlay[filepath.Join(root, "interop", folder, name)] = path
		}
	}
	replaced, err := json.Marshal(map[string]any{"Replace": overlay})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(list, replaced, 0o600))
	build.Dir = filepath.Join(root, "interop")
	output, err := build.CombinedOutput()
	require.NoError(t, err, "%s", output)
}

var callsRow = regexp.MustCompile("(?m)^\\| [a-z' -]+ \\| `(.+)` \\| `(.+)` \\|$")

// callsOf makes a file of the calls that a page has side by side in a table.
func callsOf(t *testing.T, page string) string {
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	_, table, found := strings.Cut(string(text), "common calls\n")
	require.True(t, found)
	table, _, _ = strings.Cut(table, "\n## ")
	rows := callsRow.FindAllStringSubmatch(table, -1)
	require.Len(t, rows, 30)
	require.Equal(t, strings.Count(table, "\n|")-2, len(rows), "a row is of another form")
	theirs, ours := "", ""
	for _, row := range rows {
		theirs += "\t" + row[1] + "\n"
		ours += "\t" + row[2] + "\n"
	}
	return fmt.Sprintf(callsFile, theirs, ours)
}

const callsFile = `package snippets

import (
	"context"

	"gitlab.com/gitlab-org/api/client-go/v2"

	"example.com/gitlabci"
)

func _(ctx context.Context, git *gitlab.Client, project string, id, iid int64, sha, token, url, content string) {
%s}

func _(ctx context.Context, client *gitlabci.Client, project gitlabci.ProjectID, pipeline gitlabci.PipelineID, job gitlabci.JobID,
	iid int64, sha, token, url, content string) {
%s}
`

// snippetsOf ranges over the blocks of Go in a page, with the line on which each begins.
func snippetsOf(page string) func(yield func(int, string) bool) {
	return func(yield func(int, string) bool) {
		var block []string
		indent, begin := "", 0
		for number, line := range strings.Split(page, "\n") {
			text := strings.TrimLeft(line, " ")
			switch {
			case begin == 0 && text == "```go":
				block, indent, begin = nil, line[:len(line)-len(text)], number+2
			case begin > 0 && text == "```":
				if !yield(begin, strings.Join(block, "\n")+"\n") {
					return
				}
				begin = 0
			case begin > 0:
				block = append(block, strings.TrimPrefix(line, indent))
			}
		}
	}
}

// snippetsOfComment ranges over the blocks of code in the comments of a source file, with the
// line on which each begins.
func snippetsOfComment(source string) func(yield func(int, string) bool) {
	return func(yield func(int, string) bool) {
		var block []string
		for number, line := range strings.Split(source, "\n") {
			code, isCode := strings.CutPrefix(line, "//\t")
			switch {
			case isCode:
				block = append(block, code)
			case line == "//" && block != nil: // within a block, or at its end
				block = append(block, "")
			case block != nil:
				if !yield(number+1-len(block), strings.TrimRight(strings.Join(block, "\n"), "\n")+"\n") {
					return
				}
				block = nil
			}
		}
	}
}

// compilable makes a file of a snippet: of its declarations or, if it has statements, of
// a function around them. Nothing in it need be used.
func compilable(snippet, place string) (string, error) {
	const head = "package snippets\n"
	marked := "//line " + place + "\n" + snippet
	body := marked
	file, err := parser.ParseFile(token.NewFileSet(), place, head+body, 0)
	if err != nil {
		body = "func _() error {\n" + marked
		file, err = parser.ParseFile(token.NewFileSet(), place, head+body+"return nil\n}\n", 0)
		if err != nil {
			return "", err
		}
		for _, name := range defined(file.Decls[0].(*ast.FuncDecl)) {
			body += "_ = " + name + "\n"
		}
		body += "return nil\n}\n"
	}
	return head + importsOf(file) + body, nil
}

// importsOf returns the imports that a file needs and does not have.
func importsOf(file *ast.File) string {
	var imports strings.Builder
	for _, path := range pagePackages {
		if slices.ContainsFunc(file.Imports, func(i *ast.ImportSpec) bool { return i.Path.Value == strconv.Quote(path) }) {
			continue
		}
		name := path[strings.LastIndex(path, "/")+1:]
		if name == "v2" {
			name = "gitlab"
		}
		if slices.ContainsFunc(file.Unresolved, func(used *ast.Ident) bool { return used.Name == name }) {
			fmt.Fprintf(&imports, "import %q\n", path)
		}
	}
	return imports.String()
}

// defined returns the variables that the statements of a function itself define.
func defined(function *ast.FuncDecl) []string {
	var names []string
	for _, statement := range function.Body.List {
		define, ok := statement.(*ast.AssignStmt)
		if !ok || define.Tok != token.DEFINE {
			continue
		}
		for _, left := range define.Lhs {
			if name, ok := left.(*ast.Ident); ok && name.Name != "_" && !slices.Contains(names, name.Name) {
				names = append(names, name.Name)
			}
		}
	}
	return names
}

// pagePackages are those that snippets may name without an import.
var pagePackages = []string{
	"context", "crypto/tls", "crypto/x509", "encoding/json", "errors", "expvar", "fmt", "io", "io/fs", "log", "log/slog",
	"net/http", "net/http/httptest", "os", "os/signal", "strings", "sync", "testing", "testing/synctest", "time",
	"gitlab.com/gitlab-org/api/client-go/v2", "golang.org/x/time/rate",
	"example.com/gitlabci", "example.com/gitlabci/gitlabcitest", "example.com/gitlabci/joblog", "example.com/gitlabci/webhook",
}

// pageNames declares what snippets take from the text around them.
const pageNames = `package snippets

import (
	"context"
	"io"
	"net/url"

	"gitlab.com/gitlab-org/api/client-go/v2"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
	"example.com/gitlabci/webhook"
)

var (
	ctx      context.Context
	client   *gitlabci.Client
	srv      *gitlabcitest.Server
	git      *gitlab.Client
	cursor   gitlabci.WatchCursor
	opts     *gitlabci.ListJobsOptions
	latest   gitlabci.LatestArtifacts
	proxyURL *url.URL
	verifier *webhook.Verifier
	pem      []byte
	r        io.Reader

	token, sha, content, password string
)

func save(gitlabci.Cursor) error            { return nil }
func notify(context.Context, string) error  { return nil }
func renew(context.Context) (string, error) { return "", nil }
func cached() string                        { return "" }

func report(context.Context, *gitlabci.Client) error { return nil }
func handle(context.Context, *webhook.Event) error   { return nil }
`
