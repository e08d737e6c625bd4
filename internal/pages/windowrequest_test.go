package pages

import (
	"context"
	"errors"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A window ends before a page that fails or whose items do not follow, and its last
// page is the first one that reaches below it.
func TestWindowRequest(t *testing.T) {
	down := errors.New("down")
	page := func(next string, ids ...int64) *Page[int64] { return &Page[int64]{Items: ids, Next: next} }
	tests := map[string]struct {
		pages map[string]*Page[int64] // by cursor; others fail
		below int64
		want  []int64
		next  string
		err   error
	}{
		"reaches below":             {map[string]*Page[int64]{"a": page("cursor=b", 19, 15), "b": page("cursor=c", 12, 9), "c": page("", 8)}, 20, []int64{19, 15, 12, 9}, "cursor=c", nil},
		"ends with the window":      {map[string]*Page[int64]{"a": page("cursor=b", 19, 15), "b": page("cursor=c", 12, 10), "c": page("cursor=d", 8)}, 20, []int64{19, 15, 12, 10, 8}, "cursor=d", nil},
		"ends with the list":        {map[string]*Page[int64]{"a": page("cursor=b", 19, 15), "b": page("", 12)}, 20, []int64{19, 15, 12}, "", nil},
		"is empty":                  {map[string]*Page[int64]{"a": page("")}, 20, nil, "", nil},
		"is empty, but not the end": {map[string]*Page[int64]{"a": page("cursor=b")}, 20, nil, "", errStray},
		"begins with the ID":        {map[string]*Page[int64]{"a": page("", 20, 15)}, 20, nil, "", errStray},
		"by the server's cursor":    {map[string]*Page[int64]{"a": page("", 20, 15)}, 0, []int64{20, 15}, "", nil},
		"is in another order":       {map[string]*Page[int64]{"a": page("", 15, 19)}, 20, nil, "", errStray},
		"fails":                     {nil, 20, nil, "", down},
		"fails later":               {map[string]*Page[int64]{"a": page("cursor=b", 19)}, 20, []int64{19}, "cursor=b", nil},
		"links to what was read":    {map[string]*Page[int64]{"a": page("cursor=b", 19, 15), "b": page("cursor=c", 15, 9)}, 20, []int64{19, 15}, "cursor=b", nil},
		"links to an empty page":    {map[string]*Page[int64]{"a": page("cursor=b", 19), "b": page("cursor=c")}, 20, []int64{19}, "cursor=b", nil},
		"links to no list":          {map[string]*Page[int64]{"a": page("sudo[]=1", 19)}, 20, []int64{19}, "sudo[]=1", nil},
		"has no end": {map[string]*Page[int64]{
			"a": page("cursor=b", 99), "b": page("cursor=c", 98), "c": page("cursor=d", 97), "d": page("cursor=e", 96), "e": page("cursor=f", 95),
			"f": page("cursor=g", 94), "g": page("cursor=h", 93), "h": page("cursor=i", 92), "i": page("", 91),
		}, 100, []int64{99, 98, 97, 96, 95, 94, 93, 92}, "cursor=i", nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			list := &List[int64]{
				Key: func(item any) (int64, time.Time, bool) { return item.(int64), time.Time{}, true },
				Request: func(_ context.Context, query url.Values) (*Page[int64], error) {
					if p := test.pages[query.Get("cursor")]; p != nil {
						return p, nil
					}
					return nil, down
				},
			}
			got, err := list.request(t.Context(), &place{query: url.Values{"cursor": {"a"}}, below: test.below, until: 10})
			require.Equal(t, test.err, err)
			if err == nil {
				require.Equal(t, test.want, got.Items)
				require.Equal(t, test.next, got.Next)
			}
		})
	}
}
