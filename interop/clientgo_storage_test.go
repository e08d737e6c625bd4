package interop_test

import (
	"bytes"
	"net/http"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
	gitlab "gitlab.com/gitlab-org/api/client-go/v2"
	"golang.org/x/oauth2"

	"example.com/gitlabci/gitlabcitest"
)

// stored is a server with an archive in a storage on another origin.
func stored(storage gitlabcitest.Storage) *gitlabcitest.Server {
	srv := gitlabcitest.NewServer(gitlabcitest.WithStorage(storage))
	srv.AddPipeline(project, gitlabcitest.Pipeline{}).AddJob(gitlabcitest.Job{
		ID: 7, Name: "build", Artifacts: fstest.MapFS{"version.txt": {Data: []byte("1.2.3")}},
	})
	return srv
}

func archives(client *gitlab.Client) map[string]func() (*bytes.Reader, *gitlab.Response, error) {
	return map[string]func() (*bytes.Reader, *gitlab.Response, error){
		"by job": func() (*bytes.Reader, *gitlab.Response, error) { return client.Jobs.GetJobArtifacts(project, 7) },
		"by ref": func() (*bytes.Reader, *gitlab.Response, error) {
			return client.Jobs.DownloadArtifactsFile(project, "main", &gitlab.DownloadArtifactsFileOptions{Job: new("build")})
		},
	}
}

// client-go sends its personal access token to any server that GitLab redirects
// to, since net/http drops only Authorization by itself. A storage ignores it, as S3 and
// GCS do, and so the download succeeds.
func TestClientGoLeaksItsTokenToTheStorage(t *testing.T) {
	srv := stored(gitlabcitest.Storage{})
	for name, download := range archives(newClientGo(t, srv)) {
		t.Run(name, func(t *testing.T) {
			archive, response, err := download()
			requireStatus(t, http.StatusOK, response, err)
			require.Equal(t, []string{"version.txt"}, members(t, archive))
			sent := srv.Requests()
			last := sent[len(sent)-1]
			require.Equal(t, gitlabcitest.StorageRoute, last.Route)
			require.Equal(t, srv.Token(), last.Header.Get("Private-Token"))
		})
	}
}

// A strict storage refuses the token, so that a test notices.
func TestStrictStorageRefusesTheTokenOfClientGo(t *testing.T) {
	for name, download := range archives(newClientGo(t, stored(gitlabcitest.Storage{Strict: true}))) {
		t.Run(name, func(t *testing.T) {
			_, response, err := download()
			require.ErrorContains(t, err, "Only one auth mechanism allowed")
			require.Equal(t, http.StatusBadRequest, response.StatusCode)
		})
	}
}

// With an OAuth token, in the only header that net/http drops, it gets its archive from the
// storage.
func TestClientGoDownloadsFromTheStorage(t *testing.T) {
	srv := stored(gitlabcitest.Storage{})
	token := srv.AddToken(gitlabcitest.Token{OAuth: true})
	tokens := oauth2.StaticTokenSource(&oauth2.Token{AccessToken: token})
	client, err := gitlab.NewAuthSourceClient(gitlab.OAuthTokenSource{TokenSource: tokens}, reaching(srv)...)
	require.NoError(t, err)
	for name, download := range archives(client) {
		t.Run(name, func(t *testing.T) {
			archive, response, err := download()
			requireStatus(t, http.StatusOK, response, err)
			require.Equal(t, []string{"version.txt"}, members(t, archive))
			sent := srv.Requests()
			last := sent[len(sent)-1]
			require.Equal(t, gitlabcitest.StorageRoute, last.Route)
			require.Empty(t, last.Header.Get("Authorization"))
		})
	}
}
