package zipped_test

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
)

// A workplace is a folder with files of many kinds, as a job leaves them behind.
func workplace(t *testing.T, links bool) (dir string) {
	dir = t.TempDir()
	old := time.Date(1997, 3, 4, 5, 6, 7, 0, time.UTC)
	for name, mode := range map[string]fs.FileMode{
		"README": 0o644, "readme": 0o640, "bin/run": 0o755, "bin/own": 0o700, "bin/all": 0o777, "private/key": 0o600,
		"private/in/read.only": 0o400, "open": 0o666, "odd/group": 0o664, "odd/a space": 0o604, "odd/empty": 0o644, "odd/ü": 0o644,
	} {
		if name == "odd/ü" && !links {
			continue // unzip does not understand the names of jar
		}
		content := strings.Repeat(name+"\n", 5)
		if filepath.Base(name) == "empty" {
			content = ""
		}
		file := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(t, os.WriteFile(file, []byte(content), 0o600))
		require.NoError(t, os.Chmod(file, mode))
		require.NoError(t, os.Chtimes(file, old, old))
		old = old.Add(1000 * time.Hour)
	}
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "void", "in"), 0o755))
	if links {
		for name, target := range map[string]string{"bin/link": "../README", "link": "bin/run", "in": "private/in", "odd/nowhere": "../none/there", "self": "self"} {
			require.NoError(t, os.Symlink(target, filepath.Join(dir, name)))
		}
	}
	for name, mode := range map[string]fs.FileMode{"private": 0o700, "odd": 0o777, "void/in": 0o750, "void": 0o500, "bin": 0o755} {
		require.NoError(t, os.Chmod(filepath.Join(dir, name), mode))
		require.NoError(t, os.Chtimes(filepath.Join(dir, name), old, old))
		old = old.Add(1000 * time.Hour)
	}
	t.Cleanup(func() { os.Chmod(filepath.Join(dir, "void"), 0o700) })
	return dir
}

// run runs a program in a folder, or skips the test where there is none.
func run(t *testing.T, dir, program string, args ...string) []byte {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		t.Skip(err)
	}
	command := exec.CommandContext(t.Context(), program, args...)
	command.Dir, command.Env = dir, append(os.Environ(), "LC_ALL=C.UTF-8", "TZ=UTC-3")
	var out, complaint bytes.Buffer
	command.Stdout, command.Stderr = &out, &complaint
	require.NoError(t, command.Run(), "%s: %s%s", program, &out, &complaint)
	return out.Bytes()
}

// byProgram has a program make an archive of the folder that it runs in.
func byProgram(program string, args ...string) func(*testing.T, string) []byte {
	return func(t *testing.T, dir string) []byte {
		file := filepath.Join(t.TempDir(), "made.zip")
		given := make([]string, len(args))
		for i, arg := range args {
			given[i] = strings.ReplaceAll(arg, "FILE", file)
		}
		run(t, dir, program, given...)
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		return data
	}
}

const pythonZips = `import os, sys, zipfile
with zipfile.ZipFile(sys.argv[1], "w", zipfile.ZIP_DEFLATED) as z:
    for root, folders, files in os.walk("."):
        for name in folders + files:
            z.write(os.path.join(root, name))
    z.writestr("made/by.name", "x")`

// runnerHeader is the header of gitlab-runner's archivers, with the extra fields of the
// older one.
func runnerHeader(t *testing.T, name string, info fs.FileInfo) *zip.FileHeader {
	h, err := zip.FileInfoHeader(info)
	require.NoError(t, err)
	h.Name = name
	if info.IsDir() {
		h.Name += "/"
	}
	h.Extra = binary.LittleEndian.AppendUint16(nil, 0x7875) // owner and group
	h.Extra = append(h.Extra, 11, 0, 1, 4, 0xe8, 3, 0, 0, 4, 0xe8, 3, 0, 0)
	h.Extra = append(h.Extra, 'U', 'T', 5, 0, 1)
	h.Extra = binary.LittleEndian.AppendUint32(h.Extra, uint32(info.ModTime().Unix()))
	return h
}

// byRunner makes an archive as gitlab-runner does: either in the order of names and with
// a descriptor behind each entry, or as fastzip, which puts files of known sizes behind
// everything else.
func byRunner(fast bool) func(*testing.T, string) []byte {
	return func(t *testing.T, dir string) []byte {
		var data bytes.Buffer
		w := zip.NewWriter(&data)
		var later []func()
		require.NoError(t, filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
			require.NoError(t, err)
			info, err := entry.Info()
			require.NoError(t, err)
			name, err := filepath.Rel(dir, path)
			require.NoError(t, err)
			if name == "." {
				return nil
			}
			h := runnerHeader(t, name, info)
			content := ""
			switch {
			case info.Mode().IsRegular():
				bytes, err := os.ReadFile(path)
				require.NoError(t, err)
				content, h.Method = string(bytes), zip.Deflate
			case info.Mode()&fs.ModeSymlink != 0:
				content, err = os.Readlink(path)
				require.NoError(t, err)
			}
			if fast && info.Mode().IsRegular() {
				h.Method, h.CRC32 = zip.Store, crc32.ChecksumIEEE([]byte(content))
				h.CompressedSize64, h.UncompressedSize64 = uint64(len(content)), uint64(len(content))
				later = append(later, func() { writeMember(t, w.CreateRaw, h, content) })
				return nil
			}
			writeMember(t, w.CreateHeader, h, content)
			return nil
		}))
		for _, write := range later {
			write()
		}
		require.NoError(t, w.Close())
		return data.Bytes()
	}
}

func writeMember(t *testing.T, create func(*zip.FileHeader) (io.Writer, error), h *zip.FileHeader, content string) {
	file, err := create(h)
	require.NoError(t, err)
	_, err = io.WriteString(file, content)
	require.NoError(t, err)
}

// listed describes everything in a folder: its kind and mode, its target or content, and
// when it was changed.
func listed(t *testing.T, dir string) (all map[string]string, times map[string]time.Time) {
	all, times = map[string]string{}, map[string]time.Time{}
	require.NoError(t, filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		name, err := filepath.Rel(dir, path)
		require.NoError(t, err)
		info, err := entry.Info()
		require.NoError(t, err)
		content := ""
		switch {
		case info.Mode().IsRegular():
			bytes, err := os.ReadFile(path)
			require.NoError(t, err)
			content, times[name] = string(bytes), info.ModTime()
		case entry.IsDir():
			times[name] = info.ModTime()
		default:
			content, err = os.Readlink(path)
			require.NoError(t, err)
		}
		mode := info.Mode()
		if entry.Type()&fs.ModeSymlink == 0 {
			mode = mode.Type() | mode.Perm()&0o755 // no wider: that is where unzip is followed no further
		}
		all[name] = fmt.Sprint(mode, " ", content)
		return nil
	}))
	return all, times
}

// Extract writes what unzip writes, for archives of any program.
func TestExtractAsUnzip(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("modes, links and twins are others elsewhere")
	}
	for name, test := range map[string]struct {
		make  func(*testing.T, string) []byte
		links bool
	}{
		"gitlab-runner":          {byRunner(false), true},
		"gitlab-runner, fastzip": {byRunner(true), true},
		"zip":                    {byProgram("zip", "-q", "-r", "-y", "FILE", "."), true},
		"zip, without extras":    {byProgram("zip", "-q", "-r", "-y", "-X", "FILE", "."), true},
		"7z":                     {byProgram("7z", "a", "-tzip", "-snl", "FILE", "."), true},
		"bsdtar":                 {byProgram("bsdtar", "-c", "--format", "zip", "-f", "FILE", "."), true},
		"jar":                    {byProgram("jar", "-c", "-f", "FILE", "."), false},
		"python":                 {byProgram("python3", "-c", pythonZips, "FILE"), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data := test.make(t, workplace(t, test.links))
			file := filepath.Join(t.TempDir(), "a.zip")
			require.NoError(t, os.WriteFile(file, data, 0o600))
			theirs, ours := t.TempDir(), t.TempDir()
			run(t, theirs, "unzip", "-q", file)
			result, err := gitlabci.ExtractZip(t.Context(), bytes.NewReader(data), int64(len(data)), ours, nil)
			require.NoError(t, err)
			for _, dir := range []string{theirs, ours} {
				defer os.Chmod(filepath.Join(dir, "void"), 0o700)
			}
			want, changed := listed(t, theirs)
			got, times := listed(t, ours)
			require.Equal(t, want, got)
			require.Equal(t, test.links, len(result.Links) == 5, result.Links)
			for name, at := range changed {
				require.WithinDuration(t, at, times[name], 2*time.Second, "%s: headers have only every other second", name)
			}
		})
	}
}
