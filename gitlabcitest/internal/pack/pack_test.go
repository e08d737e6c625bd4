package pack_test

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"io/fs"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"example.com/gitlabci/gitlabcitest/internal/pack"
	"example.com/gitlabci/internal/testkit/light"
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
	if err != nil {
		t.Fatal(err)
	}
	return opened(t, data)
}

func opened(t *testing.T, data []byte) []*zip.File {
	t.Helper()
	files, err := pack.Read(data)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// unpacked is what a gzip file has.
func unpacked(t *testing.T, packed []byte) string {
	t.Helper()
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// member requires that an archive has a member with a content, or none of that name.
func member(t *testing.T, files []*zip.File, name string, want *pack.Member) {
	t.Helper()
	if got := pack.MemberOf(files, name); !reflect.DeepEqual(got, want) {
		t.Errorf("%s: got %+v, want %+v", name, got, want)
	}
}

func TestZip(t *testing.T) {
	files := zipped(t, fstest.MapFS{
		"b/run":  {Data: []byte("run"), Mode: 0o700, ModTime: noon.Add(-time.Hour)},
		"b/link": {Data: []byte("run"), Mode: fs.ModeSymlink | 0o777},
		"a.txt":  {Data: []byte("text")},
		"empty":  {Mode: fs.ModeDir},
	})
	want := []string{"a.txt 100644", "b/ 040755", "b/link 120777", "b/run 100700", "empty/ 040755"}
	if got := names(files); !slices.Equal(got, want) {
		t.Fatalf("got %q, want %q", got, want)
	}
	if got := files[0].Modified; !got.Equal(noon) {
		t.Errorf("a file without a time is from %v, want %v", got, noon)
	}
	if got := files[3].Modified; !got.Equal(noon.Add(-time.Hour)) {
		t.Errorf("a file of an hour ago is from %v, want %v", got, noon.Add(-time.Hour))
	}
	member(t, files, "b/run", &pack.Member{Content: []byte("run"), Size: 3})
	member(t, files, "b/", nil)
	member(t, files, "absent", nil)
	_, err := pack.Zip(fstest.MapFS{"pipe": {Mode: fs.ModeNamedPipe}}, noon)
	if err == nil || err.Error() != "pipe is neither a file nor a folder nor a link" {
		t.Errorf("of a pipe, got %v", err)
	}
	if _, err := pack.Read([]byte("no archive")); err == nil {
		t.Error("no archive is read")
	}
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
		if ok != test.ok || !reflect.DeepEqual(names(found), test.want) {
			t.Errorf("%s: got %q, %v, want %q, %v", test.name, names(found), ok, test.want, test.ok)
		}
	}
	if found, ok := pack.Folder(nil, "", false); !ok || len(found) > 0 { // there is always a top
		t.Errorf("without files, got %q, %v", names(found), ok)
	}
}

func TestOneFile(t *testing.T) {
	if got := unpacked(t, pack.Gzip([]byte("report"))); got != "report" {
		t.Errorf("got %q, want report", got)
	}
	files := opened(t, pack.ZipOne("lsif.json", []byte("{}")))
	member(t, files, "lsif.json", &pack.Member{Content: []byte("{}"), Size: 2})
	want := "GitLab Build Artifacts Metadata 0.0.2\n{}\nlsif.json\x00{\"mode\":\"100666\",\"size\":2}\x00"
	if got := string(pack.Index(files)); got != want {
		t.Errorf("the index is %q, want %q", got, want)
	}
}

// Small files are remembered, and large ones are not: either way they unpack to what they
// were, however many others came before.
func TestManyFiles(t *testing.T) {
	light.NotUnderRace(t)
	for i := range 1200 {
		if i >= 1100 {
			i -= 100 // again
		}
		content := strings.Repeat("x", i%2*3990+i%20) + fmt.Sprint(i)
		if got := unpacked(t, pack.Gzip([]byte(content))); got != content {
			t.Fatalf("file %d: got %d bytes, want %d", i, len(got), len(content))
		}
	}
	for range 2 {
		content := []byte("a small file")
		member(t, opened(t, pack.ZipOne("a", content)), "a", &pack.Member{Content: content, Size: 12})
	}
}
