package promises_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "example.com/gitlabci"

// mayImport says what each package may import, besides the standard library: packages of
// this module, by their folder, and of others. Imports go one way: the root knows the
// engines in internal/, and no engine knows the root. What a test imports is free.
var mayImport = map[string]string{
	".": "internal/atomicfile internal/follow internal/lenient internal/pages internal/poll internal/pool" +
		" internal/remote internal/rest internal/secret internal/zipped joblog github.com/google/go-querystring/query",
	"joblog": "",

	"internal/atomicfile": "",
	"internal/follow":     "internal/lenient internal/poll internal/remote internal/rest internal/secret",
	"internal/lenient":    "github.com/go-json-experiment/json github.com/go-json-experiment/json/jsontext", // alone
	"internal/memnet":     "",
	"internal/pages":      "",
	"internal/poll":       "internal/rest",
	"internal/pool":       "",
	"internal/remote":     "internal/rest internal/secret",
	"internal/rest":       "internal/lenient internal/secret github.com/hashicorp/go-retryablehttp", // alone
	"internal/secret":     "internal/lenient",
	"internal/zipped":     "internal/atomicfile internal/pool internal/remote",

	// The fake, which only tests, examples and its command import.
	"gitlabcitest": ". gitlabcitest/internal/junit gitlabcitest/internal/pack gitlabcitest/internal/rack" +
		" gitlabcitest/internal/rows gitlabcitest/internal/shape gitlabcitest/internal/versions internal/memnet",
	"gitlabcitest/internal/junit":    ".",
	"gitlabcitest/internal/pack":     "",
	"gitlabcitest/internal/rack":     ". gitlabcitest/internal/versions",
	"gitlabcitest/internal/rows":     "",
	"gitlabcitest/internal/shape":    "gitlabcitest/internal/versions",
	"gitlabcitest/internal/versions": ".",
	"cmd/fakegitlab":                 ". gitlabcitest",

	// Tests, and what only they import.
	"internal/testkit": ". gitlabcitest internal/memnet github.com/stretchr/testify/require",
	"promises":         "",
	"promises/memory":  "",
}

// A listed package is what go list says about it.
type listedPackage struct {
	folder  string
	doc     string
	files   []string
	imports []string // but for the standard library
}

func listPackages(t *testing.T) (packages []listedPackage) {
	t.Helper()
	list := exec.Command("go", "list", "-f", `{{.ImportPath}}{{"\t"}}{{.Doc}}{{"\t"}}{{join .GoFiles " "}}{{"\t"}}{{join .Imports " "}}`, "./...")
	list.Dir = ".."
	out, err := list.Output()
	require.NoError(t, err)
	for line := range strings.Lines(string(out)) {
		fields := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		require.Len(t, fields, 4, line)
		p := listedPackage{folder: folderOf(fields[0]), doc: fields[1], files: strings.Fields(fields[2])}
		for _, path := range strings.Fields(fields[3]) {
			if host, _, _ := strings.Cut(path, "/"); strings.Contains(host, ".") {
				p.imports = append(p.imports, folderOf(path))
			}
		}
		packages = append(packages, p)
	}
	return packages
}

// folderOf is the folder of a package of this module, and any other path as it is.
func folderOf(path string) string {
	if path == module {
		return "."
	}
	return strings.TrimPrefix(path, module+"/")
}

func TestImports(t *testing.T) {
	left := map[string]bool{}
	for folder := range mayImport {
		left[folder] = true
	}
	for _, p := range listPackages(t) {
		allowed, known := mayImport[p.folder]
		require.True(t, known, "%s is not in the table of what may be imported", p.folder)
		delete(left, p.folder)
		for _, path := range p.imports {
			require.Contains(t, strings.Fields(allowed), path, "%s must not import %s", p.folder, path)
		}
	}
	require.Empty(t, left, "packages that do not exist")
}

// Each package under internal/ is one room: its comment says what it does, and it has
// few files.
func TestInternalPackages(t *testing.T) {
	for _, p := range listPackages(t) {
		if !slices.Contains(strings.Split(p.folder, "/"), "internal") {
			continue
		}
		require.NotEmpty(t, p.doc, "%s has no package comment", p.folder)
		require.LessOrEqual(t, len(p.files), 12, "%s has %v", p.folder, p.files)
	}
}
