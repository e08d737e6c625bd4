package pages

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestOrder(t *testing.T) {
	early, late := time.Unix(1000, 0), time.Unix(2000, 0)
	tests := map[string]struct {
		order  Order
		a, b   func(Order) key
		before bool
	}{
		"by ID, descending":   {ByID(false), item(9, early), item(8, late), true},
		"by ID, ascending":    {ByID(true), item(9, early), item(8, late), false},
		"by ID, the same":     {ByID(false), item(9, early), item(9, late), false},
		"by time, descending": {ByTime(false), item(1, late), item(2, early), true},
		"by time, ascending":  {ByTime(true), item(2, early), item(1, late), true},
		"by time, at once":    {ByTime(false), item(2, early), item(1, early), false},
		"by time, without":    {ByTime(true), item(2, time.Time{}), item(1, late), false},
		"without an ID":       {ByID(true), item(0, early), item(1, late), false},
		"unordered":           {Unordered(), item(2, late), item(1, early), false},
	}
	for name, test := range tests {
		a, b := test.a(test.order), test.b(test.order)
		require.Equal(t, test.before, test.order.before(a, b), name)
		if test.before {
			require.False(t, test.order.before(b, a), name)
			require.True(t, test.order.reversed().before(b, a), name)
		}
	}
	require.False(t, Unordered().known())
	require.Zero(t, ByID(false).key(7, early, false), "no key")
}

// An item that changes is new by time, and stays itself by ID and unordered.
func TestOrderChanged(t *testing.T) {
	before, after := item(7, time.Unix(1000, 0)), item(7, time.Unix(1000, 1))
	require.Equal(t, before(ByID(false)), after(ByID(false)))
	require.Equal(t, before(Unordered()), after(Unordered()))
	require.NotEqual(t, before(ByTime(false)), after(ByTime(false)))
}

func item(id int64, changed time.Time) func(Order) key {
	return func(o Order) key { return o.key(id, changed, true) }
}

func TestMemory(t *testing.T) {
	var m memory
	id := func(i int) key { return key{id: int64(i + 1)} }
	m.expect(100)
	for i := range 5 * remembered {
		require.True(t, m.add(id(i)))
		require.False(t, m.add(id(i)))
		require.LessOrEqual(t, len(m.young)+len(m.old), 2*remembered)
	}
	for i := range remembered {
		require.True(t, m.has(id(4*remembered+i)), "the latest")
	}
	require.False(t, m.has(id(0)))
}
