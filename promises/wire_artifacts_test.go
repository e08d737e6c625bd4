package promises_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/internal/testkit"
)

var wireFilledArtifacts = []wireFilled{
	{
		opts: func() any {
			return &gitlabci.OpenOptions{FileType: gitlabci.ArtifactTypeJUnit, DownloadMode: gitlabci.DownloadModeProxy, Gunzip: true}
		},
		except: "Progress",
		call: func(ctx context.Context, c *gitlabci.Client, opts any) error {
			return testkit.ReadAll(c.Artifacts.Open(ctx, "group/app", gitlabci.JobID(7), opts.(*gitlabci.OpenOptions)))
		},
		want: "GET /projects/group%2Fapp/jobs/7/artifacts?download_mode=proxy&file_type=junit",
	},
	{
		opts: func() any {
			return &gitlabci.SaveOptions{FileType: gitlabci.ArtifactTypeSARIF, DownloadMode: gitlabci.DownloadModeDirect, Gunzip: true, AllowUnverified: true, Connections: 2}
		},
		except: "Progress",
		call: func(ctx context.Context, c *gitlabci.Client, opts any) error {
			return testkit.InFolder(func(file string) error {
				return c.Artifacts.Save(ctx, "group/app", gitlabci.JobID(7), file, opts.(*gitlabci.SaveOptions))
			})
		},
		want: "GET /projects/group%2Fapp/jobs/7/artifacts?download_mode=direct&file_type=sarif",
	},
	{
		opts:   func() any { return &gitlabci.OpenFileOptions{} },
		except: "Progress",
		call: func(ctx context.Context, c *gitlabci.Client, opts any) error {
			return testkit.ReadAll(c.Artifacts.OpenFile(ctx, "group/app", gitlabci.JobID(7), "a.json", opts.(*gitlabci.OpenFileOptions)))
		},
		want: "GET /projects/group%2Fapp/jobs/7/artifacts/a.json",
	},
	{
		opts: func() any { return &gitlabci.ArchiveOptions{DownloadMode: gitlabci.DownloadModeProxy} },
		call: func(ctx context.Context, c *gitlabci.Client, opts any) error {
			archive, err := c.Artifacts.Archive(ctx, "group/app", gitlabci.JobID(7), opts.(*gitlabci.ArchiveOptions))
			if err != nil {
				return err
			}
			return archive.Close()
		},
		want:     "GET /projects/group%2Fapp/jobs/7/artifacts?download_mode=proxy",
		response: testkit.EmptyZip,
	},
	{
		opts: func() any {
			return &gitlabci.ExtractOptions{Exclude: []string{"x"}, Links: gitlabci.LinksRefuse, Overwrite: true, MaxFiles: 1, MaxBytes: 2, MaxRatio: 3, Concurrency: 4}
		},
		except: "Match Progress SkipExisting",
		call: func(ctx context.Context, c *gitlabci.Client, opts any) error {
			dir, err := os.MkdirTemp("", "extract-*")
			if err != nil {
				return err
			}
			_, err = c.Artifacts.Extract(ctx, "group/app", gitlabci.JobID(7), dir, opts.(*gitlabci.ExtractOptions))
			return errors.Join(err, os.Remove(dir))
		},
		want:     "GET /projects/group%2Fapp/jobs/7/artifacts",
		response: testkit.EmptyZip,
	},
	{
		opts: func() any {
			return &gitlabci.LatestArtifacts{Ref: "feature/x", Job: "unit", SearchRecent: true}
		},
		call: func(ctx context.Context, c *gitlabci.Client, opts any) error {
			return testkit.ReadAll(c.Artifacts.Open(ctx, "group/app", *opts.(*gitlabci.LatestArtifacts), nil))
		},
		want: "GET /projects/group%2Fapp/jobs/artifacts/feature%2Fx/download?job=unit&search_recent_successful_pipelines=true",
	},
	{
		opts: func() any {
			return &gitlabci.ListEntriesOptions{
				ListOptions: gitlabci.ListOptions{Page: 2, PerPage: 30, Prefetch: 2},
				Path:        "out/a b&c/",
				Recursive:   true,
			}
		},
		except: "After",
		call: func(ctx context.Context, c *gitlabci.Client, opts any) error {
			return testkit.Done(c.Artifacts.ListEntries(ctx, "group/app", 7, opts.(*gitlabci.ListEntriesOptions)))
		},
		want:     "GET /projects/group%2Fapp/jobs/7/artifacts/tree?page=2&path=out%2Fa+b%26c%2F&per_page=30&recursive=true",
		response: `[]`,
	},
}

func TestWireListEntriesOptions(t *testing.T) {
	t.Parallel()
	type options = gitlabci.ListEntriesOptions
	tests := append(wireListFields(func(o gitlabci.ListOptions) options { return options{ListOptions: o} }), []wireOption[options]{
		{"Path", options{Path: "out/a+b c#d/"}, url.Values{"path": {"out/a+b c#d/"}}},
		{"Recursive", options{Recursive: true}, url.Values{"recursive": {"true"}}},
	}...)
	wireOptions(t, tests, func(ctx context.Context, c *gitlabci.Client, o *options) (any, error) {
		return c.Artifacts.ListEntries(ctx, "group/app", 42, o)
	}, func(ctx context.Context, c *gitlabci.Client, o *options) iter.Seq2[*gitlabci.ArtifactEntry, error] {
		return c.Artifacts.AllEntries(ctx, "group/app", 42, o)
	})
}

func TestWireArtifacts(t *testing.T) {
	t.Parallel()
	newest := gitlabci.LatestArtifacts{Ref: "main", Job: "unit"}
	recent := gitlabci.LatestArtifacts{Ref: "main", Job: "unit", SearchRecent: true}
	open := func(src gitlabci.ArtifactSource, opts *gitlabci.OpenOptions) func(context.Context, *gitlabci.Client) error {
		return func(ctx context.Context, c *gitlabci.Client) error {
			return testkit.ReadAll(c.Artifacts.Open(ctx, gitlabci.ProjectNumber(7), src, opts))
		}
	}
	openFile := func(src gitlabci.ArtifactSource, path string) func(context.Context, *gitlabci.Client) error {
		return func(ctx context.Context, c *gitlabci.Client) error {
			return testkit.ReadAll(c.Artifacts.OpenFile(ctx, gitlabci.ProjectNumber(7), src, path, nil))
		}
	}
	tests := map[string]struct {
		call func(context.Context, *gitlabci.Client) error
		want string
	}{
		"archive of a job":       {open(gitlabci.JobID(9), &gitlabci.OpenOptions{}), "/projects/7/jobs/9/artifacts"},
		"report of a job":        {open(gitlabci.JobID(9), &gitlabci.OpenOptions{FileType: "new&odd"}), "/projects/7/jobs/9/artifacts?file_type=new%26odd"},
		"archive by type":        {open(gitlabci.JobID(9), &gitlabci.OpenOptions{FileType: gitlabci.ArtifactTypeArchive}), "/projects/7/jobs/9/artifacts?file_type=archive"},
		"mode for a job":         {open(gitlabci.JobID(9), &gitlabci.OpenOptions{DownloadMode: gitlabci.DownloadModeDirect}), "/projects/7/jobs/9/artifacts?download_mode=direct"},
		"newest archive":         {open(newest, nil), "/projects/7/jobs/artifacts/main/download?job=unit"},
		"recent archive":         {open(recent, nil), "/projects/7/jobs/artifacts/main/download?job=unit&search_recent_successful_pipelines=true"},
		"mode for the newest":    {open(newest, &gitlabci.OpenOptions{DownloadMode: gitlabci.DownloadModeDirect}), "/projects/7/jobs/artifacts/main/download?download_mode=direct&job=unit"},
		"member of a job":        {openFile(gitlabci.JobID(9), "out/a.txt"), "/projects/7/jobs/9/artifacts/out/a.txt"},
		"member of the newest":   {openFile(newest, "out/a.txt"), "/projects/7/jobs/artifacts/main/raw/out/a.txt?job=unit"},
		"member of a recent one": {openFile(recent, "a.txt"), "/projects/7/jobs/artifacts/main/raw/a.txt?job=unit&search_recent_successful_pipelines=true"},
		"download": {func(ctx context.Context, c *gitlabci.Client) error {
			return testkit.Done(c.Artifacts.Download(ctx, gitlabci.ProjectNumber(7), gitlabci.JobID(9), io.Discard, &gitlabci.OpenOptions{
				FileType: gitlabci.ArtifactTypeSAST, DownloadMode: gitlabci.DownloadModeProxy}))
		}, "/projects/7/jobs/9/artifacts?download_mode=proxy&file_type=sast"},
		"download of the newest": {func(ctx context.Context, c *gitlabci.Client) error {
			return testkit.Done(c.Artifacts.Download(ctx, gitlabci.ProjectNumber(7), recent, io.Discard, nil))
		}, "/projects/7/jobs/artifacts/main/download?job=unit&search_recent_successful_pipelines=true"},
		"all entries": {func(ctx context.Context, c *gitlabci.Client) error {
			return testkit.Drain(c.Artifacts.AllEntries(ctx, gitlabci.ProjectNumber(7), 9, &gitlabci.ListEntriesOptions{Recursive: true}))
		}, "/projects/7/jobs/9/artifacts/tree?per_page=100&recursive=true"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			step := testkit.JSONStep(`[]`)
			if name != "all entries" {
				step = testkit.OfType("application/octet-stream", step)
			}
			s := testkit.NewScript(step)
			require.NoError(t, test.call(t.Context(), s.Client(t)))
			requireWire(t, s, "GET "+test.want, "")
		})
	}
}

// wireHostile are names that a URL would read otherwise, and how they must be
// sent as one segment of a path.
var wireHostile = map[string]string{
	"a#b":                  "a%23b",
	"a?b":                  "a%3Fb",
	"100%":                 "100%25",
	"100%2F":               "100%252F",
	"a b":                  "a%20b",
	"é":                    "%C3%A9",
	"a+b":                  "a%2Bb",
	"a&b=c;d":              "a&b=c%3Bd",
	`a\b"c`:                "a%5Cb%22c",
	"build: [linux, amd64": "build:%20%5Blinux%2C%20amd64",
	"...":                  "...",
	"tree":                 "tree",
}

// wireDecoded is the path that GitLab sees, split where it splits it.
func wireDecoded(t *testing.T, s *testkit.Script) []string {
	t.Helper()
	raw, _, _ := strings.Cut(s.Received()[0].RequestURI, "?")
	segments := strings.Split(strings.TrimPrefix(raw, "/api/v4/projects/group%2Fapp/jobs/"), "/")
	for i, segment := range segments {
		var err error
		segments[i], err = url.PathUnescape(segment)
		require.NoError(t, err)
		require.NotContains(t, segment, "+")
	}
	return segments
}

func TestWireHostileNames(t *testing.T) {
	t.Parallel()
	hostile := map[string]string{
		"feature/x":                   "feature%2Fx",
		"refs/merge-requests/31/head": "refs%2Fmerge-requests%2F31%2Fhead",
	}
	maps.Copy(hostile, wireHostile)
	for name, escaped := range hostile {
		t.Run(name, func(t *testing.T) {
			s := testkit.NewScript(testkit.OKFile)
			src := gitlabci.LatestArtifacts{Ref: name, Job: name}
			require.NoError(t, testkit.ReadAll(s.Client(t).Artifacts.Open(t.Context(), "group/app", src, nil)))
			uri, query, _ := strings.Cut(s.Received()[0].RequestURI, "?")
			require.Equal(t, "/api/v4/projects/group%2Fapp/jobs/artifacts/"+escaped+"/download", uri)
			require.Equal(t, []string{"artifacts", name, "download"}, wireDecoded(t, s))
			require.NotContains(t, query, " ")
			require.Equal(t, url.Values{"job": {name}}, s.Received()[0].URL.Query())

			s = testkit.NewScript(testkit.OKFile)
			require.NoError(t, testkit.ReadAll(s.Client(t).Artifacts.OpenFile(t.Context(), "group/app", src, "out/a.txt", nil)))
			require.Equal(t, []string{"artifacts", name, "raw", "out", "a.txt"}, wireDecoded(t, s))
			require.Equal(t, url.Values{"job": {name}}, s.Received()[0].URL.Query())
		})
	}
}

func TestWireHostileMembers(t *testing.T) {
	t.Parallel()
	hostile := map[string]string{
		"dir/sub/file":        "dir/sub/file",
		"a b/c#d/e?f/100%.gz": "a%20b/c%23d/e%3Ff/100%25.gz",
		"a+b/é/ü.txt":         "a%2Bb/%C3%A9/%C3%BC.txt",
		"a%2Fb/c":             "a%252Fb/c",
		"..a/b..":             "..a/b..",
		" / ":                 "%20/%20",
	}
	maps.Copy(hostile, wireHostile)
	for name, escaped := range hostile {
		t.Run(name, func(t *testing.T) {
			s := testkit.NewScript(testkit.OKFile)
			require.NoError(t, testkit.ReadAll(s.Client(t).Artifacts.OpenFile(t.Context(), "group/app", gitlabci.JobID(9), name, nil)))
			requireWire(t, s, "GET /projects/group%2Fapp/jobs/9/artifacts/"+escaped, "")
			require.Equal(t, append([]string{"9", "artifacts"}, strings.Split(name, "/")...), wireDecoded(t, s))

			s = testkit.NewScript(testkit.OKFile)
			require.NoError(t, testkit.ReadAll(s.Client(t).Artifacts.OpenFile(t.Context(), "group/app", gitlabci.LatestArtifacts{Ref: "main", Job: "unit"}, name, nil)))
			requireWire(t, s, "GET /projects/group%2Fapp/jobs/artifacts/main/raw/"+escaped+"?job=unit", "")
		})
	}
}

func TestWireRefusesBadSources(t *testing.T) {
	t.Parallel()
	const file = "out/a.txt"
	sources := map[string]gitlabci.ArtifactSource{
		"nil":             nil,
		"no job ID":       gitlabci.JobID(0),
		"negative job ID": gitlabci.JobID(-9),
		"nothing":         gitlabci.LatestArtifacts{},
		"no job":          gitlabci.LatestArtifacts{Ref: "main"},
		"no ref":          gitlabci.LatestArtifacts{Job: "unit"},
		"ref .":           gitlabci.LatestArtifacts{Ref: ".", Job: "unit"},
		"ref ..":          gitlabci.LatestArtifacts{Ref: "..", Job: "unit"},
	}
	for name, src := range sources {
		t.Run(name, func(t *testing.T) {
			s := testkit.NewScript(testkit.OK)
			artifacts := s.Client(t).Artifacts
			require.ErrorIs(t, testkit.ReadAll(artifacts.Open(t.Context(), "group/app", src, nil)), gitlabci.ErrInvalid)
			require.ErrorIs(t, testkit.ReadAll(artifacts.OpenFile(t.Context(), "group/app", src, file, nil)), gitlabci.ErrInvalid)
			n, err := artifacts.Download(t.Context(), "group/app", src, io.Discard, nil)
			require.ErrorIs(t, err, gitlabci.ErrInvalid)
			require.Zero(t, n)
			require.Empty(t, s.Received())
		})
	}
}

func TestWireRefusesFileTypeOfTheLatest(t *testing.T) {
	t.Parallel()
	src := gitlabci.LatestArtifacts{Ref: "main", Job: "unit"}
	for _, src := range []gitlabci.ArtifactSource{src, &src} {
		for _, fileType := range []gitlabci.ArtifactType{gitlabci.ArtifactTypeJUnit, gitlabci.ArtifactTypeArchive, "novelty"} {
			s := testkit.NewScript(testkit.OK)
			artifacts := s.Client(t).Artifacts
			opts := &gitlabci.OpenOptions{FileType: fileType}
			require.ErrorIs(t, testkit.ReadAll(artifacts.Open(t.Context(), "group/app", src, opts)), gitlabci.ErrInvalid)
			require.ErrorIs(t, testkit.Done(artifacts.Download(t.Context(), "group/app", src, io.Discard, opts)), gitlabci.ErrInvalid)
			require.Empty(t, s.Received())
		}
	}
}

func TestWireRefusesBadMembers(t *testing.T) {
	t.Parallel()
	for _, src := range []gitlabci.ArtifactSource{gitlabci.JobID(9), gitlabci.LatestArtifacts{Ref: "main", Job: "unit"}} {
		for _, path := range []string{"", ".", "..", "/", "/x", "x/", "a//b", "./x", "a/./b", "../x", "a/../b", "a/..", "\xff", "a/\xc3\x28"} {
			t.Run(fmt.Sprintf("%T %q", src, path), func(t *testing.T) {
				s := testkit.NewScript(testkit.OK)
				err := testkit.ReadAll(s.Client(t).Artifacts.OpenFile(t.Context(), "group/app", src, path, nil))
				require.ErrorIs(t, err, gitlabci.ErrInvalid)
				require.ErrorContains(t, err, fmt.Sprintf("%q", path))
				require.Empty(t, s.Received())
			})
		}
	}
}
