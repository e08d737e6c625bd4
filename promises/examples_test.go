package promises_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci/internal/testkit"
)

// calledByOthers are methods that programs seldom call themselves, because these packages do.
var calledByOthers = []string{
	"Error", "Is", "Unwrap", // errors
	"Format", "GoString", "LogValue", "String", // fmt, log/slog
	"EncodeValues", "MarshalJSON", "MarshalText", "UnmarshalJSON", "UnmarshalText", // encoding/json, go-querystring
	"ServeHTTP", // net/http
}

// A reader of a package's documentation finds each function and method in use: an Example of
// the same package calls it.
func TestEveryFunctionHasAnExample(t *testing.T) {
	testkit.NotUnderRace(t)
	t.Parallel()
	eachPublicPackage(t, func(folder string, pkg *types.Package, load types.Importer, tests []string) {
		functions := functionsOf(pkg)
		if len(functions) == 0 {
			return
		}
		used := usedByExamples(t, load, filepath.Join("..", folder), tests)
		var missing []string
		for _, f := range functions {
			if !used[f.FullName()] {
				missing = append(missing, f.FullName())
			}
		}
		require.Empty(t, strings.Join(missing, "\n"), "no Example of %s uses these", pkg.Path())
	})
}

// functionsOf returns the exported functions of a package, and the exported methods of its
// types. The methods of an interface are for those who implement it.
func functionsOf(pkg *types.Package) (found []*types.Func) {
	for _, name := range pkg.Scope().Names() {
		switch object := pkg.Scope().Lookup(name).(type) {
		case *types.Func:
			found = append(found, object)
		case *types.TypeName:
			if named, ok := object.Type().(*types.Named); ok && object.Exported() {
				found = slices.AppendSeq(found, named.Methods())
			}
		}
	}
	return slices.DeleteFunc(found, func(f *types.Func) bool {
		return !f.Exported() || f.Signature().Recv() != nil && slices.Contains(calledByOthers, f.Name())
	})
}

// usedByExamples returns the full names of the functions in the bodies of Examples, in the files
// of a folder whose names begin with "example".
func usedByExamples(t *testing.T, load types.Importer, folder string, names []string) map[string]bool {
	t.Helper()
	set := token.NewFileSet()
	var files []*ast.File
	for _, name := range names {
		if strings.HasPrefix(name, "example") {
			file, err := parser.ParseFile(set, filepath.Join(folder, name), nil, parser.SkipObjectResolution)
			require.NoError(t, err)
			files = append(files, file)
		}
	}
	info := &types.Info{Uses: map[*ast.Ident]types.Object{}}
	_, err := (&types.Config{Importer: load}).Check("examples_test", set, files, info)
	require.NoError(t, err)
	used := map[string]bool{}
	for _, file := range files {
		for _, d := range file.Decls {
			example, ok := d.(*ast.FuncDecl)
			if !ok || !strings.HasPrefix(example.Name.Name, "Example") {
				continue
			}
			ast.Inspect(example.Body, func(n ast.Node) bool {
				name, _ := n.(*ast.Ident)
				if f, ok := info.Uses[name].(*types.Func); ok {
					used[f.Origin().FullName()] = true
				}
				return true
			})
		}
	}
	return used
}
