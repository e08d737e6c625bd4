package testkit

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
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

// NumberedLines returns a log of as many lines, no two alike.
func NumberedLines(lines int) string {
	var log strings.Builder
	for i := range lines {
		fmt.Fprintf(&log, "line %06d\n", i)
	}
	return log.String()
}

// Text is a file of 100 bytes, no neighbours alike.
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
