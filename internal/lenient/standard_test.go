package lenient_test

import (
	"bytes"
	"encoding/json"
	"io"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci/internal/lenient"
)

// What is JSON for encoding/json is JSON here, and nothing else is. An object without
// surprises, for which encoding/json has no error, decodes to the same.
func FuzzLikeTheStandardLibrary(f *testing.F) {
	f.Add(wholeThing)
	for _, value := range []string{
		`-0`, `01`, `1.`, `.5`, `1e5`, `1E+`, `-`, `+1`, `1e400`, `nul`, `nulll`, `truefalse`, `"\u12"`, `"\ud83d\ude00"`, `"\x"`, "\"\t\"", "\"\xff\"", `"a`,
		`[1,]`, `[,1]`, `[1 2]`, `{"a":1,}`, `{"a"}`, `{a:1}`, `{"a":1 "b":2}`, `[}`, `{]`, `[[[[]]]]`, ``, ` `, `/**/1`, "\ufeff1", `{"a":{"b":[{"c":null}]}}`,
	} {
		f.Add(value)
		f.Add(`{"name":` + value + `}`)
		f.Add(`{"any":` + value + `, "map" : {"a":` + value + "}\n}")
		f.Add(`{"unknown":` + value + `,"number":7}`)
	}
	names := fieldNames(reflect.TypeFor[thing]())
	f.Fuzz(func(t *testing.T, body string) {
		_, _, err := lenient.Object[*thing](t.Context(), []byte(body))
		isObject := strings.HasPrefix(strings.TrimLeft(body, " \t\r\n"), "{")
		require.Equal(t, json.Valid([]byte(body)) && isObject, err == nil, "%v", err)
		var fields map[string]any
		numbers := json.NewDecoder(strings.NewReader(body))
		numbers.UseNumber()
		if !isObject || numbers.Decode(&fields) != nil {
			return
		}
		keepNames(fields, names)
		plain, err := json.Marshal(fields)
		require.NoError(t, err)
		var want thing
		if json.NewDecoder(bytes.NewReader(plain)).Decode(&want) != nil {
			return
		}
		got, _, err := lenient.Object[*thing](t.Context(), plain)
		require.NoError(t, err)
		require.True(t, want.At.Equal(got.At))
		got.At = want.At
		require.Equal(t, &want, got, "%s", plain)
	})
}

// keepNames deletes all names but these, on every level: for encoding/json, a name may
// differ from that of a field in its case.
func keepNames(value any, names map[string]bool) {
	switch value := value.(type) {
	case map[string]any:
		for name, inside := range value {
			if keepNames(inside, names); !names[name] {
				delete(value, name)
			}
		}
	case []any:
		for _, inside := range value {
			keepNames(inside, names)
		}
	}
}

// fieldNames has the names of a struct's fields in JSON.
func fieldNames(t reflect.Type) map[string]bool {
	names := map[string]bool{}
	for field := range t.Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if name != "" {
			names[name] = true
			continue
		}
		for inner := range fieldNames(field.Type) {
			names[inner] = true
		}
	}
	return names
}

// However a body arrives, a stream finds the same objects in it.
func FuzzStreamInPieces(f *testing.F) {
	f.Add(`{"list":[{"name":"a"},{"name":"\"}]"},null,7,"x",[{}],{"name":"b"}],"more":{"a":[1,2.5e-3,true]}} `, uint8(1))
	f.Add(`{"list":[{"name":"a"`, uint8(3))
	f.Add(`{"list":[12345678]}`, uint8(2))
	f.Add(`{"list":{"a":"\\"},"more":nul}`, uint8(1))
	f.Add("\x00{}", uint8(2))
	f.Add("{}\x00", uint8(2))
	f.Fuzz(func(t *testing.T, body string, size uint8) {
		read := func(size int) (names []string, errText string) {
			s := lenient.NewStream(&piecesOf{[]byte(body), size}, 1<<20)
			err := s.Whole(func(name string) error {
				if name != "list" {
					return s.Skip()
				}
				return lenient.Objects(s, func(object *inner) bool {
					names = append(names, object.Name)
					return true
				})
			})
			if err != nil {
				errText = err.Error()
			}
			return names, errText
		}
		names, errText := read(len(body) + 1)
		inPieces, errInPieces := read(int(size%16) + 1)
		require.Equal(t, names, inPieces)
		require.Equal(t, errText, errInPieces)
		if errText == "" {
			require.True(t, json.Valid([]byte(body)))
		}
	})
}

// piecesOf is a body that arrives so many bytes at a time.
type piecesOf struct {
	body []byte
	size int
}

func (p *piecesOf) Read(b []byte) (int, error) {
	if len(p.body) == 0 {
		return 0, io.EOF
	}
	n := copy(b, p.body[:min(p.size, len(p.body))])
	p.body = p.body[n:]
	return n, nil
}
