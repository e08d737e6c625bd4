package poll

import (
	"iter"
	"slices"
)

// A States is the last state of many objects, by their IDs. An object takes five bytes if
// its ID is near that of the first one, as those of a pipeline's jobs are, and its state is
// one of the Common ones, of which there are at most 255.
type States[S comparable] struct {
	Common []S

	base  int64       // what IDs are counted from, below the first one
	near  []uint32    // the IDs from the base on, ascending
	codes []uint8     // of each: 0 for an uncommon state, or the index of a common one plus 1
	other map[int64]S // the uncommon ones, and those of IDs that are not near
}

const reach = 1 << 31 // from the first ID to the furthest near ones

// find is where a near ID is, or would be.
func (s *States[S]) find(id int64) (place int, near, known bool) {
	if uint64(id-s.base) >= 2*reach {
		return 0, false, false
	}
	place, known = slices.BinarySearch(s.near, uint32(id-s.base))
	return place, true, known
}

// Last returns the state of an object, if it has one.
func (s *States[S]) Last(id int64) (state S, known bool) {
	if i, _, known := s.find(id); known && s.codes[i] > 0 {
		return s.Common[s.codes[i]-1], true
	}
	state, known = s.other[id]
	return state, known
}

// Set sets the state of an object.
func (s *States[S]) Set(id int64, state S) {
	if len(s.near) == 0 {
		s.base = id - reach
	}
	i, near, known := s.find(id)
	if near && !known {
		s.near, s.codes = slices.Insert(s.near, i, uint32(id-s.base)), slices.Insert(s.codes, i, 0)
	}
	if near {
		s.codes[i] = uint8(slices.Index(s.Common, state) + 1)
	}
	if delete(s.other, id); near && s.codes[i] > 0 {
		return
	}
	if s.other == nil {
		s.other = map[int64]S{}
	}
	s.other[id] = state
}

// Grow makes room for n more objects.
func (s *States[S]) Grow(n int) {
	s.near, s.codes = slices.Grow(s.near, n), slices.Grow(s.codes, n)
}

// All ranges over the states, in no particular order.
func (s *States[S]) All() iter.Seq2[int64, S] {
	return func(yield func(int64, S) bool) {
		for i, offset := range s.near {
			if s.codes[i] > 0 && !yield(s.base+int64(offset), s.Common[s.codes[i]-1]) {
				return
			}
		}
		for id, state := range s.other {
			if !yield(id, state) {
				return
			}
		}
	}
}
