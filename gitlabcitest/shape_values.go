package gitlabcitest

import (
	"math"
	"time"
)

// each renders the elements of a list, which is never null.
func each[T, R any](list []T, render func(T) R) []R {
	rendered := make([]R, 0, len(list))
	for _, one := range list {
		rendered = append(rendered, render(one))
	}
	return rendered
}

// orNull is null for zero.
func orNull[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

// timestamp is null for zero.
func timestamp(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	return new(t.UTC().Format("2006-01-02T15:04:05.000Z"))
}

// longAgo is when everything came to be that tests do not add.
var longAgo = timestamp(time.Date(2020, time.January, 2, 3, 4, 5, 0, time.UTC))

// seconds is null for a time that is not known.
func seconds(d time.Duration, known bool) *float64 {
	if !known {
		return nil
	}
	return new(max(d, 0).Seconds())
}

// rounded takes the noise out of a sum of seconds.
func rounded(seconds float64) float64 { return math.Round(seconds*1e6) / 1e6 }
