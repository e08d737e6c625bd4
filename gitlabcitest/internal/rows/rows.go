// Package rows reads pages of lists, by number or by cursor. It also counts events within
// windows of time.
//
// It gets a list whose elements it does not read, and functions that say which of them fit
// and where each is. It does not know the request, the links to other pages or how many
// rows GitLab reports.
package rows

import (
	"iter"
	"slices"
)

// A List is a list of which some elements fit. To get to a page costs no more
// than reading up to there, and nothing if all elements fit.
type List[T any] struct {
	All     []T
	Fits    func(T) bool // nil if all do
	FromEnd bool         // whether it is read backward
}

// From yields the rows that fit except for the first ones.
func (r List[T]) From(skipped int64) iter.Seq[T] {
	if r.Fits != nil {
		return skip(r.among(r.All), skipped)
	}
	n := int64(len(r.All))
	skipped = min(skipped, n)
	if r.FromEnd {
		return r.among(r.All[:n-skipped])
	}
	return r.among(r.All[skipped:])
}

// Count counts the rows that fit, and stops when there are more than most.
func (r List[T]) Count(most int64) (n int64) {
	if r.Fits == nil {
		return int64(len(r.All))
	}
	for range r.among(r.All) {
		if n++; n > most {
			break
		}
	}
	return n
}

// among yields those of a part of the list that fit.
func (r List[T]) among(part []T) iter.Seq[T] {
	return func(yield func(T) bool) {
		for i := range part {
			if r.FromEnd {
				i = len(part) - 1 - i
			}
			if one := part[i]; (r.Fits == nil || r.Fits(one)) && !yield(one) {
				return
			}
		}
	}
}

func skip[T any](all iter.Seq[T], n int64) iter.Seq[T] {
	return func(yield func(T) bool) {
		left := n
		for one := range all {
			if left > 0 {
				left--
			} else if !yield(one) {
				return
			}
		}
	}
}

// FirstOf reads at most n elements, at least one.
func FirstOf[T any](all iter.Seq[T], n int) (first []T) {
	for one := range all {
		if first = append(first, one); len(first) == n {
			break
		}
	}
	return first
}

// A Keyset is rows in the order of their cursors, oldest first. It is read backward, from
// the end or from any cursor.
type Keyset[T any] struct {
	List[T]
	CursorOf func(T) Cursor
}

// Older yields what is on the next pages from a place on, newest first.
func (k Keyset[T]) Older(at Cursor) iter.Seq[T] {
	i, _ := k.find(at)
	return k.among(k.All[:i])
}

// Newer yields what is on the previous pages from a place on, oldest first.
func (k Keyset[T]) Newer(at Cursor) iter.Seq[T] {
	i, found := k.find(at)
	if found {
		i++
	}
	return List[T]{Fits: k.Fits}.among(k.All[i:])
}

func (k Keyset[T]) find(at Cursor) (i int, found bool) {
	return slices.BinarySearchFunc(k.All, at, func(one T, at Cursor) int { return at.compare(k.CursorOf(one)) })
}

// Page is what lies on a cursor's side of its place, newest first.
func (k Keyset[T]) Page(at Cursor, size int) []T {
	if at.Direction == "p" {
		part := FirstOf(k.Newer(at), size)
		slices.Reverse(part)
		return part
	}
	return FirstOf(k.Older(at), size)
}
