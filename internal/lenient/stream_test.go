package lenient_test

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci/internal/lenient"
)

// parts are the texts and the objects of a response; see readParts.
type parts struct {
	texts   []string
	objects []string
	lists   int
	message string
}

// readParts reads a response with the fields text, message and many, the objects of
// which it takes until one is named "last".
func readParts(s *lenient.Stream) (p parts, err error) {
	take := func(one *inner) bool {
		p.objects = append(p.objects, one.Name)
		return one.Name != "last"
	}
	err = s.Whole(func(name string) (err error) {
		switch name {
		case "text":
			var text string
			text, err = s.Text(name)
			p.texts = append(p.texts, text)
		case "message":
			p.message, err = s.Message()
		case "many":
			if s.IsList() {
				p.lists++
			}
			err = lenient.Objects(s, take)
		case "inside":
			err = s.Object(func(string) error { return s.Skip() })
		default:
			err = s.Skip()
		}
		return err
	})
	return p, err
}

func TestStream(t *testing.T) {
	for body, want := range map[string]parts{
		`{}`: {},
		`{"other":{"many":[1]},"text":"a","text":7,"text":null,"text":{"b":1}}`: {texts: []string{"a", "7", "", ""}},
		`{"many":[{"name":"a"},{"name":"b","name":7}],"many":[]}`:               {objects: []string{"a", "7"}, lists: 2},
		`{"many":{"name":"a"},"inside":[1,{}],"text":"b"}`:                      {texts: []string{"b"}},
		`{"inside":{"many":[{"name":"a"}],"text":1}}`:                           {},
		`{"message":{"base":["no"," way"],"name":["is short"]}}`:                {message: "no,  way; name: is short"},
	} {
		for _, reader := range []io.Reader{strings.NewReader(body), iotest.OneByteReader(strings.NewReader(body)), iotest.DataErrReader(strings.NewReader(body))} {
			got, err := readParts(lenient.NewStream(reader, 1000))
			require.NoError(t, err, body)
			require.Equal(t, want, got, body)
		}
	}
}

func TestStreamFails(t *testing.T) {
	broken := errors.New("broken off")
	for name, test := range map[string]struct {
		body io.Reader
		is   error
		text string
	}{
		"empty":               {strings.NewReader(``), lenient.ErrNotObject, ""},
		"list":                {strings.NewReader(`[{}]`), lenient.ErrNotObject, ""},
		"page":                {strings.NewReader(`<html>`), lenient.ErrNotObject, ""},
		"broken at the start": {iotest.ErrReader(broken), broken, ""},
		"broken":              {io.MultiReader(strings.NewReader(`{"many":[{"name":"a"},`), iotest.ErrReader(broken)), broken, ""},
		"broken at the end":   {io.MultiReader(strings.NewReader(`{}`), iotest.ErrReader(broken)), broken, ""},
		"cut off":             {strings.NewReader(`{"many":[{"name":"a"}`), io.ErrUnexpectedEOF, ""},
		"cut off in a text":   {strings.NewReader(`{"text":"a`), io.ErrUnexpectedEOF, ""},
		"more":                {strings.NewReader(`{} {}`), nil, "more data after its end"},
		"more that is broken": {strings.NewReader(`{} oops`), nil, "more data"},
		"not JSON":            {strings.NewReader(`{"text":nul}`), nil, "invalid JSON"},
		"no value":            {strings.NewReader(`{"inside":}`), nil, "invalid JSON"},
		"too long a text":     {strings.NewReader(`{"text":"` + strings.Repeat("x", 9000) + `"}`), nil, "a value is larger than the 100 bytes of WithMaxAnswer"},
		"too long to skip":    {strings.NewReader(`{"other":[` + strings.Repeat("0,", 9000) + `0]}`), nil, "a value is larger than the 100 bytes of WithMaxAnswer"},
		"too long an object":  {strings.NewReader(`{"many":[{"other":"` + strings.Repeat("x", 9000) + `"}]}`), nil, "a value is larger than the 100 bytes of WithMaxAnswer"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := readParts(lenient.NewStream(test.body, 100))
			require.Error(t, err)
			require.ErrorContains(t, err, test.text)
			if test.is != nil {
				require.ErrorIs(t, err, test.is)
			}
		})
	}
}

// A caller that has all it needs stops reading. An error in the rest of the body does not
// matter then.
func TestStreamEndsEarly(t *testing.T) {
	body := io.MultiReader(strings.NewReader(`{"many":[{"name":"first"},{"name":"last"},{"name":"never"}`), iotest.ErrReader(io.ErrClosedPipe))
	got, err := readParts(lenient.NewStream(body, 1000))
	require.Equal(t, lenient.ErrEnough, err)
	require.Equal(t, []string{"first", "last"}, got.objects)
}

// Bytes that were read ahead are not lost to the reader of the rest.
func TestStreamRest(t *testing.T) {
	page := "<html>" + strings.Repeat(" ", 10_000) + "<title>Sign in</title>"
	s := lenient.NewStream(strings.NewReader(page), 100_000)
	_, err := readParts(s)
	require.ErrorIs(t, err, lenient.ErrNotObject)
	rest, err := io.ReadAll(s.Rest())
	require.NoError(t, err)
	require.Equal(t, page, string(rest))
}
