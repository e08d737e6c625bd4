package promises_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci/internal/testkit"
)

// The bot of README.md is the one that is tried, and is short.
func TestReadmeBot(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(testkit.ModuleFile(t, "README.md"))
	require.NoError(t, err)
	source, err := os.ReadFile(testkit.ModuleFile(t, "example_test.go"))
	require.NoError(t, err)
	_, bot, found := strings.Cut(string(source), "// nightly is the bot of README.md.\n")
	require.True(t, found)
	bot, _, found = strings.Cut(bot, "\n}\n")
	require.True(t, found)
	require.True(t, strings.Contains(string(page), "```go\n"+bot+"\n}\n```\n"), "README.md has another bot than:\n%s", bot)
	require.Less(t, strings.Count(bot, "\n"), 40)
}

// The page of endpoints, which is written from the comments of the methods, has the endpoint that
// each method really requests.
func TestPageOfEndpoints(t *testing.T) {
	page, err := os.ReadFile(testkit.ModuleFile(t, "docs/endpoints.md"))
	require.NoError(t, err)
	rows := strings.Split(string(page), "\n")
	for name, method := range testkit.Methods {
		service, short, _ := strings.Cut(name, ".")
		begin := slices.Index(rows, "## "+service)
		require.True(t, slices.ContainsFunc(rows[max(begin, 0):], func(row string) bool {
			return strings.HasPrefix(row, "| [`"+method.Route+"`]") && strings.Contains(row, "`"+short+"`") ||
				strings.HasPrefix(strings.Replace(row, "| [", "| ", 1), "| `"+name+"`") && strings.Contains(row, "`"+method.Route+"`")
		}), "%s has no row with %s", name, method.Route)
	}
}

// Every test that the pages name is there.
func TestNamedTestsExist(t *testing.T) {
	testkit.NotUnderRace(t)
	t.Parallel()
	tests := map[string]bool{}
	require.NoError(t, filepath.WalkDir(testkit.ModuleFile(t, "."), func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := os.ReadFile(path)
		for line := range strings.Lines(string(source)) {
			if rest, ok := strings.CutPrefix(line, "func "); ok {
				name, _, _ := strings.Cut(rest, "(")
				tests[name] = true
			}
		}
		return err
	}))
	for _, page := range []string{"README.md", "SECURITY.md", "CONTRIBUTING.md", "ARCHITECTURE.md", "docs/scale.md"} {
		text, err := os.ReadFile(testkit.ModuleFile(t, page))
		require.NoError(t, err)
		for _, name := range regexp.MustCompile("`((?:Test|Fuzz)[A-Z]\\w*)`").FindAllStringSubmatch(string(text), -1) {
			require.True(t, tests[name[1]], "%s names %s", page, name[1])
		}
	}
}

// The go command takes all that follows a flag of a test, such as -soak.calls, for that
// test, so that packages must be before it. Otherwise the root's tests get the flag.
func TestNamedCommandsHavePackages(t *testing.T) {
	for _, page := range []string{"README.md", "SECURITY.md", "CONTRIBUTING.md", ".ci/run", "docs/scale.md"} {
		text, err := os.ReadFile(testkit.ModuleFile(t, page))
		require.NoError(t, err)
		for _, command := range regexp.MustCompile(`go test[^&\n]*`).FindAllString(string(text), -1) {
			require.NotRegexp(t, ` -\w+\.\w+ .* \./`, command, page)
		}
	}
}

// The figures that README.md compares are those of BENCHMARKS.md.
func TestReadmeFigures(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(testkit.ModuleFile(t, "README.md"))
	require.NoError(t, err)
	text, err := os.ReadFile(testkit.ModuleFile(t, "BENCHMARKS.md"))
	require.NoError(t, err)
	figure := func(pattern string) string {
		found := regexp.MustCompile(`(?m)^` + pattern).FindStringSubmatch(string(text))
		require.NotNil(t, found, "BENCHMARKS.md has no %s", pattern)
		return found[1]
	}
	rounded := func(pattern string, digits int) string {
		n, err := strconv.ParseFloat(figure(pattern), 64)
		require.NoError(t, err)
		return strconv.FormatFloat(n, 'f', digits, 64)
	}
	date, err := time.Parse(time.DateOnly, figure(`\| Date \| (.*) \|`))
	require.NoError(t, err)
	const jobs, call, archive = `\| A gzipped page of 100 jobs of a project`, `\| A call that gets one small job`, `### An archive of 256 MiB\n(?:.*\n)*?`
	for _, want := range []string{
		"measured on " + date.Format("2 January 2006") + " against " + figure(`\| client-go \| (v[0-9.]+),`) + ",",
		"| " + figure(`\| 10,000 pipelines, by page number, 50ms a page, idle reader, defaults \|[^|]*\| ([0-9.]+)`) + " of its time |",
		"| " + rounded(jobs+`, gitlabci \|[^|]*\| ([0-9.]+)`, 1) + " times its speed, " + figure(jobs+` \|[^|]*\| ([0-9.]+)`) + " of its allocations |",
		"| " + figure(call+`, gitlabci \|[^|]*\| ([0-9.]+)`) + " of its time, " + figure(call+` \|[^|]*\| ([0-9.]+)`) + " of its allocations |",
		"| " + rounded(archive+`\| gitlabci \|[^|]*\|[^|]*\| ([0-9.]+)`, 0) + " MiB resident instead of " + rounded(archive+`\| client-go \|[^|]*\|[^|]*\| ([0-9.]+)`, 0) + " |",
		"| " + figure(`\| gitlabci \| ([0-9.]+) MB`) + " MB instead of " + figure(`\| client-go \| ([0-9.]+) MB`) + " |",
	} {
		require.True(t, strings.Contains(string(page), want), "README.md has not: %s", want)
	}
}

// Every file that ARCHITECTURE.md names is there, and has what it is said to have.
func TestArchitectureNamesExist(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(testkit.ModuleFile(t, "ARCHITECTURE.md"))
	require.NoError(t, err)
	packages, _, found := strings.Cut(string(text), "\n## The path of a request\n")
	require.True(t, found)
	folders := regexp.MustCompile("(?m)^\\| `([\\w/]+)` \\|").FindAllStringSubmatch(packages, -1)
	require.Greater(t, len(folders), 20)
	for _, folder := range folders {
		require.DirExists(t, testkit.ModuleFile(t, folder[1]))
	}
	files := regexp.MustCompile("(?m)^\\| .* \\| `([\\w/]+\\.go)`(?:: (.*))? \\|$").FindAllStringSubmatch(string(text), -1)
	require.Greater(t, len(files), 15)
	for _, file := range files {
		source, err := os.ReadFile(testkit.ModuleFile(t, file[1]))
		require.NoError(t, err)
		for _, name := range regexp.MustCompile("`(\\w+)`").FindAllStringSubmatch(file[2], -1) {
			require.Regexp(t, `(?m)^(?:func|var|const|type) (?:\([^)]*\) )?`+name[1]+`\b`, string(source), file[1])
		}
	}
	path, _, _ := strings.Cut(string(text)[len(packages)+1:], "\n## Where to find it\n")
	for _, file := range regexp.MustCompile("`(\\w+\\.go)`").FindAllStringSubmatch(path, -1) {
		_, err := os.Stat(testkit.ModuleFile(t, "internal/rest/"+file[1]))
		if err != nil { // or it is one of the root
			_, err = os.Stat(testkit.ModuleFile(t, file[1]))
		}
		require.NoError(t, err)
	}
}

// Every link between pages leads to a file and a heading that are there.
func TestLinksOfPages(t *testing.T) {
	t.Parallel()
	root := testkit.ModuleFile(t, ".")
	var pages []string
	for _, pattern := range []string{"*.md", "docs/*.md", "examples/*/README.md"} {
		found, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(pattern)))
		require.NoError(t, err)
		pages = append(pages, found...)
	}
	require.Greater(t, len(pages), 30)
	code, link := regexp.MustCompile("(?s)```.*?```|`[^`\n]*`"), regexp.MustCompile(`\]\(([^)#:]*)(?:#([^)]*))?\)`)
	for _, page := range pages {
		text, err := os.ReadFile(page)
		require.NoError(t, err)
		for _, found := range link.FindAllStringSubmatch(code.ReplaceAllString(string(text), ""), -1) {
			target := page
			if found[1] != "" {
				target = filepath.Join(filepath.Dir(page), filepath.FromSlash(found[1]))
			}
			_, err := os.Stat(target)
			require.NoError(t, err, "%s links to %s", page, found[0])
			if found[2] != "" {
				require.Contains(t, anchorsOf(t, target), found[2], "%s links to %s", page, found[0])
			}
		}
	}
}

// anchorsOf returns the anchors of a page's headings, as they are on GitLab and GitHub.
func anchorsOf(t *testing.T, page string) (anchors []string) {
	t.Helper()
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	for _, heading := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(string(text), -1) {
		plain := regexp.MustCompile(`[^\w\- ]`).ReplaceAllString(strings.ToLower(heading[1]), "")
		anchors = append(anchors, strings.ReplaceAll(plain, " ", "-"))
	}
	return anchors
}
