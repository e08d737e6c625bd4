package atomicfile_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci/internal/atomicfile"
)

// nobody makes this thread one of a user who may read only what all may, if the tests
// run as root. The thread ends with the test.
func nobody(t *testing.T) {
	runtime.LockOSThread()
	if os.Getuid() != 0 {
		return
	}
	const id = 65534
	if _, _, errno := syscall.RawSyscall(syscall.SYS_SETFSUID, id, 0, 0); errno != 0 {
		t.Error(errno)
	}
}

// A file in a folder that may be written to but not read is replaced like any other, and
// that is no error: its name may only reach the disk a little later.
func TestReplaceInAFolderThatCannotBeRead(t *testing.T) {
	folder, err := os.MkdirTemp("", "unreadable-*")
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(folder) })
	if os.Getuid() == 0 {
		require.NoError(t, os.Chown(folder, 65534, -1))
	}
	file := filepath.Join(folder, "file")
	require.NoError(t, os.Chmod(folder, 0o300))
	done := make(chan error)
	go func() { // whose thread ends with it
		nobody(t)
		_, err := os.ReadDir(folder)
		if err == nil {
			done <- fs.ErrInvalid
			return
		}
		done <- atomicfile.Replace(file, nil, func(part *os.File) error {
			_, err := part.WriteString("new")
			return err
		})
	}()
	require.NoError(t, <-done)
	require.NoError(t, os.Chmod(folder, 0o700))
	require.Equal(t, "new", content(t, file))
	require.Equal(t, []string{"file"}, names(t, folder))
}
