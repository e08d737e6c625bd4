package atomicfile_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci/internal/atomicfile"
)

func content(t *testing.T, file string) string {
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	return string(data)
}

func names(t *testing.T, folder string) (names []string) {
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}

func TestReplace(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "file")
	for _, mode := range []fs.FileMode{0o600, 0o444, 0o777} {
		old, err := atomicfile.Replaceable(file)
		require.NoError(t, err)
		require.NoError(t, atomicfile.Replace(file, old, func(part *os.File) error {
			base := filepath.Base(part.Name())
			require.True(t, strings.HasPrefix(base, ".") && strings.HasSuffix(base, ".part"), base)
			_, err := part.WriteString(mode.String())
			return err
		}))
		require.Equal(t, mode.String(), content(t, file))
		require.Equal(t, []string{"file"}, names(t, folder))
		info, err := os.Stat(file)
		require.NoError(t, err)
		if old != nil {
			require.Equal(t, old.Mode(), info.Mode())
		}
		require.NoError(t, os.Chmod(file, mode))
	}
}

func TestReplaceFails(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "file")
	require.NoError(t, os.WriteFile(file, []byte("old"), 0o600))
	old, err := atomicfile.Replaceable(file)
	require.NoError(t, err)
	broken := errors.New("broken")
	require.ErrorIs(t, atomicfile.Replace(file, old, func(part *os.File) error {
		_, err := part.WriteString("half of the n")
		return errors.Join(err, broken)
	}), broken)
	require.PanicsWithValue(t, "panic", func() {
		atomicfile.Replace(file, old, func(part *os.File) error { panic("panic") })
	})
	require.ErrorIs(t, atomicfile.Replace(file, old, func(part *os.File) error { return part.Close() }), fs.ErrClosed)
	require.Equal(t, "old", content(t, file))
	require.Equal(t, []string{"file"}, names(t, folder))

	gone := filepath.Join(folder, "gone", "file")
	require.ErrorIs(t, atomicfile.Replace(gone, nil, func(*os.File) error { panic("not called") }), fs.ErrNotExist)
}

func TestReplaceByFolder(t *testing.T) { // one that came to be there meanwhile
	folder := t.TempDir()
	file := filepath.Join(folder, "file")
	require.Error(t, atomicfile.Replace(file, nil, func(*os.File) error { return os.MkdirAll(filepath.Join(file, "full"), 0o755) }))
	require.Equal(t, []string{"file"}, names(t, folder))
}

func TestReplaceable(t *testing.T) {
	folder := t.TempDir()
	link := filepath.Join(folder, "link")
	require.NoError(t, os.Symlink(folder, link))
	for _, file := range []string{"", folder, folder + "/", link, os.DevNull} {
		_, err := atomicfile.Replaceable(file)
		require.Error(t, err, file)
	}
	require.NoError(t, os.Remove(link))
	require.NoError(t, os.Symlink(os.DevNull, link))
	_, err := atomicfile.Replaceable(link)
	require.ErrorContains(t, err, "not a file that can be replaced")
	require.NoError(t, os.Remove(link))
	require.NoError(t, os.Symlink("link", link))
	old, err := atomicfile.Replaceable(link)
	require.NoError(t, err, "a link to itself is in nobody's way")
	require.Equal(t, fs.ModeSymlink, old.Mode().Type())
	require.NoError(t, os.Remove(link))
	require.NoError(t, os.Symlink("nowhere", link))
	old, err = atomicfile.Replaceable(link)
	require.NoError(t, err)
	require.Equal(t, fs.ModeSymlink, old.Mode().Type())
	old, err = atomicfile.Replaceable(filepath.Join(folder, "new"))
	require.NoError(t, err)
	require.Nil(t, old)
}

// TestInRoot does it within an [os.Root], as the extraction of archives does.
func TestInRoot(t *testing.T) {
	folder := t.TempDir()
	root, err := os.OpenRoot(folder)
	require.NoError(t, err)
	defer root.Close()

	file, err := atomicfile.Create(root, "file", 0o644)
	require.NoError(t, err)
	require.Equal(t, []string{"file"}, names(t, folder))
	require.NoError(t, file.Place())

	_, err = atomicfile.Create(root, "file", 0o644)
	require.ErrorIs(t, err, fs.ErrExist)

	file, err = atomicfile.Beside(root, "file", "", 0o644)
	require.NoError(t, err)
	_, err = file.WriteString("new")
	require.NoError(t, err)
	require.Empty(t, content(t, filepath.Join(folder, "file")))
	require.NoError(t, file.Place())
	require.Equal(t, "new", content(t, filepath.Join(folder, "file")))

	file, err = atomicfile.Beside(root, "file", "", 0o644)
	require.NoError(t, err)
	require.NoError(t, file.Discard())
	require.Equal(t, []string{"file"}, names(t, folder))
	require.Equal(t, "new", content(t, filepath.Join(folder, "file")))
}
