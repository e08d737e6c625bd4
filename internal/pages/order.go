package pages

import "time"

// An Order is what a list is sorted by. It decides what a walk can prove about
// items that were added or removed meanwhile. The zero Order is [Unordered].
type Order struct {
	by        sorting
	ascending bool
}

type sorting int

const (
	unordered sorting = iota
	byID
	byTime
)

// ByID is the order of the items' IDs. An item never moves past another.
func ByID(ascending bool) Order { return Order{byID, ascending} }

// ByTime is the order of the times of the items' last changes. An item that
// changes moves to where new ones are listed, and counts as new.
func ByTime(ascending bool) Order { return Order{byTime, ascending} }

// Unordered is any other order. A walk can drop items that are listed again, but
// it cannot know what it missed.
func Unordered() Order { return Order{} }

// A key identifies an item of a list. An item without a key of its own has the ID 0.
type key struct {
	id   int64
	rank int64 // what the list is sorted by, or 0 if it is not known
}

// key returns the key of an item with that ID, which changed at that time. If it
// is not ok, the item has none.
func (o Order) key(id int64, changed time.Time, ok bool) key {
	switch {
	case !ok:
		return key{}
	case o.by == byID:
		return key{id, id}
	case o.by == byTime && !changed.IsZero():
		return key{id, changed.UnixNano()}
	}
	return key{id: id}
}

// known reports whether keys show where their items are listed.
func (o Order) known() bool { return o.by != unordered }

// before reports whether item a is listed before item b, as far as their keys
// show.
func (o Order) before(a, b key) bool {
	if a.rank == 0 || b.rank == 0 {
		return false
	}
	return o.ascending && a.rank < b.rank || !o.ascending && a.rank > b.rank
}

// reversed is the opposite order.
func (o Order) reversed() Order {
	o.ascending = !o.ascending
	return o
}
