package interop_test

import (
	"bytes"
	"io"
	"net/http"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"
	gitlab "gitlab.com/gitlab-org/api/client-go/v2"

	"example.com/gitlabci/gitlabcitest"
)

func TestClientGoDownloadArtifacts(t *testing.T) {
	srv := gitlabcitest.NewServer()
	added := srv.AddPipeline(project, gitlabcitest.Pipeline{Ref: "feature/x"}).AddJob(gitlabcitest.Job{
		Name:      "build",
		Artifacts: fstest.MapFS{"bin/app": {Data: []byte("binary")}, "version.txt": {Data: []byte("1.2.3")}},
	})
	jobs, id := newClientGo(t, srv).Jobs, int64(added.ID)
	ofBuild := &gitlab.DownloadArtifactsFileOptions{Job: new("build")}

	for name, download := range map[string]func() (*bytes.Reader, *gitlab.Response, error){
		"by job": func() (*bytes.Reader, *gitlab.Response, error) { return jobs.GetJobArtifacts(project, id) },
		"by ref": func() (*bytes.Reader, *gitlab.Response, error) {
			return jobs.DownloadArtifactsFile(project, "feature/x", ofBuild)
		},
	} {
		t.Run("archive "+name, func(t *testing.T) {
			archive, response, err := download()
			requireStatus(t, http.StatusOK, response, err)
			require.Equal(t, []string{"bin/", "bin/app", "version.txt"}, members(t, archive))
		})
	}
	for name, download := range map[string]func() (*bytes.Reader, *gitlab.Response, error){
		"by job": func() (*bytes.Reader, *gitlab.Response, error) {
			return jobs.DownloadSingleArtifactsFile(project, id, "version.txt")
		},
		"by ref": func() (*bytes.Reader, *gitlab.Response, error) {
			return jobs.DownloadSingleArtifactsFileByTagOrBranch(project, "feature/x", "version.txt", ofBuild)
		},
	} {
		t.Run("file "+name, func(t *testing.T) {
			file, response, err := download()
			requireStatus(t, http.StatusOK, response, err)
			content, err := io.ReadAll(file)
			require.NoError(t, err)
			require.Equal(t, "1.2.3", string(content))
		})
	}
}

func TestClientGoKeepAndDeleteArtifacts(t *testing.T) {
	srv := gitlabcitest.NewServer()
	added := srv.AddPipeline(project, gitlabcitest.Pipeline{}).AddJob(gitlabcitest.Job{
		Artifacts:         fstest.MapFS{"version.txt": {Data: []byte("1.2.3")}},
		ArtifactsExpireAt: time.Now().Add(time.Hour),
	})
	jobs, id := newClientGo(t, srv).Jobs, int64(added.ID)

	kept, response, err := jobs.KeepArtifacts(project, id)
	requireStatus(t, http.StatusOK, response, err)
	require.Nil(t, kept.ArtifactsExpireAt)
	require.Equal(t, "artifacts.zip", kept.ArtifactsFile.Filename)
	response, err = jobs.DeleteArtifacts(project, id)
	requireStatus(t, http.StatusNoContent, response, err)
	_, response, err = jobs.GetJobArtifacts(project, id)
	require.ErrorIs(t, err, gitlab.ErrNotFound)
	require.Equal(t, http.StatusNotFound, response.StatusCode)
	response, err = jobs.DeleteProjectArtifacts(project)
	requireStatus(t, http.StatusAccepted, response, err)
}
