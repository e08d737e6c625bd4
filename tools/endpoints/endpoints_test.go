package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const source = `package p

type ThingsService struct{}

// Get returns a thing.
//
//	GET /things/:id
//
// See https://docs.gitlab.com/api/things/#get-a-thing.
func (s *ThingsService) Get() {}

// Delete deletes a thing.
//
//	DELETE /things/:id
//
// See https://docs.gitlab.com/api/things/#delete.
func (s *ThingsService) Delete() {}

// Again deletes a thing or reads it.
//
//	GET /things/:id
//	DELETE /things/:id
//
// See https://docs.gitlab.com/api/things/#again.
func (s *ThingsService) Again() {}

// Watch reads it again and again. It never ends.
//
//	GET /things/:id
//	GET /things/:id/parts
//	GET /others
func (s *ThingsService) Watch() {}
`

// folder returns a folder with a file of Go.
func folder(t *testing.T, text string) string {
	t.Helper()
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "p.go"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return folder
}

func TestPage(t *testing.T) {
	methods, err := read(folder(t, source))
	if err != nil {
		t.Fatal(err)
	}
	page := string(write(methods))
	rest, found := strings.CutPrefix(page, introduction)
	if !found {
		t.Errorf("the page does not begin with the introduction:\n%s", page)
	}
	want := `
## Things

| endpoint | methods |
|---|---|
| [` + "`GET /things/:id`](https://docs.gitlab.com/api/things/#get-a-thing) | `Again`, `Get`" + ` |
| [` + "`DELETE /things/:id`](https://docs.gitlab.com/api/things/#delete) | `Again`, `Delete`" + ` |

## Methods that call more endpoints

| method | what it does | endpoints |
|---|---|---|
| ` + "`Things.Watch` | Watch reads it again and again. | `GET /things/:id`, `GET /things/:id/parts`, `GET /others`" + ` |
`
	if rest != want {
		t.Errorf("got:\n%s\nwant:\n%s", rest, want)
	}
}

func TestCommentsWithoutAnEndpoint(t *testing.T) {
	_, err := read(folder(t, "package p\ntype ThingsService struct{}\n// Get gets.\nfunc (s *ThingsService) Get() {}\n"))
	if err == nil || err.Error() != "comments that name no endpoint: Things.Get" {
		t.Errorf("got %v", err)
	}
}
