package main

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// A method is one of a service, with what its comment says.
type method struct {
	service, name string
	does          string   // the first sentence
	endpoints     []string // such as "GET /projects/:id/pipelines"
	section       string   // of GitLab's documentation, or ""
}

var (
	endpointLine = regexp.MustCompile(`(?m)^\t((?:GET|HEAD|POST|PUT|PATCH|DELETE) /\S+)`)
	sectionLink  = regexp.MustCompile(`https://docs\.gitlab\.com/\S*[^\s.,;)]`)
)

// read returns the methods of the services of the package in a folder that call
// endpoints, by service and name.
func read(folder string) ([]method, error) {
	pkg, err := parse(folder)
	if err != nil {
		return nil, err
	}
	var methods []method
	var silent []string
	for _, service := range pkg.Types {
		name, isService := strings.CutSuffix(service.Name, "Service")
		if !isService {
			continue
		}
		for _, function := range service.Methods {
			m := method{service: name, name: function.Name, does: pkg.Synopsis(function.Doc), section: sectionLink.FindString(function.Doc)}
			for _, line := range endpointLine.FindAllStringSubmatch(function.Doc, -1) {
				m.endpoints = append(m.endpoints, line[1])
			}
			if len(m.endpoints) == 0 {
				silent = append(silent, name+"."+function.Name)
			}
			methods = append(methods, m)
		}
	}
	if len(silent) > 0 {
		return nil, fmt.Errorf("comments that name no endpoint: %s", strings.Join(silent, ", "))
	}
	slices.SortFunc(methods, func(a, b method) int {
		return cmp.Or(cmp.Compare(a.service, b.service), cmp.Compare(a.name, b.name))
	})
	return methods, nil
}

// parse reads the documentation of a package.
func parse(folder string) (*doc.Package, error) {
	paths, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		return nil, err
	}
	files := token.NewFileSet()
	var sources []*ast.File
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		source, err := parser.ParseFile(files, path, nil, parser.ParseComments)
		if err != nil {
			return nil, err
		}
		sources = append(sources, source)
	}
	return doc.NewFromFiles(files, sources, "example.com/gitlabci")
}
