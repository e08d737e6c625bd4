package remote_test

import (
	"errors"
	"io"
	"os"
	"runtime"
	"testing"

	"example.com/gitlabci/internal/remote"
	"github.com/stretchr/testify/require"
)

// A spool has the bytes of the file, and its temporary file is gone after Close, as it
// is if the file could not be read to its end.
func TestSpool(t *testing.T) {
	folder := t.TempDir()
	t.Setenv("TMPDIR", folder)
	t.Setenv("TMP", folder) // on Windows
	files := func() int {
		entries, err := os.ReadDir(folder)
		require.NoError(t, err)
		return len(entries)
	}
	s := &scripted{t: t, tries: 1, replies: []reply{{body: partsText}, {body: "0123", length: 10, cut: errReset}}}
	file, err := remote.Open(t.Context(), s, remote.Spec{})
	require.NoError(t, err)
	spool, tail, err := remote.NewSpool(file, int64(len(partsText)), nil)
	require.NoError(t, err)
	require.True(t, files() == 0 || runtime.GOOS == "windows", "a file that has a name outlives a process that is killed")
	size := len(partsText)
	require.EqualValues(t, size, spool.Size())
	require.True(t, partsText[size-partsTail:] == string(tail))
	from, name := spool.Label()
	require.Equal(t, []string{"GET /f", "f.bin"}, []string{from, name})
	before, err := spool.Before(t.Context(), 100, tail)
	require.NoError(t, err)
	require.True(t, partsText[100:size-partsTail] == string(before))
	section, err := io.ReadAll(spool.Section(t.Context(), 1000, 2000))
	require.NoError(t, err)
	require.Equal(t, partsText[1000:2000], string(section))
	require.NoError(t, spool.Close())
	require.Zero(t, files())

	file, err = remote.Open(t.Context(), s, remote.Spec{})
	require.NoError(t, err)
	_, _, err = remote.NewSpool(file, 1<<20, nil)
	require.ErrorIs(t, err, errReset)
	require.Zero(t, files())
}

// No more is copied than is allowed, whether the size is announced or not.
func TestSpoolIsBounded(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	size, errTooLarge := int64(len(partsText)), errors.New("too large")
	for name, test := range map[string]struct {
		length int64
		most   int64
		want   error
	}{
		"announced":         {size, size - 1, errTooLarge},
		"not announced":     {-1, size - 1, errTooLarge},
		"just announced":    {size, size, nil},
		"just not":          {-1, size, io.ErrUnexpectedEOF},
		"none is announced": {size, 0, errTooLarge},
	} {
		s := &scripted{t: t, tries: 1, replies: []reply{{body: partsText, length: test.length}}}
		file, err := remote.Open(t.Context(), s, remote.Spec{})
		require.NoError(t, err)
		spool, _, err := remote.NewSpool(file, test.most, errTooLarge)
		require.ErrorIs(t, err, test.want, name)
		if err == nil {
			require.NoError(t, spool.Close())
		}
	}
}
