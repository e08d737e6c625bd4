package testkit

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"encoding/binary"
	"hash/crc32"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
)

// Noise is n bytes that do not compress.
func Noise(n int) string {
	noise := make([]byte, n)
	rand.NewChaCha8([32]byte{7}).Read(noise)
	return string(noise)
}

// A ProgressStep is a call of Progress.
type ProgressStep struct{ Done, Total int64 }

// RecordProgress are options that record the calls of Progress.
func RecordProgress(steps *[]ProgressStep) *gitlabci.OpenOptions {
	return &gitlabci.OpenOptions{Progress: func(done, total int64) { *steps = append(*steps, ProgressStep{done, total}) }}
}

// NumberedLines returns a log of as many lines, no two alike: "line 000000" and so on.
func NumberedLines(lines int) string {
	numbered.Lock()
	defer numbered.Unlock()
	for i := len(numbered.ends); i < lines; i++ {
		number := strconv.Itoa(i)
		numbered.text = append(append(append(numbered.text, "line 000000"[:max(5, 11-len(number))]...), number...), '\n')
		numbered.ends = append(numbered.ends, len(numbered.text))
	}
	if lines == 0 {
		return ""
	}
	return string(numbered.text[:numbered.ends[lines-1]])
}

// numbered are the lines of the longest log so far.
var numbered struct {
	sync.Mutex
	text []byte
	ends []int // of the lines
}

// Text is a file of 100 bytes, no two neighbors alike.
var Text = Noise(100)

// Values of Last-Modified.
const (
	Date      = "Tue, 02 Mar 1999 12:00:00 GMT"
	LaterDate = "Wed, 03 Mar 1999 12:00:00 GMT"
)

// Gzip is a gzip file of texts, each compressed by itself.
func Gzip(texts ...string) string {
	var packed bytes.Buffer
	for _, text := range texts {
		w := gzip.NewWriter(&packed)
		io.WriteString(w, text)
		w.Close()
	}
	return packed.String()
}

// InFolder calls save with the name of a file in a folder that it removes.
func InFolder(save func(file string) error) error {
	folder, err := os.MkdirTemp("", "save")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	return save(filepath.Join(folder, "artifacts.zip"))
}

// GoldenFile returns a file of the module's testdata.
func GoldenFile(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(ModuleFile(t, "testdata/"+name))
	require.NoError(t, err)
	return data
}

// ModuleFile returns the path of a file of this module, by its name from the
// module's root.
func ModuleFile(t testing.TB, name string) string {
	t.Helper()
	dir, err := os.Getwd()
	require.NoError(t, err)
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return filepath.Join(dir, filepath.FromSlash(name))
		}
		parent := filepath.Dir(dir)
		require.NotEqual(t, dir, parent, "no go.mod above the test")
		dir = parent
	}
}

// EmptyZip has no files.
var EmptyZip = "PK\x05\x06" + strings.Repeat("\x00", 18)

// archiveTime is the extended timestamp of 2024-05-06 07:08:10 UTC.
var archiveTime = binary.LittleEndian.AppendUint32(nil, 1714979290)

// A ZipEntry is a member of an archive that a test makes, and what is
// changed in its entry of the directory afterwards.
type ZipEntry struct {
	Name    string
	Content string
	Mode    fs.FileMode // 0 is 0o644, and 0o755 for a folder
	Store   bool
	Lie     func(*zip.FileHeader)
}

// Zip makes an archive, valid or not.
func Zip(t testing.TB, entries ...ZipEntry) []byte {
	t.Helper()
	var data bytes.Buffer
	w := zip.NewWriter(&data)
	var lies []*zip.FileHeader
	for _, e := range entries {
		h := &zip.FileHeader{Name: e.Name, Method: zip.Store, Extra: append([]byte("UT\x05\x00\x01"), archiveTime...)}
		switch {
		case e.Mode == 0 && strings.HasSuffix(e.Name, "/"):
			e.Mode = 0o755
		case e.Mode == 0:
			e.Mode = 0o644
		}
		h.SetMode(e.Mode)
		packed := []byte(e.Content)
		if !e.Store && e.Content != "" {
			h.Method = zip.Deflate
			packed = deflated(t, e.Content)
		}
		h.CRC32, h.UncompressedSize64, h.CompressedSize64 = crc32.ChecksumIEEE([]byte(e.Content)), uint64(len(e.Content)), uint64(len(packed))
		file, err := w.CreateRaw(h)
		require.NoError(t, err)
		_, err = file.Write(packed)
		require.NoError(t, err)
		if e.Lie != nil {
			e.Lie(h)
			lies = append(lies, h)
		}
	}
	require.NoError(t, w.Close())
	for _, h := range lies {
		lieOfSizes(data.Bytes(), h)
	}
	return data.Bytes()
}

// lieOfSizes puts a member's sizes into the directory, unless they are too
// large: then archive/zip has put them elsewhere.
func lieOfSizes(data []byte, h *zip.FileHeader) {
	if max(h.CompressedSize64, h.UncompressedSize64) >= 1<<32-1 {
		return
	}
	const fixed = 46
	entry := data[bytes.LastIndex(data, []byte(h.Name+string(h.Extra)))-fixed:]
	binary.LittleEndian.PutUint32(entry[20:], uint32(h.CompressedSize64))
	binary.LittleEndian.PutUint32(entry[24:], uint32(h.UncompressedSize64))
}

// deflatedBefore has what was compressed in this process, by content: tests pack the
// same contents again and again, and under the race detector that is most of their time.
var deflatedBefore sync.Map

// deflated is content, compressed.
func deflated(t testing.TB, content string) []byte {
	if packed, ok := deflatedBefore.Load(content); ok {
		return packed.([]byte)
	}
	var packed bytes.Buffer
	w, err := flate.NewWriter(&packed, flate.BestSpeed)
	require.NoError(t, err)
	_, err = io.WriteString(w, content)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	deflatedBefore.Store(content, packed.Bytes())
	return packed.Bytes()
}

// ZipClient is a client of a server whose every response is this archive.
func ZipClient(t testing.TB, data []byte) *gitlabci.Client {
	client, err := gitlabci.NewClient(gitlabci.WithRetries(0), gitlabci.WithTransport(RoundTripper(func(req *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, ContentLength: int64(len(data)), Body: io.NopCloser(bytes.NewReader(data)), Request: req}, nil
	})))
	require.NoError(t, err)
	return client
}
