package interop_test

import (
	"archive/zip"
	"bytes"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	gitlab "gitlab.com/gitlab-org/api/client-go/v2"

	"example.com/gitlabci/gitlabcitest"
)

// project is the one that every fake server has.
const project = "group/app"

// newClientGo returns GitLab's own client for Go, as a client of a fake server.
func newClientGo(t *testing.T, srv *gitlabcitest.Server) *gitlab.Client {
	t.Helper()
	client, err := gitlab.NewClient(srv.Token(), reaching(srv)...)
	require.NoError(t, err)
	return client
}

// reaching returns the options of a client of a fake server.
func reaching(srv *gitlabcitest.Server) []gitlab.ClientOptionFunc {
	return []gitlab.ClientOptionFunc{
		gitlab.WithBaseURL(gitlabcitest.URL),
		gitlab.WithHTTPClient(&http.Client{Transport: srv.Transport()}),
		gitlab.WithoutRetries(),
	}
}

// requireStatus requires that a call of client-go succeeded with a status.
func requireStatus(t *testing.T, status int, response *gitlab.Response, err error) {
	t.Helper()
	require.NoError(t, err)
	require.Equal(t, status, response.StatusCode)
}

// members returns the names of the files in an archive.
func members(t *testing.T, archive *bytes.Reader) (names []string) {
	t.Helper()
	unpacked, err := zip.NewReader(archive, archive.Size())
	require.NoError(t, err)
	for _, file := range unpacked.File {
		names = append(names, file.Name)
	}
	return names
}
