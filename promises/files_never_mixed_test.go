package promises_test

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/internal/memnet"
	"example.com/gitlabci/internal/testkit"
)

// mixValidators are the validators that a response may have, as pairs of header
// names and values.
var mixValidators = map[string][]string{
	"none":        nil,
	"weak":        {"ETag", `W/"a"`},
	"strong":      {"ETag", `"a"`},
	"strong B":    {"ETag", `"b"`},
	"date":        {"Last-Modified", testkit.Date},
	"date B":      {"Last-Modified", testkit.LaterDate},
	"weak, date":  {"ETag", `W/"a"`, "Last-Modified", testkit.Date},
	"strong+date": {"ETag", `"a"`, "Last-Modified", testkit.Date},
}

// A mixServer sends file A, and interrupts it. Then it may send file B.
type mixServer struct {
	network memnet.Network
	files   [2]string
	first   []string // validators
	later   []string
	cut     int               // bytes after which the first responses are interrupted
	cuts    int               // how many are interrupted
	which   func(n int) int   // which file the n-th request gets
	ranges  bool              // whether a part is sent
	honors  bool              // whether the server obeys If-Range
	odd     func(http.Header) // changes the header of a 206, or nil
	mu      sync.Mutex        // for n
	n       int               // requests for the file
}

func (s *mixServer) client(t testing.TB, opts ...gitlabci.Option) *gitlabci.Client {
	s.network.Handle(testkit.Host, s)
	client, err := gitlabci.NewClient(append([]gitlabci.Option{gitlabci.WithBaseURL("https://" + testkit.Host), gitlabci.WithTransport(s.network.Transport())}, opts...)...)
	require.NoError(t, err)
	return client
}

func (s *mixServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasSuffix(r.URL.Path, "/jobs/7") {
		http.NotFound(w, r)
		return
	}
	s.mu.Lock()
	n := s.n
	s.n++
	s.mu.Unlock()
	validators, file := s.later, s.files[s.which(n)]
	if n == 0 {
		validators = s.first
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	current := ""
	for i := 0; i < len(validators); i += 2 {
		w.Header().Set(validators[i], validators[i+1])
		if !strings.HasPrefix(validators[i+1], "W/") && current == "" {
			current = validators[i+1]
		}
	}
	from, end, partial := mixSpan(r, len(file))
	wanted := r.Header.Get("If-Range")
	if !partial || !s.ranges || s.honors && wanted != "" && wanted != current {
		from, end, partial = 0, len(file), false
	}
	w.Header().Set("Content-Length", fmt.Sprint(end-from))
	status := http.StatusOK
	if partial {
		status = http.StatusPartialContent
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, end-1, len(file)))
		if s.odd != nil {
			s.odd(w.Header())
		}
	}
	w.WriteHeader(status)
	if n < s.cuts && end-from > s.cut {
		io.WriteString(w, file[from:from+s.cut])
		w.(http.Flusher).Flush()
		testkit.Reset(w, r)
	}
	io.WriteString(w, file[from:end])
}

// mixSpan returns the range of a request, in a file of that size.
func mixSpan(r *http.Request, size int) (from, end int, partial bool) {
	span := r.Header.Get("Range")
	if n, _ := fmt.Sscanf(span, "bytes=-%d", &from); n == 1 {
		return max(0, size-from), size, true
	}
	if n, _ := fmt.Sscanf(span, "bytes=%d-%d", &from, &end); n == 2 {
		return from, min(end+1, size), true
	}
	n, _ := fmt.Sscanf(span, "bytes=%d-", &from)
	return from, size, n == 1
}

// mixSources are the ways to read a file.
func mixSources(t testing.TB) map[string]func(context.Context, *gitlabci.Client) (string, error) {
	sources := map[string]func(context.Context, *gitlabci.Client) (string, error){
		"log": func(ctx context.Context, c *gitlabci.Client) (string, error) {
			log, err := c.Jobs.Log(ctx, "group/app", 7)
			return mixRead(log, err)
		},
	}
	for name, open := range testkit.Opens {
		sources[name] = func(ctx context.Context, c *gitlabci.Client) (string, error) {
			file, err := open(ctx, c)
			if err != nil {
				return "", err
			}
			return mixRead(file, nil)
		}
	}
	for name, src := range map[string]gitlabci.ArtifactSource{"save": gitlabci.JobID(7), "save latest": testkit.Latest} {
		sources[name] = func(ctx context.Context, c *gitlabci.Client) (string, error) { return mixSave(t, ctx, c, src, nil) }
	}
	return sources
}

func mixRead(file io.ReadCloser, err error) (string, error) {
	if err != nil {
		return "", err
	}
	defer file.Close()
	got, err := io.ReadAll(file)
	return string(got), err
}

// mixSave replaces an old file, which must stay if that fails.
func mixSave(t testing.TB, ctx context.Context, c *gitlabci.Client, src gitlabci.ArtifactSource, opts *gitlabci.SaveOptions) (string, error) {
	file := filepath.Join(t.TempDir(), "artifacts.zip")
	require.NoError(t, os.WriteFile(file, []byte("old"), 0o600))
	err := c.Artifacts.Save(ctx, "group/app", src, file, opts)
	got, failed := os.ReadFile(file)
	require.NoError(t, failed)
	if err != nil {
		require.Equal(t, "old", string(got))
	}
	entries, failed := os.ReadDir(filepath.Dir(file))
	require.NoError(t, failed)
	require.Len(t, entries, 1)
	return string(got), err
}

var mixSwaps = map[string]func(n int) int{
	"stays":       func(int) int { return 0 },
	"swapped":     func(n int) int { return min(n, 1) },
	"alternating": func(n int) int { return n % 2 },
}

// mixTry checks only the bytes: without an error, they must be all of A or all of
// B.
func mixTry(t *testing.T, s *mixServer, sound bool, label string, read func(context.Context, *gitlabci.Client) (string, error)) {
	synctest.Test(t, func(t *testing.T) {
		got, err := read(t.Context(), s.client(t))
		if err == nil {
			require.True(t, got == s.files[0] || got == s.files[1], "%d bytes of two files: %s", len(got), label)
		}
		require.False(t, sound && err != nil, "%s: %v", label, err)
	})
}

// mixLies reports whether the server says that two files are the same: it sends the
// same strong ETag with both.
func mixLies(first, later []string, swap string) bool {
	tag := func(validators []string) string {
		if len(validators) > 0 && strings.HasPrefix(validators[1], `"`) {
			return validators[1]
		}
		return ""
	}
	return tag(later) != "" && (swap == "alternating" || swap == "swapped" && tag(first) == tag(later))
}

// Bytes of two files are never joined, whatever validators a server sends first and
// later, and however it handles ranges.
func TestResumeNeverMixesFiles(t *testing.T) {
	t.Parallel()
	const size = 300
	a := testkit.Noise(size)
	others := map[string]string{
		"all":       testkit.Noise(2 * size)[size:],
		"its start": "x" + a[1:],
		"its end":   a[:size-1] + "x",
	}
	sources, n := mixSources(t), 0
	for firstName, first := range mixValidators {
		for laterName, later := range mixValidators {
			for swap, which := range mixSwaps {
				if mixLies(first, later, swap) {
					continue
				}
				for kind := range 8 {
					for source, read := range sources {
						if n++; !testkit.Sampled(n, 61) { // some 200 combinations
							continue
						}
						for differs, b := range others { // one at random, by map order
							s := &mixServer{files: [2]string{a, b}, first: first, later: later, which: which, cut: 100, cuts: 1 + kind>>2, ranges: kind&1 == 0, honors: kind&2 == 0}
							label := fmt.Sprintf("%s, then %s; %s, differs in %s; ranges %v, If-Range heeded %v, %d cuts; %s", firstName, laterName, swap, differs, s.ranges, s.honors, s.cuts, source)
							mixTry(t, s, laterName == firstName && swap == "stays", label, read)
							break
						}
					}
				}
			}
		}
	}
}

// Sizes in the archives of mixZips, which are larger than what is requested of the end of
// an archive. The second file is larger than what one request reads.
const (
	mixFirst = 800 << 10
	mixBoth  = 2 << 20
)

// mixNoise is what is in the archives of mixZips, one after the other.
var mixNoise = testkit.Noise(2 * mixBoth)

// mixZips returns two archives of the same size.
func mixZips(t testing.TB) [2]string {
	mixed.Do(func() {
		for i := range mixed.zips {
			noise := mixNoise[i*mixBoth:][:mixBoth]
			mixed.zips[i] = string(testkit.Zip(t, testkit.ZipEntry{Name: "first", Content: noise[:mixFirst], Store: true}, testkit.ZipEntry{Name: "second", Content: noise[mixFirst:], Store: true}))
		}
	})
	require.Len(t, mixed.zips[1], len(mixed.zips[0]))
	require.NotEmpty(t, mixed.zips[1])
	return mixed.zips
}

// mixed are the archives of mixZips, which are made once.
var mixed struct {
	sync.Once
	zips [2]string
}

// Save resumes a large archive of one job by ranges even without a strong ETag,
// since the complete archive is checked.
func TestSaveJoinsAndChecks(t *testing.T) {
	t.Parallel()
	zips := mixZips(t)
	behind := zips[0][:mixBoth*2/3] + zips[1][mixBoth*2/3:] // matches around the interruption, but not as an archive
	like := testkit.Zip(t, testkit.ZipEntry{Name: "first", Content: zips[0][100:][:mixFirst], Store: true}, testkit.ZipEntry{Name: "second", Content: zips[0][mixFirst+200:][:mixBoth-mixFirst], Store: true})
	n := 0
	noZip := "PK\x03\x04" + zips[0][4:mixBoth]
	for firstName, first := range mixValidators {
		for laterName, later := range map[string][]string{"the same": first, "none": nil, "date": mixValidators["date"], "strong B": mixValidators["strong B"]} {
			for name, files := range map[string][2]string{"A and B": zips, "a mix": {zips[0], behind}, "alike": {zips[0], string(like)}, "no zip": {noZip, "x" + noZip[1:]}} {
				for swap, which := range mixSwaps {
					for cut := range map[int]bool{0: true, 1: true} {
						if n++; mixLies(first, later, swap) || !testkit.Sampled(n, 17) {
							continue
						}
						s := &mixServer{files: files, first: first, later: later, which: which, cut: 200_000 + cut*600_000, cuts: 2, ranges: true}
						label := fmt.Sprintf("%s, then %s; %s, %s, cut at %d", firstName, laterName, name, swap, s.cut)
						mixTry(t, s, laterName == "the same" && swap == "stays", label, func(ctx context.Context, c *gitlabci.Client) (string, error) {
							return mixSave(t, ctx, c, gitlabci.JobID(7), nil)
						})
						break // one random cut per combination
					}
				}
			}
		}
	}
}

// A report that is stored as an archive is checked like one.
func TestSaveJoinsAndChecksReports(t *testing.T) {
	t.Parallel()
	zips := mixZips(t)
	other := zips[1][:1<<20] + zips[0][1<<20:2<<20] + zips[1][2<<20:] // matches around the interruption
	for _, files := range [][2]string{{zips[0], zips[0]}, {zips[0], other}} {
		s := &mixServer{files: files, which: mixSwaps["swapped"], cut: 1_800_000, cuts: 1, ranges: true}
		mixTry(t, s, files[0] == files[1], "a report", func(ctx context.Context, c *gitlabci.Client) (string, error) {
			return mixSave(t, ctx, c, gitlabci.JobID(7), &gitlabci.SaveOptions{FileType: gitlabci.ArtifactTypeLSIF})
		})
	}
}

// The connection fails at 1.2 MB: only the rest of the file is requested, with a range.
func TestSaveResumesAfterABrokenConnection(t *testing.T) {
	t.Parallel()
	zips := mixZips(t)
	for _, validators := range mixValidators {
		s := &mixServer{files: zips, first: validators, later: validators, which: mixSwaps["stays"], cut: 1_200_000, cuts: 1, ranges: true}
		synctest.Test(t, func(t *testing.T) {
			got, err := mixSave(t, t.Context(), s.client(t), gitlabci.JobID(7), nil)
			require.NoError(t, err)
			require.True(t, zips[0] == got)
			require.Equal(t, 2, s.n, "the rest, and nothing else")
		})
	}
}

// A 206 with inconsistent numbers is not used, and the error says which they are. Only a
// strong ETag makes up for a size that is not sent.
func TestResumeChecksContentRange(t *testing.T) {
	t.Parallel()
	zips, n := mixZips(t), 0
	for name, test := range map[string]struct {
		odd func(http.Header)
		err string
	}{
		"another total":  {func(h http.Header) { h.Set("Content-Range", strings.Split(h.Get("Content-Range"), "/")[0]+"/9999999") }, "the file has changed meanwhile: it has 9999999 bytes now"},
		"no total":       {func(h http.Header) { h.Set("Content-Range", strings.Split(h.Get("Content-Range"), "/")[0]+"/*") }, "its Content-Range has no size"},
		"no range":       {func(h http.Header) { h.Del("Content-Range") }, `Content-Range "" is not one range of bytes`},
		"a short length": {func(h http.Header) { h.Set("Content-Length", "70000") }, "unexpected EOF"},
	} {
		for _, validators := range mixValidators {
			for _, swap := range []string{"stays", "swapped"} {
				if n++; mixLies(validators, validators, swap) || !testkit.Sampled(n, 3) { // not 2: there are two of swap
					continue
				}
				s := &mixServer{files: zips, first: validators, later: validators, which: mixSwaps[swap], cut: 500_000, cuts: 1, ranges: true, odd: test.odd}
				mixTry(t, s, false, name, func(ctx context.Context, c *gitlabci.Client) (string, error) {
					got, err := mixSave(t, ctx, c, gitlabci.JobID(7), nil)
					if name == "no total" && len(validators) > 0 && strings.HasPrefix(validators[1], `"`) {
						require.NoError(t, err)
						return got, nil
					}
					require.ErrorContains(t, err, test.err, validators)
					return got, err
				})
			}
		}
	}
}

// mixEntries returns two archives of the same size with many files, so that the
// directory is large.
func mixEntries(t testing.TB, files int) (data [2]string, names [2]map[string]string) {
	for i, prefix := range []string{"a", "b"} {
		var entries []testkit.ZipEntry
		names[i] = map[string]string{}
		for n := range files {
			name := fmt.Sprintf("%s%06d%s", prefix, n, strings.Repeat("x", 200))
			entries = append(entries, testkit.ZipEntry{Name: name, Content: prefix, Store: true})
			names[i][name] = prefix
		}
		data[i] = string(testkit.Zip(t, entries...))
	}
	require.Len(t, data[1], len(data[0]))
	return data, names
}

// All that an Archive lists and reads, and all that Extract writes, is of one archive, no
// matter where a response is interrupted, and what the server sends next.
func TestArchiveNeverMixesArchives(t *testing.T) {
	n := 0
	for _, files := range []int{1000, 8000} { // an archive within the tail, and a directory larger than the tail
		if testkit.UnderRace() && files > 1000 {
			continue
		}
		data, names := mixEntries(t, files)
		for firstName, first := range mixValidators {
			for laterName, later := range map[string][]string{"the same": first, "none": nil, "date": mixValidators["date"]} {
				for _, swap := range []string{"swapped", "alternating"} {
					if mixLies(first, later, swap) {
						continue
					}
					for _, cut := range []int{0, 300_000} {
						for _, src := range []gitlabci.ArtifactSource{gitlabci.JobID(7), testkit.Latest} {
							if n++; !testkit.Sampled(n, 11) { // an odd one: there are eight of swap, cut and src
								continue
							}
							s := &mixServer{files: data, first: first, later: later, which: mixSwaps[swap], cut: cut, ranges: true, honors: cut == 0}
							if cut > 0 {
								s.cuts = 1
							}
							t.Setenv("TMPDIR", t.TempDir())
							label := fmt.Sprintf("%d files; %s, then %s; %s, cut %d, %v", files, firstName, laterName, swap, cut, src)
							synctest.Test(t, func(t *testing.T) { mixArchive(t, s, src, names, label) })
						}
					}
				}
			}
		}
	}
}

func mixArchive(t *testing.T, s *mixServer, src gitlabci.ArtifactSource, names [2]map[string]string, label string) {
	archive, err := s.client(t, gitlabci.WithRetries(2)).Artifacts.Archive(t.Context(), "group/app", src, nil)
	if err != nil {
		return
	}
	defer archive.Close()
	got := map[string]string{}
	listed := 0
	err = fs.WalkDir(archive, ".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			listed++
			if listed%500 != 0 { // reading a file takes about one request
				got[path] = names[0][path] + names[1][path]
				return nil
			}
			content, failed := archive.ReadFile(path)
			if failed != nil {
				content = []byte(names[0][path] + names[1][path])
			}
			got[path] = string(content)
		}
		return err
	})
	require.NoError(t, err)
	require.True(t, maps.Equal(got, names[0]) || maps.Equal(got, names[1]), "%d files of two archives: %s", len(got), label)
}

func TestExtractNeverMixesArchives(t *testing.T) {
	t.Parallel()
	zips, n := mixZips(t), 0
	for firstName, first := range mixValidators {
		for _, later := range [][]string{first, nil} {
			for swap, which := range mixSwaps {
				if n++; mixLies(first, later, swap) || !testkit.Sampled(n, 2) {
					continue
				}
				s := &mixServer{files: zips, first: first, later: later, which: which, cut: 300_000, cuts: 1, ranges: true}
				synctest.Test(t, func(t *testing.T) {
					dir := t.TempDir()
					_, err := s.client(t).Artifacts.Extract(t.Context(), "group/app", gitlabci.JobID(7), dir, nil)
					if err != nil {
						require.NotEqual(t, "stays", swap, "%s, then %v: %v", firstName, later, err)
						return
					}
					var got strings.Builder
					for _, name := range []string{"first", "second"} {
						content, err := os.ReadFile(filepath.Join(dir, name))
						require.NoError(t, err)
						got.Write(content)
					}
					require.True(t, got.String() == mixNoise[:mixBoth] || got.String() == mixNoise[mixBoth:], firstName)
				})
			}
		}
	}
}
