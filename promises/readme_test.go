package promises_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

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
	var tests strings.Builder
	require.NoError(t, filepath.WalkDir(testkit.ModuleFile(t, "."), func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := os.ReadFile(path)
		tests.Write(source)
		return err
	}))
	for _, page := range []string{"README.md", "SECURITY.md", "CONTRIBUTING.md", "ARCHITECTURE.md", "docs/scale.md"} {
		text, err := os.ReadFile(testkit.ModuleFile(t, page))
		require.NoError(t, err)
		for _, name := range regexp.MustCompile("`((?:Test|Fuzz)[A-Z]\\w*)`").FindAllStringSubmatch(string(text), -1) {
			require.True(t, strings.Contains(tests.String(), "\nfunc "+name[1]+"("), "%s names %s", page, name[1])
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
