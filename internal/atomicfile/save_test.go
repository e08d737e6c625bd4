package atomicfile_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/internal/testkit"
)

const saveEnv = "GITLABCI_TEST_SAVE" // makes a copy of this program save there until it is killed

// saveContents are what is saved in turn.
var saveContents = [2]string{testkit.Noise(200_000), strings.Repeat("new", 100_000)}

// saveFolder is a folder, and a file in it.
func saveFolder(t *testing.T) (folder, file string) {
	folder = t.TempDir()
	return folder, filepath.Join(folder, "artifacts.zip")
}

// requireSaved requires that there is a file in a folder, and nothing else.
func requireSaved(t *testing.T, file, content string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(file))
	require.NoError(t, err)
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	if content == "" {
		require.Empty(t, names)
		return
	}
	require.Equal(t, []string{filepath.Base(file)}, names)
	got, err := os.ReadFile(file)
	require.NoError(t, err)
	require.True(t, content == string(got), "%d bytes", len(got))
}

func TestSave(t *testing.T) {
	_, file := saveFolder(t)
	for _, content := range append(saveContents[:], "x") {
		s := testkit.NewScript(testkit.File(content, "application/zip", `attachment; filename="../other.zip"`))
		for _, src := range []gitlabci.ArtifactSource{gitlabci.JobID(7), testkit.Latest} {
			require.NoError(t, s.Client(t).Artifacts.Save(t.Context(), "group/app", src, file, nil))
			requireSaved(t, file, content)
		}
	}
}

func TestSaveOptions(t *testing.T) {
	_, file := saveFolder(t)
	packed := testkit.Gzip("<testsuite/>")
	var steps []testkit.ProgressStep
	opts := &gitlabci.SaveOptions{FileType: gitlabci.ArtifactTypeJUnit, Gunzip: true, Progress: testkit.RecordProgress(&steps).Progress}
	s := testkit.NewScript(testkit.File(packed, "application/gzip", `attachment; filename="junit.xml.gz"`))
	require.NoError(t, s.Client(t).Artifacts.Save(t.Context(), "group/app", gitlabci.JobID(7), file, opts))
	requireSaved(t, file, "<testsuite/>")
	require.Equal(t, []testkit.ProgressStep{{Done: int64(len(packed)), Total: int64(len(packed))}}, steps)
	require.Equal(t, "junit", s.Received()[0].URL.Query().Get("file_type"))
}

// After any failure, the old file is there, or none, and no other file.
func TestSaveFails(t *testing.T) {
	for name, test := range map[string]struct {
		step http.HandlerFunc
		err  error
	}{
		"not found":       {testkit.Respond(404, `{"message":"404 Not Found"}`), gitlabci.ErrNotFound},
		"cut off":         {testkit.Short("0123456789", 100, testkit.Reset), io.ErrUnexpectedEOF},
		"stalled":         {testkit.Short("0123456789", 100, testkit.Silent), gitlabci.ErrStalled},
		"a page":          {testkit.Respond(200, "<title>Sign in</title>", "Content-Type", "text/html"), nil},
		"not the report":  {testkit.File("PK\x03\x04", "application/zip", ""), errors.ErrUnsupported},
		"damaged":         {testkit.File(testkit.Gzip("x")[:20], "application/gzip", ""), io.ErrUnexpectedEOF},
		"damaged in it":   {testkit.File(testkit.Gzip(testkit.Noise(100_000))[:90_000], "application/gzip", ""), io.ErrUnexpectedEOF},
		"another, by now": {nil, nil},
	} {
		for _, old := range []string{"", "old"} {
			synctest.Test(t, func(t *testing.T) {
				_, file := saveFolder(t)
				if old != "" {
					require.NoError(t, os.WriteFile(file, []byte(old), 0o600))
				}
				s := testkit.NewScript(test.step)
				if test.step == nil {
					s = testkit.NewScript(testkit.FirstPart(), testkit.Whole(testkit.Text[:99]))
				}
				opts := &gitlabci.SaveOptions{FileType: gitlabci.ArtifactTypeJUnit, Gunzip: true}
				err := s.Client(t).Artifacts.Save(t.Context(), "group/app", gitlabci.JobID(7), file, opts)
				require.ErrorContains(t, err, "gitlabci: GET /projects/group%2Fapp/jobs/7/artifacts: ", name)
				require.True(t, test.err == nil || errors.Is(err, test.err), "%s: %v", name, err)
				requireSaved(t, file, old)
			})
		}
	}
}

func TestSaveCanceledOrPanicking(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, file := saveFolder(t)
		ctx, cancel := context.WithCancel(t.Context())
		s := testkit.NewScript(testkit.Short("0123456789", 100, testkit.Silent))
		opts := &gitlabci.SaveOptions{Progress: func(int64, int64) { cancel() }}
		err := s.Client(t).Artifacts.Save(ctx, "group/app", gitlabci.JobID(7), file, opts)
		require.ErrorIs(t, err, context.Canceled)
		requireSaved(t, file, "")

		opts.Progress = func(int64, int64) { panic("of the caller's") }
		require.PanicsWithValue(t, "of the caller's", func() {
			s.Client(t).Artifacts.Save(t.Context(), "group/app", gitlabci.JobID(7), file, opts)
		})
		requireSaved(t, file, "")
	})
}

// A file that cannot be replaced is an error before anything is sent.
func TestSaveRefuses(t *testing.T) {
	folder, file := saveFolder(t)
	require.NoError(t, os.Symlink(folder, filepath.Join(folder, "link")))
	// Not a device: where the check fails, root would replace that for everybody.
	short, err := os.MkdirTemp("", "s") // the path of a socket must be
	require.NoError(t, err)
	defer os.RemoveAll(short)
	socket, err := net.Listen("unix", filepath.Join(short, "s"))
	require.NoError(t, err)
	defer socket.Close()
	require.NoError(t, os.Symlink(socket.Addr().String(), filepath.Join(folder, "to the socket")))
	require.NoError(t, os.Symlink("to the socket", filepath.Join(folder, "to that")))
	require.NoError(t, os.Symlink("/proc/self/fd/1", filepath.Join(folder, "stdout")))
	for target, want := range map[string]error{
		filepath.Join(folder, "to that"):    gitlabci.ErrInvalid,
		filepath.Join(folder, "stdout"):     gitlabci.ErrInvalid,
		"":                                  gitlabci.ErrInvalid,
		".":                                 gitlabci.ErrInvalid,
		folder:                              gitlabci.ErrInvalid,
		folder + "/":                        gitlabci.ErrInvalid,
		file + "/":                          gitlabci.ErrInvalid,
		filepath.Join(folder, "link"):       gitlabci.ErrInvalid,
		socket.Addr().String():              gitlabci.ErrInvalid,
		"a\x00b":                            gitlabci.ErrInvalid,
		filepath.Join(folder, "no", "file"): fs.ErrNotExist,
	} {
		s := testkit.NewScript(testkit.OK)
		err := s.Client(t).Artifacts.Save(t.Context(), "group/app", gitlabci.JobID(7), target, nil)
		require.ErrorIs(t, err, want, target)
		require.ErrorContains(t, err, "gitlabci: ")
		require.Empty(t, s.Received())
	}
	for _, src := range []gitlabci.ArtifactSource{nil, gitlabci.JobID(0), gitlabci.LatestArtifacts{Ref: "main"}} {
		s := testkit.NewScript(testkit.OK)
		require.ErrorIs(t, s.Client(t).Artifacts.Save(t.Context(), "group/app", src, file, nil), gitlabci.ErrInvalid)
		require.Empty(t, s.Received())
	}
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	require.Len(t, entries, 4, "the links")
}

// Permissions are passed on, owners of a link are not, nor is what it points to.
func TestSaveReplaces(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("permissions and links are others there")
	}
	folder, file := saveFolder(t)
	plain := filepath.Join(folder, "plain")
	require.NoError(t, os.WriteFile(plain, nil, 0o666)) // less what this process withholds
	usual, err := os.Stat(plain)
	require.NoError(t, err)
	client := testkit.NewScript(testkit.File("new", "application/zip", "")).Client(t)
	save := func(file string) fs.FileMode {
		require.NoError(t, client.Artifacts.Save(t.Context(), "group/app", gitlabci.JobID(7), file, nil))
		now, err := os.Lstat(file)
		require.NoError(t, err)
		return now.Mode()
	}
	require.Equal(t, usual.Mode(), save(file))
	for _, mode := range []fs.FileMode{0o600, 0o640, 0o666, 0o755, 0o444} {
		require.NoError(t, os.Chmod(file, mode))
		require.Equal(t, mode, save(file))
	}
	link := filepath.Join(folder, "link")
	require.NoError(t, os.Symlink(plain, link))
	require.Equal(t, usual.Mode(), save(link), "a file by now")
	old, err := os.ReadFile(plain)
	require.NoError(t, err)
	require.Empty(t, old)
}

// TestSaveIsKilled kills copies of this program while they save.
func TestSaveIsKilled(t *testing.T) {
	if file := os.Getenv(saveEnv); file != "" {
		saveForever(t, file)
	}
	program, err := os.Executable()
	require.NoError(t, err)
	_, file := saveFolder(t)
	require.NoError(t, os.WriteFile(file, []byte(saveContents[0]), 0o600))
	moments := rand.New(rand.NewPCG(7, 7))
	for range 12 {
		child := exec.CommandContext(t.Context(), program, "-test.run=^TestSaveIsKilled$")
		child.Env = append(os.Environ(), saveEnv+"="+file)
		steps, err := child.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, child.Start())
		_, err = io.CopyN(io.Discard, steps, moments.Int64N(60))
		require.NoError(t, err)
		require.NoError(t, child.Process.Kill())
		require.Error(t, child.Wait())
		got, err := os.ReadFile(file)
		require.NoError(t, err)
		require.True(t, slices.Contains(saveContents[:], string(got)), "%d bytes", len(got))
	}
}

// saveForever saves one content after the other, and prints a byte for every
// step on the way.
func saveForever(t *testing.T, file string) {
	for i := 1; ; i++ {
		client := testkit.NewScript(testkit.File(saveContents[i%2], "application/zip", "")).Client(t)
		opts := &gitlabci.SaveOptions{Progress: func(int64, int64) { os.Stdout.WriteString(".") }}
		require.NoError(t, client.Artifacts.Save(t.Context(), "group/app", gitlabci.JobID(7), file, opts))
		os.Stdout.WriteString("!")
	}
}
