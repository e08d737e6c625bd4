package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"slices"
	"strings"
	"testing"
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

type imports map[string]*types.Package

func (i imports) Import(path string) (*types.Package, error) { return i[path], nil }

func check(t *testing.T, path, source string, known imports) *types.Package {
	t.Helper()
	files := token.NewFileSet()
	parsed, err := parser.ParseFile(files, path+".go", source, 0)
	if err != nil {
		t.Fatal(err)
	}
	pkg, err := (&types.Config{Importer: known}).Check(path, files, []*ast.File{parsed}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return pkg
}

func checkShown(t *testing.T) *types.Package {
	t.Helper()
	const path = "x/internal/hidden"
	return check(t, "x/shown", shown, imports{path: check(t, path, hidden, nil)})
}

func TestDescribe(t *testing.T) {
	want := strings.Split(strings.TrimSpace(`
shown: const C untyped int = 1
shown: const S Word = "s"
shown: field Base.Word Word
shown: field Page.Items []*T
shown: field Struct embeds *hidden.T
shown: field Struct embeds Base
shown: field Struct.Field []chan hidden.T
shown: func F(list ...Word) Page[Word]
shown: method (*Struct) Good(a Word, b Word) (n int, err error)
shown: method (Seam) Do(Word) Page[hidden.T]
shown: method (Struct) Bad() (_ hidden.T)
shown: type Alias = hidden.T
shown: type Base struct
shown: type Callback func(hidden.T)
shown: type ID = Word
shown: type Page[T any] struct
shown: type Seam interface
shown: type Seam interface has unexported methods
shown: type Struct struct
shown: type Word string
shown: var V map[string]*hidden.T
`), "\n")
	got := describe(checkShown(t))
	for _, change := range compare(want, got) {
		t.Error(change)
	}
	if !slices.IsSorted(got) {
		t.Error("the lines are not sorted")
	}
}
