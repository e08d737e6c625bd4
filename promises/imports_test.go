package promises_test

import (
	"errors"
	"go/build"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci/internal/testkit"
)

const module = "example.com/gitlabci"

// imports says what each package imports, besides the standard library: packages of this
// module, by their folder, and of others. Imports go one way: the root knows the engines in
// internal/, and no engine knows the root. A test may import anything.
var imports = map[string]string{
	".": "internal/atomicfile internal/follow internal/lenient internal/pages internal/poll internal/pool internal/query" +
		" internal/remote internal/rest internal/secret internal/zipped joblog github.com/google/go-querystring/query",
	"joblog":  "",
	"webhook": ". internal/lenient", // which decodes events as tolerantly as responses

	"internal/atomicfile": "",
	"internal/cause":      "",
	"internal/follow":     "internal/poll internal/remote internal/rest internal/secret",
	"internal/inflate":    "",
	"internal/lenient":    "", // no JSON library but the standard one
	"internal/memnet":     "",
	"internal/pages":      "internal/pool",
	"internal/poll":       "internal/rest",
	"internal/pool":       "internal/cause",
	"internal/remote":     "internal/pool internal/rest internal/secret",
	"internal/query":      "",
	"internal/rest":       "internal/cause internal/inflate internal/lenient internal/secret github.com/hashicorp/go-retryablehttp", // alone
	"internal/secret":     "internal/lenient",
	"internal/zipped":     "internal/atomicfile internal/cause internal/inflate internal/pool",

	// The fake, which only tests, examples and its command import.
	"gitlabcitest": ". gitlabcitest/internal/cron gitlabcitest/internal/graphql gitlabcitest/internal/junit gitlabcitest/internal/pack gitlabcitest/internal/rack" +
		" gitlabcitest/internal/rows gitlabcitest/internal/shape gitlabcitest/internal/versions internal/memnet",
	"gitlabcitest/internal/cron":     "",
	"gitlabcitest/internal/graphql":  "",
	"gitlabcitest/internal/junit":    ".",
	"gitlabcitest/internal/pack":     "",
	"gitlabcitest/internal/rack":     ". gitlabcitest/internal/versions",
	"gitlabcitest/internal/rows":     "",
	"gitlabcitest/internal/shape":    "gitlabcitest/internal/versions",
	"gitlabcitest/internal/versions": ".",
	"cmd/fakegitlab":                 ". gitlabcitest",

	// Tests, and what only they import.
	"internal/testkit":        ". gitlabcitest internal/lenient internal/memnet internal/testkit/light github.com/stretchr/testify/require",
	"internal/testkit/light":  "", // so that it can be linked quickly
	"internal/testkit/sample": "",
	"promises":                "",
	"promises/memory":         "",
	"promises/services":       "",
}

// packagesOfModule finds the packages, by their folders. It reads the files rather than
// run go list, so that go test knows which ones a cached result rests on.
func packagesOfModule(t *testing.T) map[string]*build.Package {
	t.Helper()
	packages := map[string]*build.Package{}
	every := build.Default
	every.UseAllFiles = true // also those for other systems
	require.NoError(t, filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.IsDir() {
			return err
		}
		folder, _ := filepath.Rel("..", path)
		folder = filepath.ToSlash(folder)
		name := entry.Name()
		_, noModule := os.Stat(filepath.Join(path, "go.mod"))
		switch {
		case folder == ".":
		case name == "testdata", name[0] == '.', name[0] == '_', noModule == nil:
			return fs.SkipDir
		}
		p, err := every.ImportDir(path, 0)
		if _, none := errors.AsType[*build.NoGoError](err); none {
			return nil
		}
		packages[folder] = p
		return err
	}))
	return packages
}

// foreign are the imports of a package except for the standard library, those of this module
// by their folders.
func foreign(p *build.Package) (paths []string) {
	for _, path := range p.Imports {
		if host, _, _ := strings.Cut(path, "/"); !strings.Contains(host, ".") {
			continue
		}
		if path == module {
			path = "."
		}
		paths = append(paths, strings.TrimPrefix(path, module+"/"))
	}
	return paths
}

func TestImports(t *testing.T) {
	t.Parallel()
	packages := packagesOfModule(t)
	require.ElementsMatch(t, slices.Collect(maps.Keys(imports)), slices.Collect(maps.Keys(packages)), "the packages in the table, and those that there are")
	for folder, p := range packages {
		require.ElementsMatch(t, strings.Fields(imports[folder]), foreign(p), "the imports of %s in the table, and those of its files on any system", folder)
	}
}

// Each package under internal/ is one room: its comment says what it does, and it has
// few files.
func TestInternalPackages(t *testing.T) {
	testkit.NotUnderRace(t)
	t.Parallel()
	for folder, p := range packagesOfModule(t) {
		if !isInternal(folder) {
			continue
		}
		require.NotEmpty(t, p.Doc, "%s has no package comment", folder)
		require.LessOrEqual(t, len(p.GoFiles), 12, "%s has %v", folder, p.GoFiles)
	}
}
