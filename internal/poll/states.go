package poll

import (
	"iter"
	"slices"
)

// A States is the last state of many objects, by their IDs. An object takes nine bytes
// if its state is one of the Common ones, of which there are at most 255.
type States[S comparable] struct {
	Common []S

	ids   []int64     // ascending
	codes []uint8     // of each: 0 for an uncommon state, or the index of a common one plus 1
	other map[int64]S // the uncommon ones
}

// Last returns the state of an object, if it has one.
func (s *States[S]) Last(id int64) (state S, known bool) {
	i, known := slices.BinarySearch(s.ids, id)
	if known && s.codes[i] > 0 {
		return s.Common[s.codes[i]-1], true
	}
	return s.other[id], known
}

// Set sets the state of an object.
func (s *States[S]) Set(id int64, state S) {
	i, known := slices.BinarySearch(s.ids, id)
	if !known {
		s.ids, s.codes = slices.Insert(s.ids, i, id), slices.Insert(s.codes, i, 0)
	}
	s.codes[i] = uint8(slices.Index(s.Common, state) + 1)
	if delete(s.other, id); s.codes[i] > 0 {
		return
	}
	if s.other == nil {
		s.other = map[int64]S{}
	}
	s.other[id] = state
}

// Grow makes room for n more objects.
func (s *States[S]) Grow(n int) {
	s.ids, s.codes = slices.Grow(s.ids, n), slices.Grow(s.codes, n)
}

// All ranges over the states, by the IDs of their objects.
func (s *States[S]) All() iter.Seq2[int64, S] {
	return func(yield func(int64, S) bool) {
		for _, id := range s.ids {
			if state, _ := s.Last(id); !yield(id, state) {
				return
			}
		}
	}
}
