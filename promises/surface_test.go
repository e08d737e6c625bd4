package promises_test

import (
	"fmt"
	"go/importer"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci/internal/testkit"
	"example.com/gitlabci/internal/testkit/sample"
)

// A type of an internal package in an exported signature or field cannot be written down
// by the program that is handed it, and go doc shows nothing of it.
func TestNoInternalTypesAreExported(t *testing.T) {
	testkit.NotUnderRace(t)
	t.Parallel()
	eachPublicPackage(t, func(_ string, pkg *types.Package, _ types.Importer, _ []string) {
		require.Empty(t, internalTypes(pkg), pkg.Path())
	})
}

// eachPublicPackage calls check with the folder of each package that other modules can import,
// the package, what imports others, and its test files.
func eachPublicPackage(t *testing.T, check func(folder string, pkg *types.Package, load types.Importer, tests []string)) {
	t.Helper()
	packages := packagesOfModule(t) // which also makes a cached result depend on the files
	load := compiledPackages(t)
	for folder, p := range packages {
		if p.Name == "main" || isInternal(folder) || len(p.GoFiles) == 0 {
			continue
		}
		pkg, err := load.Import(strings.TrimSuffix(module+"/"+folder, "/."))
		require.NoError(t, err)
		check(folder, pkg, load, p.XTestGoFiles)
	}
}

// compiledPackages imports packages of this module and what they import as the go command
// has compiled them, for this test among others.
func compiledPackages(t *testing.T) types.Importer {
	t.Helper()
	files, err := compiledFiles()
	require.NoError(t, err)
	return importer.ForCompiler(token.NewFileSet(), "gc", func(path string) (io.ReadCloser, error) {
		return os.Open(files[path])
	})
}

// compiledFiles returns the files of [compiledPackages], by the paths of the packages.
var compiledFiles = sync.OnceValues(func() (map[string]string, error) {
	list := exec.Command("go", "list", "-export", "-deps", "-race="+strconv.FormatBool(testkit.UnderRace()), "-f", "{{.ImportPath}} {{.Export}}", "./...")
	list.Dir = ".."
	out, err := list.Output()
	files := map[string]string{}
	for line := range strings.Lines(string(out)) {
		path, file, _ := strings.Cut(strings.TrimSpace(line), " ")
		files[path] = file
	}
	return files, err
})

// isInternal reports whether other modules cannot import a path.
func isInternal(path string) bool { return slices.Contains(strings.Split(path, "/"), "internal") }

// internalTypes returns the exported names of a package whose types other modules
// cannot name, since they are of a package that they cannot import.
func internalTypes(pkg *types.Package) (found []string) {
	for _, name := range pkg.Scope().Names() {
		object := pkg.Scope().Lookup(name)
		if !object.Exported() {
			continue
		}
		for where, t := range exported(object) {
			if hidden := internalIn(t); hidden != nil {
				found = append(found, fmt.Sprintf("%s.%s has the type %s", pkg.Name(), where, hidden))
			}
		}
	}
	slices.Sort(found)
	return found
}

// exported returns the types that the documentation of an exported name shows, by
// where they stand.
func exported(object types.Object) map[string]types.Type {
	shown := map[string]types.Type{object.Name(): object.Type()}
	named, ok := object.Type().(*types.Named)
	if _, isType := object.(*types.TypeName); !ok || !isType {
		return shown
	}
	for method := range named.Methods() {
		if method.Exported() {
			shown[object.Name()+"."+method.Name()] = method.Type()
		}
	}
	under, ok := named.Underlying().(*types.Struct)
	if !ok {
		shown[object.Name()] = named.Underlying()
		return shown
	}
	for field := range under.Fields() {
		if field.Exported() || field.Embedded() {
			shown[object.Name()+"."+field.Name()] = field.Type()
		}
	}
	return shown
}

// internalIn finds a type of an internal package in how t is written.
func internalIn(t types.Type) types.Type {
	switch t := t.(type) {
	case *types.Alias:
		return internalIn(types.Unalias(t))
	case *types.Named:
		if pkg := t.Obj().Pkg(); pkg != nil && isInternal(pkg.Path()) {
			return t
		}
		return firstInternal(slices.Collect(t.TypeArgs().Types()))
	case *types.Map:
		return firstInternal([]types.Type{t.Key(), t.Elem()})
	case interface{ Elem() types.Type }: // a pointer, slice, array or channel
		return internalIn(t.Elem())
	case *types.Signature:
		return firstInternal([]types.Type{t.Params(), t.Results()})
	case *types.Tuple:
		return inVariables(slices.Collect(t.Variables()))
	case *types.Struct:
		return inVariables(slices.Collect(t.Fields()))
	case *types.Interface:
		for method := range t.Methods() {
			if hidden := internalIn(method.Type()); hidden != nil && method.Exported() {
				return hidden
			}
		}
	}
	return nil
}

func inVariables(list []*types.Var) types.Type {
	var all []types.Type
	for _, v := range list {
		all = append(all, v.Type())
	}
	return firstInternal(all)
}

func firstInternal(list []types.Type) types.Type {
	for _, t := range list {
		if hidden := internalIn(t); hidden != nil {
			return hidden
		}
	}
	return nil
}

func TestInternalTypesAreFound(t *testing.T) {
	t.Parallel()
	shown, err := sample.Package()
	require.NoError(t, err)
	var names []string
	for _, found := range internalTypes(shown) {
		name, _, _ := strings.Cut(strings.TrimPrefix(found, "shown."), " ")
		names = append(names, name)
	}
	require.Equal(t, []string{"Alias", "Callback", "Seam", "Struct.Bad", "Struct.Field", "Struct.T", "V"}, names)
}
