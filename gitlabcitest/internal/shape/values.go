// Package shape is what GitLab's JSON looks like: the objects with their fields in
// order, and which release shows which of them, see [Shown].
//
// It is handed values, and returns JSON. The structs are written out by hand and
// not taken from package gitlabci, so that a wrong tag there is found. It never
// decides what the values are: the renderer of package gitlabcitest fills them in.
package shape

import (
	"math"
	"time"
)

// Each renders the elements of a list, which is never null.
func Each[T, R any](list []T, render func(T) R) []R {
	rendered := make([]R, 0, len(list))
	for _, one := range list {
		rendered = append(rendered, render(one))
	}
	return rendered
}

// OrNull is null for zero.
func OrNull[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

// Timestamp is null for zero.
func Timestamp(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	return new(t.UTC().Format("2006-01-02T15:04:05.000Z"))
}

// LongAgo is when everything came to be that tests do not add.
var LongAgo = Timestamp(time.Date(2020, time.January, 2, 3, 4, 5, 0, time.UTC))

// Seconds is null for a time that is not known.
func Seconds(d time.Duration, known bool) *float64 {
	if !known {
		return nil
	}
	return new(max(d, 0).Seconds())
}

// Rounded takes the noise out of a sum of seconds.
func Rounded(seconds float64) float64 { return math.Round(seconds*1e6) / 1e6 }
