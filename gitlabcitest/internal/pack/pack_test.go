package pack_test

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci/gitlabcitest/internal/pack"
	"example.com/gitlabci/internal/testkit"
)

var noon = time.Date(2024, 3, 1, 12, 0, 0, 0, time.UTC)

func names(files []*zip.File) (found []string) {
	for _, file := range files {
		found = append(found, file.Name+" "+pack.Octal(file.Mode()))
	}
	return found
}

func zipped(t *testing.T, files fs.FS) []*zip.File {
	t.Helper()
	data, err := pack.Zip(files, noon)
	require.NoError(t, err)
	read, err := pack.Read(data)
	require.NoError(t, err)
	return read
}

func TestZip(t *testing.T) {
	files := zipped(t, fstest.MapFS{
		"b/run":  {Data: []byte("run"), Mode: 0o700, ModTime: noon.Add(-time.Hour)},
		"b/link": {Data: []byte("run"), Mode: fs.ModeSymlink | 0o777},
		"a.txt":  {Data: []byte("text")},
		"empty":  {Mode: fs.ModeDir},
	})
	require.Equal(t, []string{"a.txt 100644", "b/ 040755", "b/link 120777", "b/run 100700", "empty/ 040755"}, names(files))
	require.True(t, files[0].Modified.Equal(noon))
	require.True(t, files[3].Modified.Equal(noon.Add(-time.Hour)))
	require.Equal(t, &pack.Member{Content: []byte("run"), Size: 3}, pack.MemberOf(files, "b/run"))
	require.Nil(t, pack.MemberOf(files, "b/"))
	require.Nil(t, pack.MemberOf(files, "absent"))
	_, err := pack.Zip(fstest.MapFS{"pipe": {Mode: fs.ModeNamedPipe}}, noon)
	require.EqualError(t, err, "pipe is neither a file nor a folder nor a link")
	_, err = pack.Read([]byte("no archive"))
	require.Error(t, err)
}

func TestFolder(t *testing.T) {
	files := zipped(t, fstest.MapFS{"b/c/d": {}, "b/a": {}, "z": {}})
	for _, test := range []struct {
		name      string
		recursive bool
		want      []string
		ok        bool
	}{
		{"", false, []string{"b/ 040755", "z 100644"}, true},
		{"b", false, []string{"b/c/ 040755", "b/a 100644"}, true},
		{"b/", true, []string{"b/c/ 040755", "b/a 100644", "b/c/d 100644"}, true},
		{"z", false, nil, false},
		{"absent", false, nil, false},
	} {
		found, ok := pack.Folder(files, test.name, test.recursive)
		require.Equal(t, test.ok, ok, test.name)
		require.Equal(t, test.want, names(found), test.name)
	}
	found, ok := pack.Folder(nil, "", false)
	require.True(t, ok, "there is always a top")
	require.Empty(t, found)
}

func TestOneFile(t *testing.T) {
	r, err := gzip.NewReader(bytes.NewReader(pack.Gzip([]byte("report"))))
	require.NoError(t, err)
	text, err := io.ReadAll(r)
	require.NoError(t, err)
	require.Equal(t, "report", string(text))
	files, err := pack.Read(pack.ZipOne("lsif.json", []byte("{}")))
	require.NoError(t, err)
	require.Equal(t, "{}", string(pack.MemberOf(files, "lsif.json").Content))
	require.Equal(t, "GitLab Build Artifacts Metadata 0.0.2\n{}\nlsif.json\x00{\"mode\":\"100666\",\"size\":2}\x00", string(pack.Index(files)))
}

// Small files are remembered, and large ones are not: either way they unpack to what they
// were, however many others came before.
func TestManyFiles(t *testing.T) {
	testkit.NotUnderRace(t)
	for i := range 1200 {
		if i >= 1100 {
			i -= 100 // again
		}
		content := []byte(strings.Repeat("x", i%2*3990+i%20) + fmt.Sprint(i))
		r, err := gzip.NewReader(bytes.NewReader(pack.Gzip(content)))
		require.NoError(t, err)
		got, err := io.ReadAll(r)
		require.NoError(t, err)
		require.True(t, bytes.Equal(content, got), i)
	}
	for range 2 {
		content := []byte("a small file")
		files, err := pack.Read(pack.ZipOne("a", content))
		require.NoError(t, err)
		require.Equal(t, &pack.Member{Content: content, Size: 12}, pack.MemberOf(files, "a"))
	}
}
