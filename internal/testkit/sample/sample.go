// Package sample has the source of a package that exports names of each kind, for
// tests of code that reads exported names. It imports only the standard library, so that
// other modules of this repository can use it too.
package sample

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
)

const hidden = `package hidden
type T struct{}
`

const shown = `package shown
import "x/internal/hidden"
const C = 1
const S Word = "s"
var V map[string]*hidden.T
type Word string
type ID = Word
type Alias = hidden.T
type Struct struct {
	Base
	*hidden.T
	Field []chan hidden.T
	own   hidden.T
}
type Base struct{ Word Word }
type Page[T any] struct{ Items []*T }
type Callback func(hidden.T)
type Seam interface {
	Do(Word) Page[hidden.T]
	own(hidden.T)
}
func (s *Struct) Good(a, b Word) (n int, err error) { return }
func (Struct) Bad() (_ hidden.T) { return }
func (Struct) own2() (_ hidden.T) { return }
func F(list ...Word) Page[Word] { return Page[Word]{} }
func own() {}
`

// Package returns the package "x/shown". Some of its exported names have the type T of
// the package "x/internal/hidden".
func Package() (*types.Package, error) {
	const path = "x/internal/hidden"
	inner, err := check(path, hidden, nil)
	if err != nil {
		return nil, err
	}
	return check("x/shown", shown, importMap{path: inner})
}

type importMap map[string]*types.Package

func (i importMap) Import(path string) (*types.Package, error) { return i[path], nil }

func check(path, source string, known importMap) (*types.Package, error) {
	files := token.NewFileSet()
	parsed, err := parser.ParseFile(files, path+".go", source, 0)
	if err != nil {
		return nil, err
	}
	return (&types.Config{Importer: known}).Check(path, files, []*ast.File{parsed}, nil)
}
