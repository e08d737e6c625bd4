package follow

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestVerdict(t *testing.T) {
	const stamped = "2026-01-01T00:00:00.000000Z 00O "
	for name, test := range map[string]struct {
		log   string
		ends  bool // as a runner ends a log
		whole bool // to its last byte
	}{
		"nothing":                   {"", false, false},
		"other lines":               {"$ make\nok\n", false, false},
		"succeeded":                 {"ok\nJob succeeded\n", true, true},
		"failed":                    {"ok\nERROR: Job failed: exit code 1\n", true, true},
		"colored":                   {"ok\n\x1b[32;1mJob succeeded\x1b[0;m\n", true, true},
		"colored over two lines":    {"ok\n\x1b[31;1mERROR: Job failed: exit code 1\n\x1b[0;m", true, true},
		"stamped":                   {stamped + "ok\n" + stamped + "Job succeeded\n", true, true},
		"stamped and colored":       {stamped + "\x1b[31;1mERROR: Job failed: exit code 1\n" + stamped + "\x1b[0;m\n", true, true},
		"without its newline":       {"ok\nJob succeeded", true, false},
		"without its color's end":   {"ok\n\x1b[32;1mJob succeeded", true, false},
		"cut off within the reason": {"ok\nERROR: Job failed: exi", true, false},
		"not at the end":            {"Job succeeded\nok\n", false, false},
		"within a line":             {"echo Job succeeded\n", false, false},
		"far from the end":          {"Job succeeded" + strings.Repeat("\n", 2*longestVerdict), false, false},
	} {
		t.Run(name, func(t *testing.T) {
			c := logCopy{w: &strings.Builder{}}
			c.Write([]byte(test.log))
			require.Equal(t, test.ends, c.endsWithVerdict())
			require.Equal(t, test.whole, IsWhole([]byte(test.log)))
		})
	}
}
