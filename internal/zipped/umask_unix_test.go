//go:build unix

package zipped_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci/internal/testkit"
)

// The tests compare modes, also with those of unzip, which ignores the umask. So they always
// run with the usual one.
func init() { syscall.Umask(0o022) }

// Nobody is permitted more than the umask allows, nor than 0755.
func TestExtractLessTheUmask(t *testing.T) { // not parallel: the umask is that of the process
	for umask, want := range map[int]fs.FileMode{0: 0o755, 0o022: 0o755, 0o027: 0o750, 0o077: 0o700} {
		t.Run(fmt.Sprintf("%03o", umask), func(t *testing.T) {
			dir := t.TempDir()
			defer syscall.Umask(syscall.Umask(umask))
			_, err := extractZip(t, dir, nil,
				testkit.ZipEntry{Name: "d/", Mode: fs.ModeDir | 0o777}, testkit.ZipEntry{Name: "d/f", Content: "x", Mode: 0o777}, testkit.ZipEntry{Name: "new/f", Content: "x", Mode: 0o777})
			require.NoError(t, err)
			for _, name := range []string{"d", "d/f", "new", "new/f"} {
				info, err := os.Stat(filepath.Join(dir, name))
				require.NoError(t, err)
				require.Equal(t, want, info.Mode().Perm(), name)
			}
		})
	}
}
