package report

import (
	"fmt"
	"strings"
)

// Verdicts are the conclusions from what was measured. The zero value has none.
type Verdicts struct {
	figures Table    // rows without a head
	missed  []string // why figures were not reached
	worse   []string // what another client does better
}

// A Target is a figure to reach. Why says what prevents it, and is printed only if the
// figure is missed.
type Target struct{ Work, Limit, Why string }

// Summary says which figures were reached, and where another client is better.
func (v *Verdicts) Summary() string {
	var text strings.Builder
	if len(v.figures) > 0 {
		var t Table
		t.Head("Work", "To reach", "Measured", "Reached")
		fmt.Fprintf(&text, "## Figures to reach\n\n%s\n%s", append(t, v.figures...), bullets(v.missed))
	}
	fmt.Fprintf(&text, "## Where client-go is better\n\n")
	if len(v.worse) == 0 {
		fmt.Fprintf(&text, "In none of the rows below by more than 1%%.\n\n")
	}
	return text.String() + bullets(v.worse)
}

func bullets(lines []string) string {
	if len(lines) == 0 {
		return ""
	}
	return "- " + strings.Join(lines, "\n- ") + "\n\n"
}

// Figure records whether one of the figures was reached.
func (v *Verdicts) Figure(t Target, found string, reached bool) {
	verdict := "yes"
	if !reached {
		verdict = "**no**"
		v.missed = append(v.missed, t.Work+": "+t.Why)
	}
	v.figures.Row(t.Work, t.Limit, found, verdict)
}

// Compare records where gitlabci needs more than client-go, and why.
func (v *Verdicts) Compare(work string, ours, theirs float64, why string) {
	v.compare(work, ours/theirs, why)
}

// CompareTimes is Compare for runs that took turns. In some pairs, gitlabci can be faster.
func (v *Verdicts) CompareTimes(work string, pairs Ratios, why string) {
	if len(pairs) > 1 && pairs.Least() <= 1 {
		why = "In some pairs, gitlabci was as fast or faster: " + pairs.String() + "."
	}
	v.compare(work, pairs.Median(), why)
}

func (v *Verdicts) compare(work string, ratio float64, why string) {
	if ratio > 1.01 {
		v.worse = append(v.worse, strings.TrimSpace(fmt.Sprintf("%s: %.2f times as much as client-go. %s", work, ratio, why)))
	}
}
