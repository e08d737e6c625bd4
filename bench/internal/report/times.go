package report

import (
	"fmt"
	"slices"
)

// Times are what the runs of one task took, in seconds. There is at least one.
type Times []float64

// Median is the one in the middle.
func (t Times) Median() float64 { return t.sorted()[len(t)/2] }

// String is the median, and how far the runs lie apart.
func (t Times) String() string {
	times := t.sorted()
	text := Duration(t.Median())
	if low, high := Duration(times[0]), Duration(times[len(times)-1]); low != high {
		text += fmt.Sprintf(" (%s – %s)", low, high)
	}
	return text
}

func (t Times) sorted() []float64 { return slices.Sorted(slices.Values(t)) }
