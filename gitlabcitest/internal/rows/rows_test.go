package rows_test

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"example.com/gitlabci/gitlabcitest/internal/rows"
)

func even(n int64) bool { return n%2 == 0 }

func TestList(t *testing.T) {
	all := []int64{1, 2, 3, 4, 5, 6}
	for name, test := range map[string]struct {
		list  rows.List[int64]
		from  int64
		want  []int64
		count int64
	}{
		"all":            {rows.List[int64]{All: all}, 0, all, 6},
		"from the end":   {rows.List[int64]{All: all, FromEnd: true}, 4, []int64{2, 1}, 6},
		"past the end":   {rows.List[int64]{All: all, FromEnd: true}, 9, nil, 6},
		"some":           {rows.List[int64]{All: all, Fits: even}, 1, []int64{4, 6}, 3},
		"some, backward": {rows.List[int64]{All: all, Fits: even, FromEnd: true}, 1, []int64{4, 2}, 3},
		"none":           {rows.List[int64]{}, 0, nil, 0},
	} {
		if got := slices.Collect(test.list.From(test.from)); !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: got %v, want %v", name, got, test.want)
		}
		if got := test.list.Count(100); got != test.count {
			t.Errorf("%s: counted %d, want %d", name, got, test.count)
		}
	}
	if got := (rows.List[int64]{All: all, Fits: even}).Count(1); got != 2 {
		t.Errorf("counted %d, want 2, which is no further than needed", got)
	}
	if got := rows.FirstOf(slices.Values(all), 2); !slices.Equal(got, []int64{1, 2}) {
		t.Errorf("the first two are %v", got)
	}
	if got := rows.FirstOf(slices.Values(all[:0]), 2); got != nil {
		t.Errorf("the first of none are %#v", got)
	}
}

func TestKeyset(t *testing.T) {
	at := func(id int64) rows.Cursor { return rows.Cursor{ID: id} }
	k := rows.Keyset[int64]{CursorOf: at}
	k.All, k.Fits, k.FromEnd = []int64{1, 2, 3, 4, 5, 6, 8}, even, true
	for _, test := range []struct {
		id        int64
		direction string
		want      []int64
	}{
		{9, "n", []int64{8, 6}},
		{6, "n", []int64{4, 2}},
		{7, "n", []int64{6, 4}}, // which was deleted meanwhile
		{2, "n", nil},
		{2, "p", []int64{6, 4}},
		{7, "p", []int64{8}},
		{8, "p", nil},
	} {
		cursor := at(test.id)
		cursor.Direction = test.direction
		if got := k.Page(cursor, 2); !reflect.DeepEqual(got, test.want) {
			t.Errorf("%d %s: got %v, want %v", test.id, test.direction, got, test.want)
		}
	}
}

func TestCursorsAreReadBack(t *testing.T) {
	at := rows.Cursor{CreatedAt: time.Date(2024, 3, 1, 12, 0, 0, 1000, time.UTC), ID: 1<<62 + 1}
	for _, direction := range []string{"n", "p"} {
		back, ok := rows.ReadCursor(at.Toward(direction))
		at.Direction = direction
		if !ok || !reflect.DeepEqual(back, at) {
			t.Errorf("got %+v, %v, want %+v", back, ok, at)
		}
	}
	for _, text := range []string{"", "x", "e30=", at.Toward("x"), at.String()[1:]} {
		if _, ok := rows.ReadCursor(text); ok {
			t.Errorf("%q is read", text)
		}
	}
}

func TestCounter(t *testing.T) {
	c := rows.NewCounter[string](60)
	at := time.Unix(119, 0)
	if got := []int{c.Add("a", at), c.Add("a", at), c.Add("b", at)}; !slices.Equal(got, []int{1, 2, 1}) {
		t.Errorf("counted %v", got)
	}
	if got := c.End(); got != 120 {
		t.Errorf("the window ends at %d, want 120", got)
	}
	if got := c.Add("a", at.Add(time.Second)); got != 1 {
		t.Errorf("counted %d in another window", got)
	}
	if got := c.End(); got != 180 {
		t.Errorf("the window ends at %d, want 180", got)
	}
}
