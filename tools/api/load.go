package main

import (
	"cmp"
	"fmt"
	"go/importer"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// load returns the packages of the module in a directory that other modules can
// import, sorted by path. The types are those of the compiled packages.
func load(dir string) ([]*types.Package, error) {
	list := exec.Command("go", "list", "-export", "-deps", "-f", "{{.ImportPath}} {{.Export}} {{if not .DepOnly}}{{.Name}}{{end}}", "./...")
	list.Dir, list.Stderr = dir, os.Stderr
	listed, err := list.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	compiled := map[string]string{} // files, by path
	var public []string
	for line := range strings.Lines(string(listed)) {
		path, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		file, name, _ := strings.Cut(rest, " ")
		compiled[path] = file
		if file != "" && name != "" && name != "main" && !isInternal(path) {
			public = append(public, path)
		}
	}
	from := importer.ForCompiler(token.NewFileSet(), "gc", func(path string) (io.ReadCloser, error) {
		return os.Open(compiled[path])
	})
	var packages []*types.Package
	for _, path := range public {
		pkg, err := from.Import(path)
		if err != nil {
			return nil, err
		}
		packages = append(packages, pkg)
	}
	slices.SortFunc(packages, func(a, b *types.Package) int { return cmp.Compare(a.Path(), b.Path()) })
	return packages, nil
}

// isInternal reports whether other modules cannot import a path.
func isInternal(path string) bool {
	return slices.Contains(strings.Split(path, "/"), "internal")
}
