package follow

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCopyKeepsItsEnd(t *testing.T) {
	all := lines(1000)
	for _, step := range []int{1, 7, 1000, 1024, 1025, len(all)} {
		var out strings.Builder
		c := logCopy{w: &out}
		for text := all; text != ""; text = text[min(step, len(text)):] {
			n, err := c.Write([]byte(text[:min(step, len(text))]))
			require.NoError(t, err)
			require.Equal(t, min(step, len(text)), n)
		}
		require.Equal(t, all, out.String())
		require.Equal(t, int64(len(all)), c.size)
		require.Equal(t, all[len(all)-mostOverlap:], string(c.end))
		require.Equal(t, int64(mostOverlap), c.overlap())
	}
}

func TestCopyAgrees(t *testing.T) {
	for name, test := range map[string]struct {
		end, again string
		agreed     int
		same       bool
	}{
		"the same":    {"abc", "abc", 3, true},
		"different":   {"abc", "abX", 2, false},
		"shorter":     {"abc", "ab", 2, false},
		"nothing":     {"abc", "", 0, false},
		"of an empty": {"", "", 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			c := logCopy{end: []byte(test.end)}
			agreed, same := c.agrees([]byte(test.again))
			require.Equal(t, test.agreed, agreed)
			require.Equal(t, test.same, same)
		})
	}
}

// A part that another program has copied cannot be compared: the first overlap is believed
// if it is as long as it has to be.
func TestCopyBelievesWhatItHasNotSeen(t *testing.T) {
	c := logCopy{size: 3, unseen: true}
	require.Equal(t, int64(3), c.overlap())
	_, same := c.agrees([]byte("ab"))
	require.False(t, same)
	_, same = c.agrees([]byte("abc"))
	require.True(t, same)
	_, same = c.agrees([]byte("abd"))
	require.False(t, same)
}

func TestCopyGoesBack(t *testing.T) {
	for name, test := range map[string]struct {
		before string
		agreed int
		want   string
		end    string
	}{
		"after a line":    {"abc\n", 3, "abc\n[log rewritten by the server; continuing from byte 3]\n", "abc"},
		"in a line":       {"abc", 2, "abc\n[log rewritten by the server; continuing from byte 2]\n", "ab"},
		"to the start":    {"abc\n", 0, "abc\n[log rewritten by the server; continuing from byte 0]\n", ""},
		"before anything": {"", 0, "[log rewritten by the server; continuing from byte 0]\n", ""},
		"of more than is kept": {strings.Repeat("x", 2*mostOverlap) + "\n", mostOverlap,
			strings.Repeat("x", 2*mostOverlap) + "\n[log rewritten by the server; continuing from byte 2049]\n", strings.Repeat("x", mostOverlap-1) + "\n"},
	} {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			c := logCopy{w: &out}
			io.WriteString(&c, test.before)
			calls := 0
			require.NoError(t, c.goBack(test.agreed, func(from int64) {
				calls++
				require.Equal(t, test.before, out.String(), "it is called before the line is written")
				require.Equal(t, c.size, from)
			}))
			require.Equal(t, 1, calls)
			require.Equal(t, test.want, out.String())
			require.Equal(t, test.end, string(c.end))
			require.NoError(t, c.goBack(0, nil))
			require.NotContains(t, out.String(), "]\n\n[", "two such lines follow each other without a blank one")
		})
	}
}

func TestCopyToABadWriter(t *testing.T) {
	errFull := errors.New("no space left")
	for name, test := range map[string]struct {
		writes func([]byte) (int, error)
		want   error
		size   int64
	}{
		"an error at once":   {func(p []byte) (int, error) { return 0, errFull }, errFull, 0},
		"an error":           {func(p []byte) (int, error) { return 1, errFull }, errFull, 1},
		"a short write":      {func(p []byte) (int, error) { return 2, nil }, io.ErrShortWrite, 2},
		"more than was sent": {func(p []byte) (int, error) { return len(p) + 1, nil }, nil, 0},
		"less than nothing":  {func(p []byte) (int, error) { return -1, nil }, nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			c := logCopy{w: writerFunc(test.writes)}
			_, err := c.Write([]byte("abc"))
			require.True(t, isWriteError(err))
			require.ErrorContains(t, err, "the writer: ")
			if test.want != nil {
				require.ErrorIs(t, err, test.want)
			}
			require.Equal(t, test.size, c.size)
		})
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
