package zipped_test

import (
	"archive/zip"
	"context"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
	"example.com/gitlabci/internal/testkit"
)

// extracted is what is in a directory: the mode and the content of each file,
// and folders that are empty.
func extracted(t testing.TB, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	require.NoError(t, filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if inside, err := os.ReadDir(path); err != nil || len(inside) > 0 {
				return err
			}
			found[filepath.ToSlash(name)+"/"] = ""
			return nil
		}
		content, err := os.ReadFile(path)
		found[filepath.ToSlash(name)] = string(content)
		return err
	}))
	return found
}

func TestExtract(t *testing.T) {
	data, files := variedArchive(t)
	for i, name := range testkit.SortedKeys(archiveDeliveries()) {
		opts := archiveDeliveries()[name]
		for source, src := range map[string]gitlabci.ArtifactSource{"job": archiveJob, "latest": testkit.Latest} {
			if testkit.UnderRace() && (i%2 == 0) != (source == "job") {
				continue // they take turns
			}
			t.Run(name+"/"+source, func(t *testing.T) {
				t.Setenv("TMPDIR", t.TempDir())
				dir := filepath.Join(t.TempDir(), "new", "folder")
				result, err := archiveServer(data, opts...).Client().Artifacts.Extract(t.Context(), "group/app", src, dir, nil)
				require.NoError(t, err)
				requireExtracted(t, dir, result, files, "made/")
				left, err := os.ReadDir(os.TempDir())
				require.NoError(t, err)
				require.Empty(t, left)
			})
		}
	}
}

// requireExtracted requires that these are all files in a directory, and those
// of the result.
func requireExtracted(t *testing.T, dir string, result *gitlabci.ExtractResult, files map[string]string, folders ...string) {
	t.Helper()
	got := extracted(t, dir)
	size := 0
	for name, content := range files {
		require.True(t, content == got[name], name)
		size += len(content)
	}
	require.Len(t, got, len(files)+len(folders))
	for _, folder := range folders {
		require.Contains(t, got, folder)
	}
	require.Equal(t, testkit.SortedKeys(files), result.Files)
	require.EqualValues(t, size, result.Bytes)
	require.Empty(t, result.Skipped)
}

func TestExtractModes(t *testing.T) {
	const all = fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky
	data := testkit.Zip(t, testkit.ZipEntry{Name: "none", Mode: 0o400}, testkit.ZipEntry{Name: "run", Mode: 0o001 | all}, testkit.ZipEntry{Name: "all", Mode: 0o777}, testkit.ZipEntry{Name: "write", Mode: 0o666 | all}, testkit.ZipEntry{Name: "closed/in", Mode: 0o600})
	dir := t.TempDir()
	_, err := archiveServer(data).Client().Artifacts.Extract(t.Context(), "group/app", archiveJob, dir, nil)
	require.NoError(t, err)
	probe := filepath.Join(dir, "probe")
	require.NoError(t, os.WriteFile(probe, nil, 0o777))
	info, err := os.Stat(probe)
	require.NoError(t, err)
	for name, want := range map[string]fs.FileMode{"none": 0o400, "run": 0o001, "all": 0o755, "write": 0o644, "closed/in": 0o600} {
		got, err := os.Stat(filepath.Join(dir, name))
		require.NoError(t, err)
		require.Equal(t, want&info.Mode().Perm(), got.Mode(), name)
	}
}

// Hostile names are refused before anything is written, next to harmless ones.
func TestExtractRefusesNames(t *testing.T) {
	link := fs.ModeSymlink | 0o777
	tests := map[string]struct {
		entries []testkit.ZipEntry
		text    string
	}{
		"up":                      {[]testkit.ZipEntry{{Name: "../x"}}, `"../x": a name with ".."`},
		"up within":               {[]testkit.ZipEntry{{Name: "a/../../x"}}, `a name with ".."`},
		"several":                 {[]testkit.ZipEntry{{Name: "../x"}, {Name: "../y"}, {Name: "../z"}}, `"../x": a name with ".." (and 2 more)`},
		"up and a folder":         {[]testkit.ZipEntry{{Name: "../x/"}}, `a name with ".."`},
		"absolute":                {[]testkit.ZipEntry{{Name: "/etc/passwd"}}, `"/etc/passwd": an absolute name`},
		"a drive":                 {[]testkit.ZipEntry{{Name: `C:/x`}}, `"C:/x": a name with a drive letter`},
		"a drive alone":           {[]testkit.ZipEntry{{Name: `c:x`}}, "a drive letter"},
		"backslashes":             {[]testkit.ZipEntry{{Name: `..\x`}}, "a name with a backslash"},
		"a device of Windows":     {[]testkit.ZipEntry{{Name: `\\.\PhysicalDrive0`}}, "a name with a backslash"},
		"empty":                   {[]testkit.ZipEntry{{Name: ""}}, `"": a name that is empty`},
		"a dot":                   {[]testkit.ZipEntry{{Name: "a/./x"}}, "not clean"},
		"a dot alone":             {[]testkit.ZipEntry{{Name: "."}}, "not clean"},
		"up after a dot":          {[]testkit.ZipEntry{{Name: "./../x"}}, `a name with ".."`},
		"absolute after a dot":    {[]testkit.ZipEntry{{Name: ".//x"}}, "not clean"},
		"two slashes":             {[]testkit.ZipEntry{{Name: "a//x"}}, "not clean"},
		"not UTF-8":               {[]testkit.ZipEntry{{Name: "\xff\xfe"}}, "not UTF-8"},
		"a zero":                  {[]testkit.ZipEntry{{Name: "a\x00b"}}, "no file can have here"},
		"too long":                {[]testkit.ZipEntry{{Name: strings.Repeat("x", 256)}}, "too long"},
		"too deep":                {[]testkit.ZipEntry{{Name: strings.Repeat("x/", 2100) + "y"}}, "too long"},
		"a link out":              {[]testkit.ZipEntry{{Name: "l", Content: "/etc", Mode: link}, {Name: "l/passwd"}}, `"l/passwd": "l" is a file`},
		"a link as a folder":      {[]testkit.ZipEntry{{Name: "l/", Mode: link}}, "a symbolic link"},
		"a device":                {[]testkit.ZipEntry{{Name: "d", Mode: fs.ModeDevice | 0o666}}, "neither a file nor a folder"},
		"a character device":      {[]testkit.ZipEntry{{Name: "d", Mode: fs.ModeDevice | fs.ModeCharDevice | 0o666}}, "neither a file nor a folder"},
		"a pipe":                  {[]testkit.ZipEntry{{Name: "d", Mode: fs.ModeNamedPipe | 0o666}}, "neither a file nor a folder"},
		"a socket":                {[]testkit.ZipEntry{{Name: "d", Mode: fs.ModeSocket | 0o666}}, "neither a file nor a folder"},
		"twice":                   {[]testkit.ZipEntry{{Name: "x", Content: "1"}, {Name: "x", Content: "2"}}, `"x": it is there twice`},
		"twice, after a dot":      {[]testkit.ZipEntry{{Name: "x", Content: "1"}, {Name: "./x", Content: "2"}}, `"./x": it is there twice`},
		"a file and a folder":     {[]testkit.ZipEntry{{Name: "x"}, {Name: "x/"}}, "it is there twice"},
		"a file and one below":    {[]testkit.ZipEntry{{Name: "x"}, {Name: "x/y"}}, `"x/y": "x" is a file`},
		"a folder and a file":     {[]testkit.ZipEntry{{Name: "x/y"}, {Name: "x"}}, "it is there twice"},
		"encrypted":               {[]testkit.ZipEntry{{Name: "x", Content: "y", Lie: func(h *zip.FileHeader) { h.Flags |= 1 }}}, `"x": it is encrypted`},
		"strongly encrypted":      {[]testkit.ZipEntry{{Name: "x", Content: "y", Lie: func(h *zip.FileHeader) { h.Flags |= 1 << 6 }}}, `"x": it is encrypted`},
		"an unknown method":       {[]testkit.ZipEntry{{Name: "x", Content: "y", Lie: func(h *zip.FileHeader) { h.Method = 12 }}}, "compressed by method 12"},
		"beyond the end":          {[]testkit.ZipEntry{{Name: "x", Content: "y", Lie: func(h *zip.FileHeader) { h.CompressedSize64 = 1 << 40 }}}, "overlaps"},
		"a size that no file has": {[]testkit.ZipEntry{{Name: "x", Content: "y", Lie: func(h *zip.FileHeader) { h.UncompressedSize64 = 1 << 63 }}}, "states a size"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			parent := t.TempDir()
			data := testkit.Zip(t, append([]testkit.ZipEntry{{Name: "good", Content: "good"}}, test.entries...)...)
			result, err := archiveServer(data).Client().Artifacts.Extract(t.Context(), "group/app", archiveJob, filepath.Join(parent, "dir"), &gitlabci.ExtractOptions{Overwrite: true})
			require.ErrorIs(t, err, gitlabci.ErrUnsafeArchive)
			require.ErrorContains(t, err, "gitlabci: GET /projects/group%2Fapp/jobs/7/artifacts: artifacts.zip: unsafe: ")
			require.ErrorContains(t, err, test.text)
			require.Empty(t, result.Files)
			require.Empty(t, extracted(t, parent))
		})
	}
}

// What is not selected is not asked what it is called.
func TestExtractMatch(t *testing.T) {
	files := []string{"top.xml", "a/one.xml", "a/two.txt", "a/b/three.xml", "a/b/c/four.txt", "x/y"}
	var entries []testkit.ZipEntry
	for _, name := range append(files, "../up", "TOP.xml") {
		entries = append(entries, testkit.ZipEntry{Name: name, Content: name})
	}
	data := testkit.Zip(t, append(entries, testkit.ZipEntry{Name: "a/e/"})...)
	tests := map[string]struct {
		match []string
		want  []string
	}{
		"a name":            {[]string{"a/one.xml"}, files[1:2]},
		"the top":           {[]string{"t*.xml"}, files[:1]},
		"anywhere":          {[]string{"**/[^T]*.xml"}, []string{"a/b/three.xml", "a/one.xml", "top.xml"}},
		"a folder":          {[]string{"a/**"}, []string{"a/b/c/four.txt", "a/b/three.xml", "a/e/", "a/one.xml", "a/two.txt"}},
		"in the middle":     {[]string{"a/**/*.txt"}, []string{"a/b/c/four.txt", "a/two.txt"}},
		"two in the middle": {[]string{"**/b/**/f*"}, []string{"a/b/c/four.txt"}},
		"several":           {[]string{"x/?", "a/b/*"}, []string{"a/b/three.xml", "x/y"}},
		"a folder itself":   {[]string{"a/e/"}, []string{"a/e/"}},
		"all below":         {[]string{"a/b"}, []string{"a/b/c/four.txt", "a/b/three.xml"}},
		"all below, slash":  {[]string{"a/b/"}, []string{"a/b/c/four.txt", "a/b/three.xml"}},
		"all below, dot":    {[]string{"./a/b"}, []string{"a/b/c/four.txt", "a/b/three.xml"}},
		"below any":         {[]string{"**/c"}, []string{"a/b/c/four.txt"}},
		"below wild ones":   {[]string{"?/b/[c]/"}, []string{"a/b/c/four.txt"}},
		"an empty folder":   {[]string{"a/e"}, []string{"a/e/"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			result, err := archiveServer(data).Client().Artifacts.Extract(t.Context(), "group/app", archiveJob, dir, &gitlabci.ExtractOptions{Match: test.match})
			require.NoError(t, err)
			require.Equal(t, test.want, testkit.SortedKeys(extracted(t, dir)))
			require.LessOrEqual(t, len(result.Files), len(test.want))
		})
	}
	client := archiveServer(data).Client()
	for _, match := range []string{"none", "top.xml/below", "top.xml/", "a/**/none", "**"} {
		_, err := client.Artifacts.Extract(t.Context(), "group/app", archiveJob, t.TempDir(), &gitlabci.ExtractOptions{Match: []string{match}})
		require.ErrorIs(t, err, map[bool]error{true: gitlabci.ErrUnsafeArchive, false: fs.ErrNotExist}[match == "**"])
	}
}

// Only what is selected travels.
func TestExtractMatchTravels(t *testing.T) {
	var entries []testkit.ZipEntry
	for i := range 40 {
		entries = append(entries, testkit.ZipEntry{Name: fmt.Sprintf("dir/%02d", i), Content: testkit.Noise(200_000), Store: true})
	}
	data := testkit.Zip(t, entries...)
	srv := archiveServer(data, gitlabcitest.WithStorage(gitlabcitest.Storage{Strict: true}))
	var sent atomic.Int64
	client := srv.Client(gitlabci.WithTransport(&counting{srv.Transport(), &sent}))
	result, err := client.Artifacts.Extract(t.Context(), "group/app", archiveJob, t.TempDir(), &gitlabci.ExtractOptions{Match: []string{"dir/0[379]"}})
	require.NoError(t, err)
	require.Equal(t, []string{"dir/03", "dir/07", "dir/09"}, result.Files)
	require.Less(t, sent.Load(), int64(1_572_864+3*200_000+200_000+10_000), "the end, three files and what is between two of them")
	require.Len(t, srv.Requests(), 4)
}

func TestExtractLimits(t *testing.T) {
	t.Parallel()
	zeros := strings.Repeat("\x00", 1<<20)
	var many []testkit.ZipEntry
	for i := range 65 {
		many = append(many, testkit.ZipEntry{Name: fmt.Sprintf("f%d/x", i), Content: zeros})
	}
	data := testkit.Zip(t, many...)
	tests := map[string]struct {
		opts gitlabci.ExtractOptions
		text string
	}{
		"ratio":              {gitlabci.ExtractOptions{}, "unpacked more than 200 times as large"},
		"bytes":              {gitlabci.ExtractOptions{MaxBytes: 60 << 20, MaxRatio: -1}, "more than 62914560 bytes unpacked"},
		"all allowed":        {gitlabci.ExtractOptions{MaxBytes: 70 << 20, MaxRatio: 1100, MaxFiles: 130}, ""},
		"files":              {gitlabci.ExtractOptions{MaxFiles: 129, MaxRatio: -1}, "more than 129 files and folders"},
		"no limits":          {gitlabci.ExtractOptions{MaxFiles: -1, MaxBytes: -1, MaxRatio: -1}, ""},
		"small is never bad": {gitlabci.ExtractOptions{Match: []string{"f1*/x"}}, ""},
	}
	client := archiveServer(data).Client()
	for i, name := range []string{"no limits", "all allowed"} {
		if testkit.UnderRace() || !testkit.Sampled(i, 2) { // each writes 65 MiB
			delete(tests, name)
		}
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			result, err := client.Artifacts.Extract(t.Context(), "group/app", archiveJob, dir, &test.opts)
			if test.text == "" {
				require.NoError(t, err)
				require.Len(t, extracted(t, dir), len(result.Files))
				return
			}
			require.ErrorIs(t, err, gitlabci.ErrUnsafeArchive)
			require.ErrorContains(t, err, test.text)
			require.Empty(t, extracted(t, dir))
		})
	}
}

// Files that turn out other than the directory says leave nothing behind.
func TestExtractOfLies(t *testing.T) {
	content := testkit.Noise(300_000)
	tests := map[string]struct {
		lie  func(*zip.FileHeader)
		want error
	}{
		"bad checksum": {func(h *zip.FileHeader) { h.CRC32++ }, zip.ErrChecksum},
		"larger":       {func(h *zip.FileHeader) { h.UncompressedSize64-- }, zip.ErrFormat},
		"smaller":      {func(h *zip.FileHeader) { h.UncompressedSize64++ }, io.ErrUnexpectedEOF},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			data := testkit.Zip(t, testkit.ZipEntry{Name: "good", Content: "good"}, testkit.ZipEntry{Name: "lie", Content: content, Lie: test.lie})
			dir := t.TempDir()
			require.NoError(t, os.WriteFile(filepath.Join(dir, "lie"), []byte("old"), 0o600))
			result, err := archiveServer(data).Client().Artifacts.Extract(t.Context(), "group/app", archiveJob, dir, &gitlabci.ExtractOptions{Overwrite: true})
			require.ErrorIs(t, err, test.want)
			require.ErrorContains(t, err, `"lie": `)
			require.Equal(t, []string{"good"}, result.Files)
			require.EqualValues(t, 4, result.Bytes)
			require.Equal(t, map[string]string{"good": "good", "lie": "old"}, extracted(t, dir))
			_, err = archiveServer(data).Client().Artifacts.Extract(t.Context(), "group/app", archiveJob, dir, &gitlabci.ExtractOptions{SkipExisting: true})
			require.NoError(t, err, "it is not even looked at")
		})
	}
}

func TestExtractBesideExisting(t *testing.T) {
	data := testkit.Zip(t, testkit.ZipEntry{Name: "a/x", Content: "new"}, testkit.ZipEntry{Name: "b", Content: "new", Mode: 0o755}, testkit.ZipEntry{Name: "c", Content: "new"})
	client := archiveServer(data).Client()
	for name, opts := range map[string]gitlabci.ExtractOptions{"fail": {}, "overwrite": {Overwrite: true}, "skip": {SkipExisting: true}} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			require.NoError(t, os.Mkdir(filepath.Join(dir, "a"), 0o755))
			for _, name := range []string{"a/x", "b"} {
				require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte("old"), 0o600))
			}
			result, err := client.Artifacts.Extract(t.Context(), "group/app", archiveJob, dir, &opts)
			got := extracted(t, dir)
			switch name {
			case "fail":
				require.ErrorIs(t, err, fs.ErrExist)
				require.ErrorContains(t, err, `"a/x": file already exists; set Overwrite or SkipExisting`)
				require.Equal(t, map[string]string{"a/x": "old", "b": "old"}, got)
				require.Equal(t, &gitlabci.ExtractResult{}, result)
			case "overwrite":
				require.NoError(t, err)
				require.Equal(t, map[string]string{"a/x": "new", "b": "new", "c": "new"}, got)
				require.Equal(t, &gitlabci.ExtractResult{Files: []string{"a/x", "b", "c"}, Bytes: 9}, result)
				info, err := os.Stat(filepath.Join(dir, "b"))
				require.NoError(t, err)
				require.Equal(t, fs.FileMode(0o100), info.Mode()&0o100)
			case "skip":
				require.NoError(t, err)
				require.Equal(t, map[string]string{"a/x": "old", "b": "old", "c": "new"}, got)
				require.Equal(t, &gitlabci.ExtractResult{Files: []string{"c"}, Skipped: []string{"a/x", "b"}, Bytes: 3}, result)
			}
		})
	}
}

// Links that were in the directory before lead nowhere out of it.
func TestExtractThroughLinks(t *testing.T) {
	data := testkit.Zip(t, testkit.ZipEntry{Name: "l/x", Content: "new"})
	client := archiveServer(data).Client()
	for _, opts := range []gitlabci.ExtractOptions{{}, {Overwrite: true}, {SkipExisting: true}} {
		parent := t.TempDir()
		dir := filepath.Join(parent, "dir")
		require.NoError(t, os.Mkdir(dir, 0o755))
		require.NoError(t, os.Mkdir(filepath.Join(parent, "out"), 0o755))
		require.NoError(t, os.Symlink("../out", filepath.Join(dir, "l")))
		result, err := client.Artifacts.Extract(t.Context(), "group/app", archiveJob, dir, &opts)
		require.ErrorContains(t, err, "escapes")
		require.Empty(t, result.Files)
		require.Empty(t, extracted(t, filepath.Join(parent, "out")))

		require.NoError(t, os.Remove(filepath.Join(dir, "l")))
		require.NoError(t, os.Mkdir(filepath.Join(dir, "l"), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(parent, "out", "secret"), []byte("old"), 0o600))
		require.NoError(t, os.Symlink("../../out/secret", filepath.Join(dir, "l", "x")))
		_, err = client.Artifacts.Extract(t.Context(), "group/app", archiveJob, dir, &opts)
		require.Equal(t, !opts.Overwrite && !opts.SkipExisting, err != nil)
		require.Equal(t, map[string]string{"secret": "old"}, extracted(t, filepath.Join(parent, "out")), "a link is replaced itself")
	}
}

func TestExtractWhereItCannot(t *testing.T) {
	data := testkit.Zip(t, testkit.ZipEntry{Name: "a/x", Content: "new"}, testkit.ZipEntry{Name: "b", Content: "new"})
	client := archiveServer(data).Client()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "a"), nil, 0o600))
	_, err := client.Artifacts.Extract(t.Context(), "group/app", archiveJob, dir, &gitlabci.ExtractOptions{Overwrite: true})
	require.ErrorContains(t, err, `"a" is to be a folder`)
	require.NoError(t, os.Remove(filepath.Join(dir, "a")))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "b"), 0o755))
	result, err := client.Artifacts.Extract(t.Context(), "group/app", archiveJob, dir, &gitlabci.ExtractOptions{Overwrite: true, Concurrency: 1})
	require.ErrorContains(t, err, `"b": `)
	require.Equal(t, []string{"a/x"}, result.Files)
	require.Equal(t, map[string]string{"a/x": "new", "b/": ""}, extracted(t, dir), "no half a file")
}

func TestExtractRefusesBadInput(t *testing.T) {
	s := testkit.NewScript(testkit.OK)
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	tests := map[string]struct {
		src  gitlabci.ArtifactSource
		dir  string
		opts gitlabci.ExtractOptions
	}{
		"no source":      {nil, "x", gitlabci.ExtractOptions{}},
		"no job":         {gitlabci.JobID(0), "x", gitlabci.ExtractOptions{}},
		"no directory":   {archiveJob, "", gitlabci.ExtractOptions{}},
		"a file":         {archiveJob, file, gitlabci.ExtractOptions{}},
		"both":           {archiveJob, "x", gitlabci.ExtractOptions{Overwrite: true, SkipExisting: true}},
		"concurrency":    {archiveJob, "x", gitlabci.ExtractOptions{Concurrency: -1}},
		"too much of it": {archiveJob, "x", gitlabci.ExtractOptions{Concurrency: 65}},
		"a bad pattern":  {archiveJob, "x", gitlabci.ExtractOptions{Match: []string{"ok", "[a/b]"}}},
		"no pattern":     {archiveJob, "x", gitlabci.ExtractOptions{Match: []string{""}}},
		"bad to exclude": {archiveJob, "x", gitlabci.ExtractOptions{Exclude: []string{"a/["}}},
		"unknown links":  {archiveJob, "x", gitlabci.ExtractOptions{Links: 3}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			result, err := s.Client(t).Artifacts.Extract(t.Context(), "group/app", test.src, test.dir, &test.opts)
			require.ErrorIs(t, err, gitlabci.ErrInvalid)
			require.Equal(t, &gitlabci.ExtractResult{}, result)
			require.Empty(t, extracted(t, "."))
		})
	}
	require.Empty(t, s.Received())
}

func TestExtractProgress(t *testing.T) {
	t.Parallel()
	data, files := variedArchive(t)
	total := 0
	for _, content := range files {
		total += len(content)
	}
	var last, calls, inside atomic.Int64
	opts := &gitlabci.ExtractOptions{Progress: func(done, all int64) {
		if inside.Add(1) != 1 || done < last.Swap(done) || all != int64(total) {
			t.Errorf("%d of %d", done, all)
		}
		calls.Add(1)
		inside.Add(-1)
	}}
	_, err := archiveServer(data).Client().Artifacts.Extract(t.Context(), "group/app", archiveJob, t.TempDir(), opts)
	require.NoError(t, err)
	require.EqualValues(t, total, last.Load())
	require.Greater(t, calls.Load(), int64(10))
}

// A context that ends in the middle leaves whole files alone, and lists them.
func TestExtractCanceled(t *testing.T) {
	var entries []testkit.ZipEntry
	noise := testkit.Noise(1 << 20)
	for i := range 10 {
		entries = append(entries, testkit.ZipEntry{Name: fmt.Sprint(i), Content: noise, Store: true})
	}
	data := testkit.Zip(t, entries...)
	synctest.Test(t, func(t *testing.T) {
		srv := archiveServer(data)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		srv.Fault(gitlabcitest.Fault{Route: archiveRoute, Nth: 2, Times: 1, Break: gitlabcitest.BreakStall, After: 1 << 19})
		dir := t.TempDir()
		start := time.Now()
		result, err := srv.Client().Artifacts.Extract(ctx, "group/app", archiveJob, dir, &gitlabci.ExtractOptions{Concurrency: 2})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, 10*time.Second, time.Since(start))
		got := extracted(t, dir)
		require.Equal(t, testkit.SortedKeys(got), result.Files)
		require.NotEmpty(t, got)
		require.Less(t, len(got), 10)
		for name, content := range got {
			require.True(t, content == entries[0].Content, name)
		}
	})
}

// The end of a context also ends the steps after the download.
func TestExtractCanceledOnDisk(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	data, content := bigArchive(t)
	srv := archiveServer(data, gitlabcitest.WithStorage(gitlabcitest.Storage{Strict: true, NoRanges: true}))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var written int64
	dir := t.TempDir()
	result, err := srv.Client().Artifacts.Extract(ctx, "group/app", archiveJob, dir, &gitlabci.ExtractOptions{
		Match: []string{"big"}, Progress: func(done, _ int64) { written = done; cancel() },
	})
	require.ErrorIs(t, err, context.Canceled)
	require.Empty(t, result.Files)
	require.Empty(t, extracted(t, dir))
	require.Less(t, written, int64(len(content)))
}

// A file that comes to exist meanwhile is skipped as well, and in its place.
func TestExtractSkipsWhatAppears(t *testing.T) {
	data := testkit.Zip(t, testkit.ZipEntry{Name: "a", Content: "new"}, testkit.ZipEntry{Name: "b", Content: "new"}, testkit.ZipEntry{Name: "c", Content: "new"})
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "c"), []byte("old"), 0o600))
	result, err := archiveServer(data).Client().Artifacts.Extract(t.Context(), "group/app", archiveJob, dir, &gitlabci.ExtractOptions{
		SkipExisting: true, Concurrency: 1, Progress: func(int64, int64) { os.WriteFile(filepath.Join(dir, "b"), []byte("old"), 0o600) },
	})
	require.NoError(t, err)
	require.Equal(t, &gitlabci.ExtractResult{Files: []string{"a"}, Skipped: []string{"b", "c"}, Bytes: 3}, result)
	require.Equal(t, map[string]string{"a": "new", "b": "old", "c": "old"}, extracted(t, dir))
}

// counting counts the bytes of bodies.
type counting struct {
	next http.RoundTripper
	sent *atomic.Int64
}

func (c *counting) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := c.next.RoundTrip(r)
	if err == nil {
		resp.Body = &extractBody{resp.Body, c.sent}
	}
	return resp, err
}

type extractBody struct {
	io.ReadCloser
	sent *atomic.Int64
}

func (b *extractBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.sent.Add(int64(n))
	return n, err
}
