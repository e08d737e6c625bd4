package main

import (
	"go/types"
	"slices"
	"strings"
	"testing"

	"example.com/gitlabci/internal/testkit/sample"
)

// samplePackage returns a package with every kind of exported name.
func samplePackage(t *testing.T) *types.Package {
	t.Helper()
	shown, err := sample.Package()
	if err != nil {
		t.Fatal(err)
	}
	return shown
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
	got := describe(samplePackage(t))
	for _, change := range compare(want, got) {
		t.Error(change)
	}
	if !slices.IsSorted(got) {
		t.Error("the lines are not sorted")
	}
}
