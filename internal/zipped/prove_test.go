package zipped

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"
)

// provable is an archive with members of all kinds that Prove knows, and where its
// directory begins.
func provable(t *testing.T) (data []byte, directory int64) {
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	written := time.Date(2024, 5, 6, 7, 8, 10, 0, time.UTC)
	for _, content := range []string{"deflated " + strings.Repeat("content ", 50), "", "large" + strings.Repeat("0123456789", 20_000)} {
		one, err := w.CreateHeader(&zip.FileHeader{Name: "name of " + content[:min(5, len(content))], Method: zip.Deflate, Modified: written}) // with a descriptor
		require.NoError(t, err)
		_, err = io.WriteString(one, content)
		require.NoError(t, err)
	}
	_, err := w.Create("folder/")
	require.NoError(t, err)
	one, err := w.CreateRaw(&zip.FileHeader{Name: "stored", CRC32: crc32.ChecksumIEEE([]byte("content")), CompressedSize64: 7, UncompressedSize64: 7, Extra: field(77, 1)})
	require.NoError(t, err)
	_, err = io.WriteString(one, "content")
	require.NoError(t, err)
	require.NoError(t, w.Close())
	directory, found, fits := End(out.Bytes(), int64(out.Len()))
	require.True(t, found && fits)
	return out.Bytes(), directory
}

func prove(data []byte, seam int64) error {
	return Prove(context.Background(), bytes.NewReader(data), int64(len(data)), seam)
}

func TestProve(t *testing.T) {
	data, directory := provable(t)
	for _, seam := range []int64{1, directory / 2, directory} {
		require.NoError(t, prove(data, seam))
	}
	require.Equal(t, ErrUnproven, prove(data, directory+1), "the directory is from two responses")
	require.Equal(t, ErrUnproven, prove(data[:len(data)-1], 1))
	require.Equal(t, ErrUnproven, prove(append(bytes.Clone(data), 0), 1))
	require.Equal(t, ErrUnproven, prove(append([]byte("other data"), data...), 1))
	require.Equal(t, ErrUnproven, prove(archiveOf(t, "", headers()...), 1))
	require.NoError(t, prove(archiveOf(t, "empty"), 0))
}

// TestProveEveryByte changes each byte before the directory, a quarter of them in each
// run. What passes unpacks to the same files: a changed bit then is padding, or of the
// version of zip that a header asks for.
func TestProveEveryByte(t *testing.T) {
	data, directory := provable(t)
	want, passed := contents(t, data), 0
	step := 4
	if os.Getenv("GITLABCI_TEST_ALL") != "" {
		step = 1
	}
	for at := rand.IntN(step); at < int(directory); at += step {
		changed := bytes.Clone(data)
		changed[at] ^= 0x40
		if prove(changed, 1) == nil {
			passed++
			require.Equal(t, want, contents(t, changed), "at %d", at)
		}
	}
	require.Less(t, step*passed, 20)
}

func contents(t *testing.T, data []byte) (all []string) {
	r, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	require.NoError(t, err)
	for _, file := range r.File {
		one, err := file.Open()
		require.NoError(t, err)
		content, err := io.ReadAll(one)
		require.NoError(t, err)
		all = append(all, file.Name, string(content))
	}
	return all
}

func TestProveOtherContent(t *testing.T) {
	data, _ := provable(t)
	changed := bytes.Replace(data, []byte("\x01content"), []byte("\x01CONTENT"), 1)
	require.NotEqual(t, data, changed)
	err := prove(changed, 1)
	require.ErrorIs(t, err, zip.ErrChecksum)
	require.ErrorContains(t, err, `"stored"`)
}

func TestProveFails(t *testing.T) {
	data, _ := provable(t)
	broken := errors.New("broken")
	source := io.NewSectionReader(failing{broken}, 0, int64(len(data)))
	require.ErrorIs(t, Prove(t.Context(), source, int64(len(data)), 1), broken)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, Prove(ctx, bytes.NewReader(data), int64(len(data)), 1), context.Canceled)
}

type failing struct{ err error }

func (f failing) ReadAt(p []byte, at int64) (int, error) { return iotest.ErrReader(f.err).Read(p) }

func TestEnd(t *testing.T) {
	small := archiveOf(t, "", headers()[:3]...)
	directory := int64(bytes.Index(small, []byte(entryMagic)))
	for name, test := range map[string]struct {
		data        []byte
		directory   int64
		found, fits bool
	}{
		"nothing":            {nil, 0, false, false},
		"no archive":         {bytes.Repeat([]byte("x"), 100), 0, false, false},
		"an archive":         {small, directory, true, true},
		"with a comment":     {archiveOf(t, "a comment", headers()[:3]...), directory, true, true},
		"empty":              {archiveOf(t, ""), 0, true, true},
		"cut short":          {small[:len(small)-1], 0, false, false},
		"with more after it": {append(bytes.Clone(small), 0), 0, false, false},
		"after other data":   {append([]byte("other"), small...), 0, true, false},
		"zip64":              {zip64(small, 3, 0, 0, 0, 1), directory, true, true},
		"zip64, elsewhere":   {zip64(small, 3, 1, 0, 0, 1), 0, true, false},
		"its end in another": {archiveOf(t, string(archiveOf(t, ""))), 0, true, true},
	} {
		at, found, fits := End(test.data, int64(len(test.data)))
		require.Equal(t, []any{test.directory, test.found, test.fits}, []any{at, found, fits}, name)
	}
}
