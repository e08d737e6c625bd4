package report

import (
	"fmt"
	"strings"
)

// Verdicts are the conclusions from what was measured. The zero value has none.
type Verdicts struct {
	figures Table    // rows without a head
	worse   []string // what another client does better
}

// Summary says which figures were reached, and where another client is better.
func (v *Verdicts) Summary() string {
	var text strings.Builder
	if len(v.figures) > 0 {
		var t Table
		t.Head("Work", "To reach", "Measured", "Reached")
		fmt.Fprintf(&text, "## Figures to reach\n\n%s\n", append(t, v.figures...))
	}
	fmt.Fprintf(&text, "## Where client-go is better\n\n")
	if len(v.worse) == 0 {
		fmt.Fprintf(&text, "In none of the rows below by more than 1%%.\n")
	}
	for _, line := range v.worse {
		fmt.Fprintf(&text, "- %s\n", line)
	}
	return text.String() + "\n"
}

// Figure records whether one of the figures was reached.
func (v *Verdicts) Figure(work, limit, found string, reached bool) {
	verdict := "yes"
	if !reached {
		verdict = "**no**"
	}
	v.figures.Row(work, limit, found, verdict)
}

// Compare records where we need more than they do, and why.
func (v *Verdicts) Compare(work string, we, they float64, why string) {
	if we > 1.01*they {
		v.worse = append(v.worse, strings.TrimSpace(fmt.Sprintf("%s: %.2f times as much as client-go. %s", work, we/they, why)))
	}
}

// CompareTimes is Compare for the medians of runs, which can be near enough to
// each other to mean nothing.
func (v *Verdicts) CompareTimes(work string, we, they Times, why string) {
	if low, high := we.sorted()[0], they.sorted()[len(they)-1]; len(we) > 1 && low <= high {
		why = "The runs overlap: " + Duration(low) + " was the fastest of gitlabci, " + Duration(high) + " the slowest of client-go."
	}
	v.Compare(work, we.Median(), they.Median(), why)
}
