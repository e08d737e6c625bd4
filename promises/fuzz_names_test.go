package promises_test

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/internal/testkit"
)

// A path is refused, or GitLab reads what was given, segment by segment; and so
// is a ref, which is one segment.
func FuzzMemberPath(f *testing.F) {
	for _, path := range []string{"a", "dir/sub/file", "a#b", "a?b", "100%", "a b", "é", "a+b", "%2e%2e", "..", "../x", "a//b", "/x", "x/", ".", "", `a\..\b`, "a\x00b", "a\r\nb", "\xff"} {
		f.Add(path, "main")
		f.Add("out/a.txt", path)
	}
	f.Fuzz(func(t *testing.T, path, ref string) {
		segments := strings.Split(path, "/")
		fuzzMember(t, path, gitlabci.JobID(9), append([]string{"9", "artifacts"}, segments...), url.Values{})
		latest := gitlabci.LatestArtifacts{Ref: ref, Job: ref}
		fuzzMember(t, path, latest, append([]string{"artifacts", ref, "raw"}, segments...), url.Values{"job": {ref}})
	})
}

// fuzzMember opens a member, and checks that what is sent, if anything, becomes
// these segments and this query where GitLab decodes it.
func fuzzMember(t *testing.T, path string, src gitlabci.ArtifactSource, segments []string, query url.Values) {
	t.Helper()
	s := &testkit.Canned{Status: http.StatusOK}
	file, err := s.Client(t).Artifacts.OpenFile(t.Context(), "7", src, path, nil)
	if err != nil {
		require.ErrorIs(t, err, gitlabci.ErrInvalid)
		require.Empty(t, s.URLs)
		return
	}
	require.NoError(t, file.Close())
	require.False(t, file.Name == ".." || strings.ContainsAny(file.Name, `/\`), file.Name)
	require.Len(t, s.URLs, 1)
	got, err := url.ParseRequestURI(s.URLs[0].RequestURI())
	require.NoError(t, err)
	require.Equal(t, query, got.Query())
	rest, below := strings.CutPrefix(got.EscapedPath(), "/api/v4/projects/7/jobs/")
	require.True(t, below, got.EscapedPath())
	require.NotContains(t, rest, "+")
	raw := strings.Split(rest, "/")
	require.Len(t, raw, len(segments))
	for i, segment := range raw {
		decoded, err := url.PathUnescape(segment)
		require.NoError(t, err)
		require.Equal(t, segments[i], decoded)
		require.NotContains(t, []string{"", ".", ".."}, decoded, "a proxy that cleans the path would leave the API")
	}
}

// With any name that a server gives a file, and after any redirect, the name leads to no
// other folder.
func FuzzContentDisposition(f *testing.F) {
	for _, disposition := range []string{
		``, `attachment`, `attachment; filename="artifacts.zip"; filename*=UTF-8''artifacts.zip`, `infile; filename="7.log"`,
		`attachment; filename="../../x"`, `attachment; filename="..\..\x"`, `attachment; filename*=UTF-8''..%2F..%5C..`, `attachment; filename=".."`,
		`attachment; filename*0="a/"; filename*1="b"`, `attachment; filename*0*=UTF-8''a%2F; filename*1="..\\"`, `attachment; filename*=UTF-8''%`, `;;;`, `a/b/c; filename=x`,
	} {
		f.Add(disposition, "bucket/a.zip")
		f.Add("", disposition)
	}
	f.Fuzz(func(t *testing.T, disposition, address string) {
		target, err := url.Parse("https://" + testkit.StorageHost + "/" + address)
		if err != nil {
			return
		}
		client, err := gitlabci.NewClient(gitlabci.WithRetries(0), gitlabci.WithTransport(testkit.RoundTripper(func(req *http.Request) (*http.Response, error) {
			if req.URL.Host != testkit.StorageHost {
				return &http.Response{StatusCode: http.StatusFound, Header: http.Header{"Location": {target.String()}}, Body: http.NoBody, Request: req}, nil
			}
			return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Disposition": {disposition}}, Body: http.NoBody, Request: req}, nil
		})))
		require.NoError(t, err)
		file, err := client.Artifacts.Open(t.Context(), "7", gitlabci.JobID(9), nil)
		require.NoError(t, err)
		require.NoError(t, file.Close())
		require.False(t, strings.ContainsAny(file.Name, `/\`), file.Name)
		require.NotContains(t, []string{".", ".."}, file.Name)
		require.Equal(t, "folder", filepath.Base(filepath.Dir(filepath.Join("folder", file.Name+".part"))))
	})
}

func FuzzAllowedAgents(f *testing.F) {
	response, err := os.ReadFile(testkit.ModuleFile(f, "testdata/jobs_allowed_agents.json"))
	require.NoError(f, err)
	f.Add(string(response))
	for _, value := range append(testkit.ScalarPairs, `{"a":{"b":[1,"c",null,{"d":true}]},"a":2}`) {
		f.Add(`{"allowed_agents":[{"id":7,"configuration":` + value + `}]}`)
		f.Add(`{"allowed_agents":[{"config_project":` + value + `}],"environment":` + value + `,"user":` + value + `}`)
	}
	f.Fuzz(func(t *testing.T, body string) {
		decode := func(body string) (any, error) {
			return testkit.CannedJSON(body).Client(t).Jobs.AllowedAgents(t.Context())
		}
		if agents, err := decode(body); err == nil {
			testkit.SameJSON(t, agents, decode)
		}
	})
}
