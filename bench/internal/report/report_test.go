package report

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNumbers(t *testing.T) {
	for want, got := range map[string]string{
		"12.3 s":                   Duration(12.345),
		"1.00 s":                   Duration(1),
		"999 ms":                   Duration(0.999),
		"5.20 µs":                  Duration(5.2e-6),
		"120 ns":                   Duration(1.2e-7),
		"1234 s":                   Duration(1234),
		"16.0 MiB":                 Mebibytes(int64(16 << 20)),
		"unknown":                  Mebibytes(int64(0)),
		"1,000,000":                Thousands(1_000_000),
		"999":                      Thousands(999),
		"2.00 s (1.00 s – 3.00 s)": Times{3, 1, 2}.String(),
		"1.50 s":                   Times{1.5}.String(),
	} {
		require.Equal(t, want, got)
	}
}

// A run says where it is worse, and which figures it misses.
func TestVerdicts(t *testing.T) {
	var v Verdicts
	require.Contains(t, v.Summary(), "In none of the rows below by more than 1%.")
	require.NotContains(t, v.Summary(), "Figures to reach")
	v.Compare("Equal", 1, 1, "")
	v.Compare("Slow", 3, 2, "It looks twice.")
	v.CompareTimes("Noise", Times{2, 3}, Times{1, 2}, "")
	v.CompareTimes("Late", Times{3, 4}, Times{1, 2}, "It sleeps.")
	v.Figure("one", "≤ 2", "1", true)
	v.Figure("two", "≤ 2", "3", false)
	text := v.Summary()
	require.Contains(t, text, "- Slow: 1.50 times as much as client-go. It looks twice.\n")
	require.NotContains(t, text, "Equal")
	require.Contains(t, text, "- Noise: 1.50 times as much as client-go. The runs overlap: 2.00 s was the fastest of gitlabci, 2.00 s the slowest of client-go.\n")
	require.Contains(t, text, "- Late: 2.00 times as much as client-go. It sleeps.\n")
	require.Contains(t, text, "| one | ≤ 2 | 1 | yes |\n| two | ≤ 2 | 3 | **no** |\n")
}
