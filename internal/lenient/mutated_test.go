package lenient_test

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci/internal/testkit"
)

// A mutator makes pages of the objects in the golden files: some as they are, some as the
// one before, and some changed in a few places.
type mutator struct {
	*rand.Rand
	objects map[string][]*tree // by the name of the file
	names   []string
}

// A tree is a JSON value. Unlike a map, it keeps the order of names, and repeats them.
type tree struct {
	kind   byte     // '{', '[' or 0
	scalar string   // JSON
	names  []string // JSON
	values []*tree
}

func newMutator(t testing.TB) *mutator {
	files, err := filepath.Glob(testkit.ModuleFile(t, "testdata/*.json"))
	require.NoError(t, err)
	seeds, err := filepath.Glob(testkit.ModuleFile(t, "testdata/seed/*.json"))
	require.NoError(t, err)
	m := &mutator{objects: map[string][]*tree{}}
	for _, file := range append(files, seeds...) {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		all := []*tree{readTree(t, json.NewDecoder(bytes.NewReader(text)))}
		if all[0].kind == '[' {
			all = all[0].values
		}
		for _, suite := range all[0].values {
			if suite.kind == '[' && strings.HasSuffix(file, "test_report.json") {
				all = append(all, suite.values...)
			}
		}
		name := filepath.Base(file)
		m.objects[name] = append(m.objects[name], all...)
	}
	m.objects["item.json"] = []*tree{readTree(t, json.NewDecoder(strings.NewReader(anItem))), readTree(t, json.NewDecoder(strings.NewReader(wholeThing)))}
	for name := range m.objects {
		m.names = append(m.names, name)
	}
	slices.Sort(m.names)
	return m
}

func readTree(t testing.TB, tokens *json.Decoder) *tree {
	tokens.UseNumber()
	token, err := tokens.Token()
	require.NoError(t, err)
	bracket, ok := token.(json.Delim)
	if !ok {
		scalar, err := json.Marshal(token)
		require.NoError(t, err)
		return &tree{scalar: string(scalar)}
	}
	v := &tree{kind: byte(bracket)}
	for tokens.More() {
		if v.kind == '{' {
			name, err := tokens.Token()
			require.NoError(t, err)
			v.names = append(v.names, `"`+name.(string)+`"`)
		}
		v.values = append(v.values, readTree(t, tokens))
	}
	_, err = tokens.Token()
	require.NoError(t, err)
	return v
}

// page is a page of objects from golden files with such a name, most of them valid JSON.
func (m *mutator) page(name string) []byte {
	var some []*tree
	for _, file := range m.names {
		if strings.Contains(file, name) && (name != "" || file == "item.json") {
			some = append(some, m.objects[file]...)
		}
	}
	var before *tree
	var written []string
	for range 1 + m.IntN(5) {
		object := some[m.IntN(len(some))]
		if before != nil && m.IntN(3) > 0 {
			object = before
		}
		object = object.clone()
		for range []int{0, 1, 1, 2, 5}[m.IntN(5)] {
			m.mutate(object, some)
		}
		var text strings.Builder
		m.write(&text, object, m.IntN(8) == 0)
		written, before = append(written, text.String()), object
		if m.IntN(4) == 0 {
			written = append(written, text.String())
		}
	}
	page := []byte("[" + strings.Join(written, ",") + "]")
	if m.IntN(8) == 0 {
		m.damage(&page)
	}
	return page
}

func (v *tree) clone() *tree {
	copied := *v
	copied.names, copied.values = slices.Clone(v.names), make([]*tree, len(v.values))
	for i, value := range v.values {
		copied.values[i] = value.clone()
	}
	return &copied
}

// inside are the objects and lists in a value that have something in them.
func (v *tree) inside(found []*tree) []*tree {
	if len(v.values) > 0 {
		found = append(found, v)
	}
	for _, value := range v.values {
		found = value.inside(found)
	}
	return found
}

// Values that are, or are nearly, of a kind.
var (
	oddNumbers = strings.Fields(`0 -0 7 -7.0 1.5 0.1 01 -01.5 1. 123456789012345 1234567890123456 123456789012345678 1234567890123.45 12345678901234.56 0.123456789012345 0.1234567890123456
		99999999999999.9 9999999999999.999 9007199254740.9931 -999999999999999.9 2147483647 2147483648 -2147483649 9223372036854775807 9223372036854775808 1e3 1E-7 1e400 12.000`)
	oddTimes = strings.Fields(`"2026-04-09T05:29:59Z" "2026-04-09T05:29:59.801Z" "2026-04-09T05:29:59.123456789+02:00" "2026-04-09T05:29:59.1234567891Z" "2026-02-30T00:00:00Z" "2024-02-29T23:59:59-11:30"
		"2026-04-09T05:29:60Z" "2026-04-09T05:60:59Z" "2026-04-09T24:00:00Z" "2026-04-09T05:29:59+00:00" "2026-04-09T05:29:59+24:00" "2026-04-09T05:29:59-23:60" "2026-04-09" "2026-04-09t05:29:59Z"
		"2026-04-09T05:29:59.Z" "2026-04-09T05:29:59,5Z" "2026-04-09T05:29:59z" "2026-04-31T05:29:59Z" "2026-00-09T05:29:59Z" "2026-13-09T05:29:59Z" "2026-04-00T05:29:59Z" "0000-01-01T00:00:00Z" "9999-12-31T23:59:59-12:00"`)
	oddTexts   = strings.Fields(`"" "7" "0.5" "NaN" "true" "main" "x" "text-that-is-a-little-longer" "é" "\u00e9" "\ud83d\ude00" "\ud800" "a\\b\"c\/d\n"`)
	oddOthers  = strings.Fields(`null true false {} [] [null] {"a":1} ["x"] [[]]`)
	oddScalars = slices.Concat(oddNumbers, oddTimes, oddTexts, oddOthers)
)

// alike is a value that is nearly of the same kind.
func (m *mutator) alike(scalar string) string {
	like := oddOthers
	switch {
	case m.IntN(2) == 0:
		return m.otherDigit(scalar)
	case strings.HasPrefix(scalar, `"2`):
		like = oddTimes
	case scalar[0] == '"':
		like = oddTexts
	case scalar[0] <= '9':
		like = oddNumbers
	}
	return like[m.IntN(len(like))]
}

// mutate changes one place of an object.
func (m *mutator) mutate(object *tree, others []*tree) {
	places := object.inside(nil)
	if len(places) == 0 {
		return
	}
	in := places[m.IntN(len(places))]
	i, n := m.IntN(len(in.values)), len(in.values)
	switch m.IntN(10) {
	case 0, 1:
		in.values[i] = &tree{scalar: oddScalars[m.IntN(len(oddScalars))]}
	case 2:
		if value := in.values[i]; value.kind == 0 {
			value.scalar = m.alike(value.scalar)
		}
	case 3:
		m.without(in, i)
	case 4: // repeated, with this value or another one's
		in.values = slices.Insert(in.values, m.IntN(n+1), in.values[m.IntN(n)].clone())
		if in.kind == '{' {
			in.names = slices.Insert(in.names, m.IntN(n+1), in.names[i])
		}
	case 5: // somewhere else
		j := m.IntN(n)
		in.values[i], in.values[j] = in.values[j], in.values[i]
		if in.kind == '{' {
			in.names[i], in.names[j] = in.names[j], in.names[i]
		}
	case 6:
		if in.kind == '{' {
			in.names[i] = m.otherName(in.names[i])
		}
	case 7:
		from := others[m.IntN(len(others))].inside(nil)
		if len(from) > 0 {
			in.values[i] = from[m.IntN(len(from))].clone()
		}
	case 8:
		if in.kind == '{' {
			at := m.IntN(n + 1)
			in.names = slices.Insert(in.names, at, []string{`"new"`, `"name"`, `"id"`, `"a name that is too long to be remembered, as it has more than sixty-four bytes"`}[m.IntN(4)])
			in.values = slices.Insert(in.values, at, &tree{scalar: oddScalars[m.IntN(len(oddScalars))]})
		}
	default: // all of an object
		for _, value := range in.values {
			if value.kind == 0 && m.IntN(2) == 0 {
				value.scalar = m.alike(value.scalar)
			}
		}
	}
}

func (m *mutator) without(in *tree, i int) {
	in.values = slices.Delete(in.values, i, i+1)
	if in.kind == '{' {
		in.names = slices.Delete(in.names, i, i+1)
	}
}

// otherDigit changes one digit or letter.
func (m *mutator) otherDigit(scalar string) string {
	text := []byte(scalar)
	i := m.IntN(len(text))
	switch c := text[i]; {
	case '1' <= c && c <= '9':
		text[i] = byte('1' + m.IntN(9))
	case 'a' <= c && c <= 'z' && text[0] == '"' && text[i-1] != '\\':
		text[i] = byte('a' + m.IntN(26))
	}
	return string(text)
}

// otherName writes a name in another way, or another name.
func (m *mutator) otherName(name string) string {
	switch m.IntN(3) {
	case 0:
		return strings.Replace(name, "i", `\u0069`, 1)
	case 1:
		return strings.ToUpper(name[:2]) + name[2:]
	}
	return `"other_` + name[1:]
}

// write writes a value, perhaps with white space.
func (m *mutator) write(to *strings.Builder, v *tree, spaced bool) {
	space := func() {
		if spaced && m.IntN(3) == 0 {
			to.WriteString([]string{" ", "\n", "\t ", "\r\n  "}[m.IntN(4)])
		}
	}
	space()
	defer space()
	if v.kind == 0 {
		to.WriteString(v.scalar)
		return
	}
	to.WriteByte(v.kind)
	for i, value := range v.values {
		if i > 0 {
			to.WriteByte(',')
		}
		if v.kind == '{' {
			space()
			to.WriteString(v.names[i])
			space()
			to.WriteByte(':')
		}
		m.write(to, value, spaced)
	}
	space()
	to.WriteByte(v.kind + 2)
}

// damage changes bytes wherever they are, which mostly is the end of valid JSON.
func (m *mutator) damage(page *[]byte) {
	p := *page
	i := m.IntN(len(p))
	switch m.IntN(5) {
	case 0:
		p[i] = byte(m.IntN(256))
	case 1:
		p = p[:i]
	case 2:
		p = slices.Insert(p, i, byte(`{}[],:"\01 `[m.IntN(11)]))
	case 3:
		p = slices.Delete(p, i, i+1)
	default:
		j := min(len(p), i+m.IntN(40))
		p = slices.Insert(p, i, p[i:j]...)
	}
	*page = p
}
