package remote_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
	"example.com/gitlabci/internal/testkit"
)

func TestReportGunzip(t *testing.T) {
	text := strings.Repeat("<testsuite/>", 20_000) + testkit.Noise(50_000)
	packed := testkit.Gzip(text)
	tests := map[string]struct {
		content, name string
		want, as      string
		size          int64
	}{
		"packed":          {packed, "junit.xml.gz", text, "junit.xml", -1},
		"several":         {testkit.Gzip("a", text, "", "b"), "gl-sbom.cdx.json.gz", "a" + text + "b", "gl-sbom.cdx.json", -1},
		"empty, packed":   {testkit.Gzip(""), "junit.xml.gz", "", "junit.xml", -1},
		"without a name":  {packed, "junit", text, "junit", -1},
		"raw":             {text, "sast.json", text, "sast.json", int64(len(text))},
		"raw, short":      {"{}", "sast.json", "{}", "sast.json", 2},
		"empty":           {"", "junit.xml.gz", "", "junit.xml.gz", 0},
		"half the magic":  {"\x1f", "a.gz", "\x1f", "a.gz", 1},
		"raw, by a false": {"{}", "sast.json.gz", "{}", "sast.json.gz", 2},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := testkit.NewScript(testkit.File(test.content, "application/octet-stream", `attachment; filename="`+test.name+`"`))
			file, err := testkit.OpenReport(t.Context(), s.Client(t), gitlabci.ArtifactTypeJUnit)
			require.NoError(t, err)
			require.Equal(t, test.as, file.Name)
			require.Equal(t, test.size, file.Size)
			got, err := io.ReadAll(file)
			require.NoError(t, err)
			require.True(t, test.want == string(got), "%d bytes", len(got))
			require.NoError(t, file.Close())
			_, err = file.Read(make([]byte, 1))
			require.Error(t, err)
			require.Len(t, s.Received(), 1)
			require.Equal(t, "identity", s.Received()[0].Header.Get("Accept-Encoding"))
		})
	}
}

// What is damaged is not what the job wrote.
func TestReportDamaged(t *testing.T) {
	packed := testkit.Gzip(testkit.Noise(1000))
	sum := []byte(packed)
	sum[len(sum)-8]++
	for name, test := range map[string]struct {
		content string
		err     error
	}{
		"a false sum":  {string(sum), gzip.ErrChecksum},
		"cut off":      {packed[:len(packed)-1], io.ErrUnexpectedEOF},
		"only magic":   {"\x1f\x8b", io.ErrUnexpectedEOF},
		"no header":    {"\x1f\x8bxxxxxxxxxxxxx", gzip.ErrHeader},
		"more than it": {packed + "xxxxxxxxxxxxxxxxxx", gzip.ErrHeader},
	} {
		s := testkit.NewScript(testkit.File(test.content, "application/gzip", `attachment; filename="junit.xml.gz"`))
		_, err := s.Client(t).Artifacts.Download(t.Context(), "group/app", gitlabci.JobID(7), io.Discard, &gitlabci.OpenOptions{Gunzip: true})
		require.ErrorIs(t, err, test.err, name)
		require.ErrorContains(t, err, "gitlabci: GET /projects/group%2Fapp/jobs/7/artifacts: the gzip file is damaged: ", name)
		require.Len(t, s.Received(), 1)
	}
}

// A compressed report resumes, and errors of its content stay what they are.
func TestReportMends(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		text := testkit.Noise(100_000)
		packed := testkit.Gzip(text)
		var steps []testkit.ProgressStep
		broken := testkit.Body(200, packed[:50_000], len(packed))
		s := testkit.NewScript(broken, testkit.Body(200, packed[:3], len(packed)), testkit.Whole(packed))
		opts := testkit.RecordProgress(&steps)
		opts.FileType, opts.Gunzip = gitlabci.ArtifactTypeJUnit, true
		var got bytes.Buffer
		_, err := s.Client(t).Artifacts.Download(t.Context(), "group/app", gitlabci.JobID(7), &got, opts)
		require.NoError(t, err)
		require.True(t, text == got.String())
		require.Equal(t, testkit.ProgressStep{Done: int64(len(packed)), Total: int64(len(packed))}, steps[len(steps)-1])

		for _, step := range []http.HandlerFunc{broken, testkit.Body(200, packed[:1], len(packed))} {
			_, err = testkit.NewScript(step).Client(t).Artifacts.Download(t.Context(), "group/app", gitlabci.JobID(7), io.Discard, opts)
			require.ErrorIs(t, err, io.ErrUnexpectedEOF)
			require.NotContains(t, err.Error(), "damaged")
			require.Equal(t, 1, strings.Count(err.Error(), "gitlabci:"))
		}
	})
}

// A server that knows no file_type sends the archive.
func TestReportFromAnOldServer(t *testing.T) {
	zipped := "PK\x03\x04" + testkit.Noise(10_000)
	for name, test := range map[string]struct {
		fileType                          gitlabci.ArtifactType
		content, contentType, disposition string
		archive                           bool
	}{
		"by its content":        {gitlabci.ArtifactTypeJUnit, zipped, "application/octet-stream", "", true},
		"an empty one":          {gitlabci.ArtifactTypeJUnit, "PK\x05\x06" + strings.Repeat("\x00", 18), "application/octet-stream", "", true},
		"by its type":           {gitlabci.ArtifactTypeSAST, "x", "application/zip; x=y", "", true},
		"by its name":           {gitlabci.ArtifactTypeSAST, "x", "", `attachment; filename="artifacts.zip"`, true},
		"never by type":         {gitlabci.ArtifactTypeTerraform, zipped, "", `attachment; filename="artifacts.zip"`, true},
		"of a new type":         {"novelty", zipped, "application/zip", `attachment; filename="artifacts.zip"`, true},
		"a zip of a new type":   {"novelty", zipped, "application/zip", `attachment; filename="novelty.zip"`, false},
		"an index, which is it": {gitlabci.ArtifactTypeLSIF, zipped, "application/zip", "", false},
		"the newer index":       {gitlabci.ArtifactTypeSCIP, zipped, "application/zip", "", false},
		"the archive":           {gitlabci.ArtifactTypeArchive, zipped, "application/zip", `attachment; filename="artifacts.zip"`, false},
		"the archive by itself": {"", zipped, "application/zip", `attachment; filename="artifacts.zip"`, false},
		"a report":              {gitlabci.ArtifactTypeSAST, "{}", "application/json", `attachment; filename="sast.json"`, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := testkit.NewScript(testkit.File(test.content, test.contentType, test.disposition))
			file, err := testkit.OpenReport(t.Context(), s.Client(t), test.fileType)
			if test.archive {
				require.ErrorIs(t, err, errors.ErrUnsupported)
				require.ErrorContains(t, err, "GET /projects/group%2Fapp/jobs/7/artifacts: ")
				require.ErrorContains(t, err, "in place of the "+string(test.fileType)+" report")
				return
			}
			require.NoError(t, err)
			got, err := io.ReadAll(file)
			require.NoError(t, err)
			require.True(t, test.content == string(got))
			require.NoError(t, file.Close())
		})
	}
}

func TestReportOfTheFake(t *testing.T) {
	for version, known := range map[string]bool{"19.4": true, "18.0": false} {
		for name, delivery := range map[string]gitlabcitest.Option{
			"disk": gitlabcitest.WithStrongETags(), "storage": gitlabcitest.WithStorage(gitlabcitest.Storage{Strict: true}),
		} {
			srv := gitlabcitest.NewServer(gitlabcitest.WithVersion(version), delivery)
			job := srv.AddPipeline("group/app", gitlabcitest.Pipeline{}).AddJob(gitlabcitest.Job{
				Name: "unit", Archive: []byte("PK\x03\x04..."), Reports: map[gitlabci.ArtifactType][]byte{gitlabci.ArtifactTypeJUnit: []byte(`<testsuite/>`)},
			})
			var got bytes.Buffer
			opts := &gitlabci.OpenOptions{FileType: gitlabci.ArtifactTypeJUnit, Gunzip: true}
			_, err := srv.Client().Artifacts.Download(t.Context(), "group/app", job.ID, &got, opts)
			if known {
				require.NoError(t, err, name)
				require.Equal(t, "<testsuite/>", got.String())
				continue
			}
			require.ErrorIs(t, err, errors.ErrUnsupported, name)
			require.Zero(t, got.Len())
		}
	}
}
