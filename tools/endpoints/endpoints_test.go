package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
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

func TestPage(t *testing.T) {
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "p.go"), []byte(source), 0o600))
	methods, err := read(folder)
	require.NoError(t, err)
	page := string(write(methods))
	rest, found := strings.CutPrefix(page, introduction)
	require.True(t, found)
	require.Equal(t, `
## Things

| endpoint | methods |
|---|---|
| [`+"`GET /things/:id`](https://docs.gitlab.com/api/things/#get-a-thing) | `Again`, `Get`"+` |
| [`+"`DELETE /things/:id`](https://docs.gitlab.com/api/things/#delete) | `Again`, `Delete`"+` |

## Methods that call more endpoints

| method | what it does | endpoints |
|---|---|---|
| `+"`Things.Watch` | Watch reads it again and again. | `GET /things/:id`, `GET /things/:id/parts`, `GET /others`"+` |
`, rest)
}

func TestCommentsWithoutAnEndpoint(t *testing.T) {
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "p.go"), []byte("package p\ntype ThingsService struct{}\n// Get gets.\nfunc (s *ThingsService) Get() {}\n"), 0o600))
	_, err := read(folder)
	require.EqualError(t, err, "comments that name no endpoint: Things.Get")
}
