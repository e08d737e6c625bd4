package rows_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

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
		require.Equal(t, test.want, slices.Collect(test.list.From(test.from)), name)
		require.Equal(t, test.count, test.list.Count(100), name)
	}
	require.EqualValues(t, 2, rows.List[int64]{All: all, Fits: even}.Count(1), "no further than needed")
	require.Equal(t, []int64{1, 2}, rows.FirstOf(slices.Values(all), 2))
	require.Nil(t, rows.FirstOf(slices.Values(all[:0]), 2))
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
		require.Equal(t, test.want, k.Page(cursor, 2), "%d %s", test.id, test.direction)
	}
}

func TestCursorsAreReadBack(t *testing.T) {
	at := rows.Cursor{CreatedAt: time.Date(2024, 3, 1, 12, 0, 0, 1000, time.UTC), ID: 1<<62 + 1}
	for _, direction := range []string{"n", "p"} {
		back, ok := rows.ReadCursor(at.Toward(direction))
		require.True(t, ok)
		at.Direction = direction
		require.Equal(t, at, back)
	}
	for _, text := range []string{"", "x", "e30=", at.Toward("x"), at.String()[1:]} {
		_, ok := rows.ReadCursor(text)
		require.False(t, ok, text)
	}
}

func TestCounter(t *testing.T) {
	c := rows.NewCounter[string](60)
	at := time.Unix(119, 0)
	require.Equal(t, []int{1, 2, 1}, []int{c.Add("a", at), c.Add("a", at), c.Add("b", at)})
	require.EqualValues(t, 120, c.End())
	require.Equal(t, 1, c.Add("a", at.Add(time.Second)), "another window")
	require.EqualValues(t, 180, c.End())
}
