package remote_test

import (
	"io"
	"os"
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
	spool, tail, err := remote.NewSpool(file, "spool-*.zip")
	require.NoError(t, err)
	require.Equal(t, 1, files())
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
	_, _, err = remote.NewSpool(file, "spool-*.zip")
	require.ErrorIs(t, err, errReset)
	require.Zero(t, files())
}
