package remote_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
	"example.com/gitlabci/internal/testkit"
)

// On newer servers this path means something else for a job by its ID.
func TestFileNamedTree(t *testing.T) {
	srv := gitlabcitest.NewServer()
	job := srv.AddPipeline("group/app", gitlabcitest.Pipeline{}).AddJob(gitlabcitest.Job{
		Name: "build", Artifacts: fstest.MapFS{"tree": {Data: []byte("oak")}},
	})
	client := srv.Client()
	_, err := client.Artifacts.OpenFile(t.Context(), "group/app", job.ID, "tree", nil)
	require.ErrorIs(t, err, errors.ErrUnsupported)

	file, err := client.Artifacts.OpenFile(t.Context(), "group/app", gitlabci.LatestArtifacts{Ref: "main", Job: "build"}, "tree", nil)
	require.NoError(t, err)
	text, err := io.ReadAll(file)
	require.NoError(t, err)
	require.NoError(t, file.Close())
	require.Equal(t, "oak", string(text))

	// An older server has no listing, and sends the file.
	s := testkit.NewScript(testkit.Respond(200, "oak", "Content-Type", "application/octet-stream"))
	file, err = s.Client(t).Artifacts.OpenFile(t.Context(), "group/app", job.ID, "tree", nil)
	require.NoError(t, err)
	require.NoError(t, file.Close())
}

func TestResponsesThatAreNotWholeFiles(t *testing.T) {
	tests := map[string]struct {
		step http.HandlerFunc
		want string
	}{
		"a part nobody asked for": {testkit.Respond(206, "56789", "Content-Range", "bytes 5-9/10"), "206 Partial Content is not a whole file"},
		"nothing":                 {testkit.Respond(204, ""), "204 No Content is not a whole file"},
		"a promise":               {testkit.Respond(202, `{}`), "202 Accepted is not a whole file"},
		"compressed on the way":   {testkit.Respond(200, "\x1f\x8b", "Content-Encoding", "gzip"), `compressed by "gzip"`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var got bytes.Buffer
			_, err := testkit.NewScript(test.step).Client(t).Artifacts.Download(t.Context(), "group/app", gitlabci.JobID(7), &got, nil)
			require.ErrorContains(t, err, test.want)
			require.Zero(t, got.Len())
		})
	}
}

func TestMoreThanAnnounced(t *testing.T) {
	client, err := gitlabci.NewClient(gitlabci.WithTransport(testkit.RoundTripper(func(req *http.Request) (*http.Response, error) {
		return &http.Response{
			StatusCode: 200, ContentLength: 3, Body: io.NopCloser(bytes.NewReader([]byte("four"))), Header: http.Header{}, Request: req,
		}, nil
	})))
	require.NoError(t, err)
	_, err = client.Artifacts.Download(t.Context(), "group/app", gitlabci.JobID(7), io.Discard, nil)
	require.ErrorContains(t, err, "more came than the 3 bytes announced")
}

func TestSourcesAndRefsThatAreRefused(t *testing.T) {
	id := gitlabci.JobID(7)
	for name, src := range map[string]gitlabci.ArtifactSource{
		"nil":             nil,
		"a nil pointer":   (*gitlabci.LatestArtifacts)(nil),
		"a pointer":       &id,
		"a ref above":     gitlabci.LatestArtifacts{Ref: "../../user", Job: "build"},
		"a ref of nobody": gitlabci.LatestArtifacts{Ref: "a//b", Job: "build"},
		"a ref from root": gitlabci.LatestArtifacts{Ref: "/a", Job: "build"},
	} {
		t.Run(name, func(t *testing.T) {
			s := testkit.NewScript(testkit.OK)
			_, err := s.Client(t).Artifacts.Open(t.Context(), "group/app", src, nil)
			require.ErrorIs(t, err, gitlabci.ErrInvalid)
			_, err = s.Client(t).Artifacts.OpenFile(t.Context(), "group/app", src, "a", nil)
			require.ErrorIs(t, err, gitlabci.ErrInvalid)
			require.Empty(t, s.Received())
		})
	}
}

// The first refusal says what is wrong, and must not get lost in the second.
func TestPlayOrRetryKeepsBothErrors(t *testing.T) {
	s := testkit.NewScript(testkit.Respond(400, `{"message":"400 Bad request - Unknown input: x"}`), testkit.Respond(403, `{"message":"403 Forbidden - Job is not retryable"}`))
	_, err := s.Client(t).Jobs.PlayOrRetry(t.Context(), "group/app", 7, &gitlabci.PlayJobOptions{Inputs: map[string]any{"x": 1}})
	require.ErrorIs(t, err, gitlabci.ErrInvalid)
	require.ErrorIs(t, err, gitlabci.ErrForbidden)
	require.ErrorContains(t, err, "Unknown input: x")
}

func TestBrokenFilesNameTheirEndpoint(t *testing.T) {
	log := testkit.NewScript(testkit.OfType("text/plain", testkit.BreakOff)).Client(t, gitlabci.WithRetries(0))
	body, err := log.Jobs.Log(t.Context(), "group/app", 7)
	require.NoError(t, err)
	_, err = io.ReadAll(body)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.ErrorContains(t, err, "gitlabci: GET /projects/group%2Fapp/jobs/7/trace: after 6 of 100 bytes")
	require.NoError(t, body.Close())

	api, _ := testkit.Redirected(302, testkit.StorageURL, testkit.OfType("application/zip", testkit.BreakOff))
	_, err = api.Client(t, gitlabci.WithRetries(0)).Artifacts.Download(context.Background(), "group/app", gitlabci.JobID(7), io.Discard, nil)
	require.ErrorContains(t, err, "storage "+testkit.StorageHost+": after 6 of 100 bytes")
	require.NotContains(t, err.Error(), "c2lnbmVk")
}
