package lenient_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci/internal/lenient"
	"example.com/gitlabci/internal/testkit"
)

// A thing has a field of each kind that responses have.
type thing struct {
	inner

	Text    string            `json:"text"`
	Number  int64             `json:"number"`
	Small   int               `json:"small"`
	Real    float64           `json:"real"`
	Is      bool              `json:"is"`
	At      time.Time         `json:"at,omitzero"`
	Perhaps *float64          `json:"perhaps"`
	Word    word              `json:"word"`
	One     *inner            `json:"one"`
	Many    []inner           `json:"many"`
	Texts   []string          `json:"texts"`
	Map     map[string]string `json:"map"`
	Any     any               `json:"any"`
	Output  string            `json:"system_output"`
	Ours    string            `json:"-"`
}

type inner struct {
	Name string `json:"name"`
}

type word string

const wholeThing = `{"name":"n","text":"t","number":9007199254740993,"small":-1,"real":0.5,"is":true,"at":"2026-02-03T04:05:06.789+02:00","perhaps":0,"word":"w",` +
	`"one":{"name":"o"},"many":[{"name":"a"},{"name":"b"}],"texts":["x","y"],"map":{"k":"v"},"any":{"a":[1,null,"z"]},"system_output":"out"}`

// again is an object in which a name of no interest is repeated, which only the
// forgiving pass accepts.
func again(object string) string {
	return strings.TrimSuffix(strings.TrimSpace(object), "}") + `,"no one has this":0,"no one has this":0}`
}

// What the strict pass accepts, the forgiving one decodes to the same.
func TestPassesAgree(t *testing.T) {
	strict, _, err := lenient.Object[*thing](t.Context(), []byte(wholeThing))
	require.NoError(t, err)
	require.Equal(t, "n", strict.Name)
	require.EqualValues(t, int64(9007199254740993), strict.Number)
	require.Equal(t, new(0.0), strict.Perhaps)
	require.Equal(t, map[string]any{"a": []any{1.0, nil, "z"}}, strict.Any)
	require.Len(t, strict.Many, 2)
	kind, _, err := lenient.Object[*thing](t.Context(), []byte(again(wholeThing)))
	require.NoError(t, err)
	require.Equal(t, strict, kind)
}

// A value of another type is converted as far as it has a meaning, and else is zero.
func TestValuesOfAnotherType(t *testing.T) {
	at := time.Date(2026, 2, 3, 0, 0, 0, 0, time.UTC)
	for object, want := range map[string]thing{
		`{"text":7}`:                       {Text: "7"},
		`{"text":true,"word":1.50}`:        {Text: "true", Word: "1.50"},
		`{"text":{"a":1},"word":[1]}`:      {},
		`{"text":null,"word":null}`:        {},
		`{"system_output":{"a": 1}}`:       {Output: `{"a": 1}`},
		`{"system_output":["a","b"]}`:      {Output: `["a","b"]`},
		`{"number":"7","small":7.0}`:       {Number: 7, Small: 7},
		`{"number":7e1,"small":"-7e0"}`:    {Number: 70, Small: -7},
		`{"number":1.5,"small":"seven"}`:   {},
		`{"number":9223372036854775808}`:   {},
		`{"number":[7],"small":{}}`:        {},
		`{"real":"0.5","perhaps":"30.00"}`: {Real: 0.5, Perhaps: new(30.0)},
		`{"real":"NaN","perhaps":"+Inf"}`:  {},
		`{"real":1e400,"perhaps":"none"}`:  {},
		`{"real":"x","perhaps":null}`:      {},
		`{"is":"true"}`:                    {Is: true},
		`{"is":1}`:                         {Is: true},
		`{"is":"perhaps"}`:                 {},
		`{"at":"2026-02-03"}`:              {At: at},
		`{"at":1770076800}`:                {},
		`{"at":""}`:                        {},
		`{"one":[],"many":{},"map":[]}`:    {},
		`{"one":"o","texts":"x"}`:          {},
		`{"many":[1,{"name":"a"},null]}`:   {Many: []inner{{}, {"a"}, {}}},
		`{"texts":[1,"a",null,{}]}`:        {Texts: []string{"1", "a", "", ""}},
		`{"map":{"a":1,"b":null,"c":[]}}`:  {Map: map[string]string{"a": "1", "b": "", "c": ""}},
		`{"any":1,"text":1}`:               {Any: 1.0, Text: "1"},
		`{"Text":"x","TEXT":"y","-":"z"}`:  {},
		"{\"text\":\"\xff\\ud800\"}":       {Text: "\uFFFD\uFFFD"},
		"{\"text\":7,\"word\":\"\xff\"}":   {Text: "7", Word: "\uFFFD"},
	} {
		for _, body := range []string{object, again(object)} {
			got, _, err := lenient.Object[*thing](t.Context(), []byte(body))
			require.NoError(t, err, body)
			require.Equal(t, &want, got, body)
		}
	}
}

// Of a name that is repeated, the last value counts alone.
func TestRepeatedNames(t *testing.T) {
	for object, want := range map[string]thing{
		`{"text":"a","text":"b"}`:                              {Text: "b"},
		`{"number":7,"number":null}`:                           {},
		`{"number":7,"number":"x"}`:                            {},
		`{"perhaps":7,"perhaps":null}`:                         {},
		`{"at":"2026-02-03","at":""}`:                          {},
		`{"one":{"name":"a"},"one":{}}`:                        {One: &inner{}},
		`{"one":{"name":"a"},"one":7}`:                         {},
		`{"many":[{"name":"a"},{"name":"b"}],"many":[{}]}`:     {Many: []inner{{}}},
		`{"map":{"a":"b"},"map":{"c":"d","c":"e"}}`:            {Map: map[string]string{"c": "e"}},
		`{"any":{"a":1},"any":{"b":2}}`:                        {Any: map[string]any{"b": 2.0}},
		`{"one":{"name":"a","name":"b"},"name":1,"name":null}`: {One: &inner{"b"}},
	} {
		got, _, err := lenient.Object[*thing](t.Context(), []byte(object))
		require.NoError(t, err, object)
		require.Equal(t, &want, got, object)
	}
}

func TestNotOneObject(t *testing.T) {
	for _, body := range []string{``, ` `, `null`, `7`, `"{}"`, `[]`, `[{}]`, `oops`, `<html>`} {
		_, _, err := lenient.Object[*thing](t.Context(), []byte(body))
		require.ErrorIs(t, err, lenient.ErrNotObject, body)
	}
	for _, body := range []string{`{`, `{"text"}`, `{"text":"a"`, `{"text":"a"}}`, `{}{}`, `{"text":"a",}`, `{"text":01}`, "{\"text\":\"a\n\"}", `{"a":nul}`} {
		_, _, err := lenient.Object[*thing](t.Context(), []byte(body))
		require.Error(t, err, body)
		require.NotErrorIs(t, err, lenient.ErrNotObject, body)
	}
}

// Nesting without an end is an error, and no more than that.
func TestEndlessNesting(t *testing.T) {
	for _, part := range []struct{ open, end string }{{`[`, `]`}, {`{"any":`, `}`}, {`{"one":`, `}`}} {
		for _, name := range []string{"any", "one", "other", "text"} {
			body := `{"` + name + `":` + strings.Repeat(part.open, 20_000) + `1` + strings.Repeat(part.end, 20_000) + `}`
			_, _, err := lenient.Object[*thing](t.Context(), []byte(body))
			require.ErrorContains(t, err, "depth", "%s in %s", part.open, name)
		}
	}
}

func TestList(t *testing.T) {
	type named = []*inner
	for body, want := range map[string]named{
		`[]`:                           {},
		` [ ] `:                        {},
		`[{"name":"a"},{"name":"b"}]`:  {{"a"}, {"b"}},
		`[{"name":"a"},{"name":7}]`:    {{"a"}, {"7"}},
		`[null,{"name":"a"}]`:          {{"a"}},
		`[1,{"name":"a"},[],"x",null]`: {{"a"}},
		`[{"name":"a","name":"b"}]`:    {{"b"}},
		`[null]`:                       {},
	} {
		list, _, err := lenient.List[*inner](t.Context(), []byte(body))
		require.NoError(t, err, body)
		require.Equal(t, want, list, body)
	}
	for body, text := range map[string]string{
		``:                                    "not a JSON array",
		`{}`:                                  "not a JSON array",
		`null`:                                "not a JSON array",
		`[{}`:                                 "unexpected EOF",
		`[{}]]`:                               "more data",
		`[null][]`:                            "more data",
		`[null,{"name":{"a":nul}}]`:           "invalid JSON",
		`[` + strings.Repeat(`null,`, 10_000): "a list has more than 10000 elements",
	} {
		list, _, err := lenient.List[*inner](t.Context(), []byte(body))
		require.ErrorContains(t, err, text, body)
		require.Nil(t, list, body)
	}
}

// An object or a list does not stay where one item after the other has an empty text.
func TestEmptyTextsInPlaceOfObjects(t *testing.T) {
	list, _, err := lenient.List[*thing](t.Context(), []byte(`[{"one":{"name":"a"},"texts":["b"]},{"one":"","texts":""},{"one":"","texts":""}]`))
	require.NoError(t, err)
	require.Equal(t, []*thing{{One: &inner{"a"}, Texts: []string{"b"}}, {}, {}}, list)
}

func TestParseTime(t *testing.T) {
	at := time.Date(2016, 8, 11, 11, 28, 34, 0, time.UTC)
	for text, want := range map[string]time.Time{
		"2016-08-11T11:28:34Z":          at,
		"2016-08-11T11:28:34.250Z":      at.Add(250 * time.Millisecond),
		"2016-08-11T13:28:34+02:00":     at,
		"2016-08-11T13:28:34+0200":      at,
		"2016-08-11T13:28:34.250+0200":  at.Add(250 * time.Millisecond),
		"2016-08-11T11:28:34":           at,
		"2016-08-11 11:28:34 UTC":       at,
		"2016-08-11 13:28:34 +0200":     at,
		"2016-08-11 11:28:34":           at,
		"2016-08-11":                    at.Truncate(24 * time.Hour),
		"9999-12-31T23:59:59.999-12:00": time.Date(10000, 1, 1, 11, 59, 59, 999e6, time.UTC),
	} {
		got, ok := lenient.ParseTime(text)
		require.True(t, ok, text)
		require.True(t, want.Equal(got), "%s: %v", text, got)
	}
	for _, text := range []string{"", "soon", "11.08.2016", "2016-08-11T25:00:00Z", "1470914914"} {
		got, ok := lenient.ParseTime(text)
		require.False(t, ok, text)
		require.True(t, got.IsZero(), text)
	}
}

// The clock of a time is read as package time does, whatever is in place of each byte of it.
func TestClocks(t *testing.T) {
	var texts []string
	for i := range len("15:04:05") {
		for c := byte(' '); c <= '~'; c++ {
			for _, clock := range []string{"00:00:00", "19:59:59", "23:09:30"} {
				texts = append(texts, "2026-04-09T"+clock[:i]+string(c)+clock[i+1:]+".000000001Z")
			}
		}
	}
	var body []map[string]string
	for _, text := range texts {
		body = append(body, map[string]string{"at": text})
	}
	encoded, err := json.Marshal(body)
	require.NoError(t, err)
	list, _, err := lenient.List[*thing](t.Context(), encoded)
	require.NoError(t, err)
	for i, got := range list {
		want, _ := time.Parse(time.RFC3339, texts[i])
		require.Equal(t, want, got.At, texts[i])
	}
}

// A time in an object is read as package time does, and in the other layouts.
func FuzzTime(f *testing.F) {
	for _, text := range oddTimes {
		f.Add(text[1 : len(text)-1])
	}
	f.Add("2026-04-09T05:29:59.801Z and more")
	f.Fuzz(func(t *testing.T, text string) {
		body, err := json.Marshal(map[string]string{"at": text})
		require.NoError(t, err)
		var want time.Time
		if want.UnmarshalText([]byte(text)) != nil {
			want, _ = lenient.ParseTime(text)
		}
		list, _, err := lenient.List[*thing](t.Context(), fmt.Appendf(nil, `[%s,{"at":"2026-04-09T05:29:59Z"},%[1]s]`, body))
		require.NoError(t, err)
		for _, got := range []time.Time{list[0].At, list[2].At} {
			require.Equal(t, want, got, text)
		}
	})
}

func TestEncode(t *testing.T) {
	many := map[string]int{}
	for i := range 100 {
		many[fmt.Sprint(i)] = i
	}
	first, err := lenient.Encode(many)
	require.NoError(t, err)
	second, err := lenient.Encode(many)
	require.NoError(t, err)
	require.Equal(t, string(first), string(second))
	_, err = lenient.Encode(func() {})
	require.Error(t, err)
	_, err = lenient.Encode("\xff")
	require.Error(t, err, "a request has valid UTF-8")
}

// Whatever arrives, a result is whole: written as JSON, it is decoded to itself by
// either pass. The elements of a list are decoded as an object is.
func FuzzPasses(f *testing.F) {
	f.Add(wholeThing)
	for _, name := range []string{"name", "text", "number", "small", "real", "is", "at", "perhaps", "word", "one", "many", "texts", "map", "any", "system_output"} {
		for _, value := range []string{`null`, `true`, `-0`, `1.5`, `"42"`, `""`, `{}`, `[]`, `{"name":7}`, `[{"name":null},1]`, `1e400`, `9223372036854775808`, `"2026-02-03"`, `"NaN"`, `"\ud800"`, "\"\xff\""} {
			f.Add(fmt.Sprintf(`{"%s":%s}`, name, value))
			f.Add(fmt.Sprintf(`{"%s":1,"%[1]s":%s}`, name, value))
		}
	}
	f.Fuzz(func(t *testing.T, body string) {
		first, _, err := lenient.Object[*thing](t.Context(), []byte(body))
		list, _, listErr := lenient.List[*thing](t.Context(), []byte("["+body+"]"))
		if err != nil {
			return
		}
		require.NoError(t, listErr)
		require.Equal(t, []*thing{first}, list)
		data, err := json.Marshal(first)
		require.NoError(t, err)
		for _, text := range []string{string(data), again(string(data))} {
			second, _, err := lenient.Object[*thing](t.Context(), []byte(text))
			require.NoError(t, err, text)
			require.True(t, first.At.Equal(second.At), text)
			second.At = first.At
			require.Equal(t, first, second, text)
		}
	})
}

// A response that would fill the memory is refused, wherever its parts are kept.
// One whose parts are not kept, or are as small as their text, is not.
func TestTooLarge(t *testing.T) {
	testkit.NotUnderRace(t)
	testkit.Needs64Bits(t)
	for i, test := range []struct {
		before, part, behind string
		is                   error
	}{
		{`{"many":[{}`, `,{}`, `]}`, lenient.ErrTooLarge},
		{`{"text":"`, `\\,[{}`, `"}`, nil},
		{`{"texts":[""`, `,""`, `]}`, lenient.ErrTooLarge},
		{`{"texts":["`, `x`, `"]}`, nil},
		{`{"any":[0`, `,0`, `]}`, lenient.ErrTooLarge},
		{`{"any":{"a":[[]`, `,[]`, `]}}`, lenient.ErrTooLarge},
		{`{"m\u0061ny":[{}`, `,{}`, `]}`, lenient.ErrTooLarge},
		{`{"text":[0],"many":[0,[],{"many":1}`, `,{}`, `]}`, lenient.ErrTooLarge},
		{`{"other":[{}`, `,{}`, `],"text":""}`, nil},
		{`{"one":{"many":[{}`, `,{}`, `]}}`, nil},
		{`{"system_output":[0`, `,0`, `]}`, nil},
		{`{"many":[]`, ` `, `}`, nil},
	} {
		if !testkit.Sampled(i, 2) {
			continue
		}
		_, _, err := lenient.Object[*thing](t.Context(), fill(test.before, test.part, test.behind))
		require.ErrorIs(t, err, test.is, test.before)
	}
}

// A list has at most 10,000 elements, and these are charged for what they hold.
func TestTooLargeAList(t *testing.T) {
	testkit.NotUnderRace(t)
	testkit.Needs64Bits(t)
	_, _, err := lenient.List[*thing](t.Context(), fill(`[{"many":[{}`, `,{}`, `]}]`))
	require.ErrorIs(t, err, lenient.ErrTooLarge)
	_, _, err = lenient.List[*thing](t.Context(), fill(`[{}`, `,{}`, `]`))
	require.ErrorContains(t, err, "a list has more than 10000 elements")
}

// fill repeats a part until the whole is larger than what may always be decoded.
func fill(before, part, behind string) []byte {
	return []byte(before + strings.Repeat(part, 9<<20/len(part)) + behind)
}
