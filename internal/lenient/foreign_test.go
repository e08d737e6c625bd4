package lenient

import (
	"context"
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

type ownText string

func (t *ownText) UnmarshalText(text []byte) error { *t = ownText("own " + string(text)); return nil }

type ownNumber int64

func (n *ownNumber) UnmarshalJSON([]byte) error { *n = 5; return nil }

type embedded struct {
	ID int64 `json:"id"`
}

type chain struct {
	Next *chain         `json:"next,omitempty"`
	Any  any            `json:"any"`
	Map  map[string]int `json:"map"`
	At   *time.Time     `json:"at"`
	embeddedToo
}

type embeddedToo struct {
	Ignored chan int `json:"-"`
}

// A plan is used only where it means the same as encoding/json.
func TestIsPlannable(t *testing.T) {
	for plannable, types := range map[bool][]any{
		true: {
			embedded{}, chain{}, struct{ embedded }{}, struct {
				N ownNumber `json:"n"`
			}{},
		},
		false: {
			"", 0, map[string]any{}, []embedded{}, time.Time{}, ownText(""), json.RawMessage{},
			struct{ Name string }{},
			struct {
				N string `json:"n,string"`
			}{},
			struct {
				N int32 `json:"n"`
			}{},
			struct {
				N []byte `json:"n"`
			}{},
			struct {
				N ownText `json:"n"`
			}{},
			struct {
				N **int `json:"n"`
			}{},
			struct {
				N map[int]string `json:"n"`
			}{},
			struct {
				N json.RawMessage `json:"n"`
			}{},
			struct{ *embedded }{},
			struct {
				embedded
				ID string `json:"id"`
			}{},
			struct {
				N error `json:"n"`
			}{},
		},
	} {
		for _, value := range types {
			require.Equal(t, plannable, isPlannable(reflect.PointerTo(reflect.TypeOf(value))), "%T", value)
		}
	}
}

func TestForeignListLeavesOut(t *testing.T) {
	type item struct {
		Name string
		Size int32
	}
	list, left, err := ForeignList[*item](t.Context(), []byte(`[{"name":"a","size":1}, 7, null, {"name":"b","size":"x"}, {"name":"c"}]`))
	require.NoError(t, err)
	require.Equal(t, []*item{{"a", 1}, {"b", 0}, {"c", 0}}, list)
	require.Equal(t, 2, left.count)
	require.Equal(t, []loss{{"[3].Size", "string where a int32 is expected"}}, left.lost)
	for _, wrong := range []string{``, `{}`, `null`, `[`, `[{}`, `[{}]x`, `[{},]`, `[{"name":}]`} {
		_, _, err := ForeignList[*item](t.Context(), []byte(wrong))
		require.Error(t, err, wrong)
	}
}

// Types that a plan does not describe decode as encoding/json decodes them.
func FuzzForeign(f *testing.F) {
	for _, seed := range []string{`{"name":"a","size":1}`, `[{"name":"a"},{"size":2}]`, `null`, `{"raw":[1,{"a":null}]}`, `[[]]`, "{\"name\":\"\xff\"}"} {
		f.Add([]byte(seed))
	}
	type item struct {
		Name string
		Size int32
		Raw  json.RawMessage
		In   *embedded
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var want item
		got, left, err := Foreign[*item](context.Background(), body)
		if wrong := json.Unmarshal(body, &want); wrong == nil && err == nil {
			require.Equal(t, &want, got)
			require.Zero(t, left.losses)
		} else if wrong == nil {
			require.ErrorIs(t, err, ErrNotObject) // null
		}
		var wantList []*item
		list, _, err := ForeignList[*item](context.Background(), body)
		if json.Unmarshal(body, &wantList) == nil && err == nil && len(list) == len(wantList) {
			require.ElementsMatch(t, wantList, list)
		}
	})
}
