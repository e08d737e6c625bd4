package report

import (
	"regexp"
	"strings"
	"testing"
	"time"
)

// has requires that a text has a part.
func has(t *testing.T, text, part string) {
	t.Helper()
	if !strings.Contains(text, part) {
		t.Errorf("%q is not in:\n%s", part, text)
	}
}

// lacks requires that a text does not have a part.
func lacks(t *testing.T, text, part string) {
	t.Helper()
	if strings.Contains(text, part) {
		t.Errorf("%q is in:\n%s", part, text)
	}
}

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
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// Pairs are compared before the median is taken: what slows the machine slows both.
func TestPairs(t *testing.T) {
	pairs := Times{1, 10, 3}.Over(Times{2, 10, 2})
	if got := pairs.String(); got != "1.00 (0.50 – 1.50)" {
		t.Errorf("got %s", got)
	}
	if got := pairs.Least(); got != 0.5 {
		t.Errorf("the least is %v", got)
	}
	if got := (Times{1}).Over(Times{4}).String(); got != "0.25" {
		t.Errorf("one pair is %s", got)
	}
	if got := (Times{4, 1, 2, 3}).Median(); got != 2.5 {
		t.Errorf("the median is %v", got)
	}
}

// A run says where it is worse, and which figures it misses and why.
func TestVerdicts(t *testing.T) {
	var v Verdicts
	if got := v.Summary(); got != "## Where client-go is better\n\nIn none of the rows below by more than 1%.\n\n" {
		t.Errorf("of nothing, got %s", got)
	}
	v.Compare("Equal", 1, 1, "")
	v.Compare("Slow", 3, 2, "It looks twice.")
	v.CompareTimes("Noise", Ratios{1.5, 1.4, 0.9}, "It sleeps.")
	v.CompareTimes("Late", Ratios{2, 3, 1.1}, "It sleeps.")
	v.Figure(Target{"one", "≤ 2", "nobody knows."}, "1", true)
	v.Figure(Target{"two", "≤ 2", "it counts too far."}, "3", false)
	text := v.Summary()
	has(t, text, "- Slow: 1.50 times as much as client-go. It looks twice.\n")
	lacks(t, text, "Equal")
	has(t, text, "- Noise: 1.40 times as much as client-go. In some pairs, gitlabci was as fast or faster: 1.40 (0.90 – 1.50).\n")
	has(t, text, "- Late: 2.00 times as much as client-go. It sleeps.\n")
	has(t, text, "| one | ≤ 2 | 1 | yes |\n| two | ≤ 2 | 3 | **no** |\n\n- two: it counts too far.\n\n## Where")
	lacks(t, text, "nobody knows")
}

// The report names the commit, and how long it took.
func TestAbout(t *testing.T) {
	text := All(About([]string{"-quick"}), 90*time.Second, &Verdicts{}, "## Lists\n")
	has(t, text, "| Command | `go run ./bench -quick` |\n")
	if version := regexp.MustCompile(`\| gitlabci \| (commit [0-9a-f]{12}(\+changes)?|unknown: .*) \|`); !version.MatchString(text) {
		t.Errorf("%v is not in:\n%s", version, text)
	}
	has(t, text, "| Duration | all of it in 1m30s |\n\n## Where")
	if !strings.HasSuffix(text, "## Lists\n") {
		t.Errorf("the end is not that of the sections:\n%s", text)
	}
}
