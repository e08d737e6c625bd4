package report

import (
	"fmt"
	"slices"
)

// Times are what the runs of one task took, in seconds. There is at least one.
type Times []float64

// Median is the one in the middle.
func (t Times) Median() float64 { return median(t) }

// String is the median, and how far the runs lie apart.
func (t Times) String() string { return spread(t, Duration) }

// Over is what each run took, divided by the run of other that was next to it.
func (t Times) Over(other Times) Ratios {
	ratios := make(Ratios, len(t))
	for i := range t {
		ratios[i] = t[i] / other[i]
	}
	return ratios
}

// Ratios are those of two tasks that took turns, pair by pair: what slows the machine
// for a while slows both. There is at least one.
type Ratios []float64

// Median is the one in the middle.
func (r Ratios) Median() float64 { return median(r) }

// Least is the smallest.
func (r Ratios) Least() float64 { return slices.Min(r) }

// String is the median, and how far the pairs lie apart.
func (r Ratios) String() string {
	return spread(r, func(n float64) string { return fmt.Sprintf("%.2f", n) })
}

func median(all []float64) float64 {
	sorted := slices.Sorted(slices.Values(all))
	half := len(sorted) / 2
	if len(sorted)%2 == 0 {
		return (sorted[half-1] + sorted[half]) / 2
	}
	return sorted[half]
}

func spread(all []float64, format func(float64) string) string {
	text := format(median(all))
	if low, high := format(slices.Min(all)), format(slices.Max(all)); low != high {
		text += fmt.Sprintf(" (%s – %s)", low, high)
	}
	return text
}
