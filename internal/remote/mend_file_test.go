package remote_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/internal/testkit"
)

// A file that the caller has opened may be readable, and then it is what a whole response is
// compared with. It need not be: then a checksum is.
func TestMendIntoFiles(t *testing.T) {
	for name, open := range map[string]func(path string) (*os.File, error){
		"created":    os.Create,
		"write only": func(path string) (*os.File, error) { return os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o600) },
		"for appending": func(path string) (*os.File, error) {
			return os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
		},
	} {
		for kind, test := range map[string]struct{ again, err string }{
			"the same":                  {again: testkit.Text},
			"others":                    {testkit.Text[:20] + "x" + testkit.Text[21:], "its first 40 bytes are different now"},
			"others behind those":       {again: testkit.Text[:99] + "x"},
			"others where nothing came": {testkit.Text[:39] + "x" + testkit.Text[40:], "its first 40 bytes are different now"},
		} {
			for _, before := range []string{"", "what the caller wrote before, longer than what comes" + strings.Repeat(".", 100)} {
				t.Run(name+", "+kind, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						path := filepath.Join(t.TempDir(), "artifacts.zip")
						require.NoError(t, os.WriteFile(path, []byte(before), 0o600))
						file, err := open(path)
						require.NoError(t, err)
						defer file.Close()
						if name != "for appending" {
							_, err = io.WriteString(file, before)
							require.NoError(t, err)
						}
						s := testkit.NewScript(testkit.FirstPart(), testkit.Body(200, test.again[:10], 100), inPieces(test.again))
						n, err := s.Client(t).Artifacts.Download(t.Context(), "group/app", gitlabci.JobID(7), file, nil)
						want := test.again
						if test.err != "" {
							require.ErrorContains(t, err, test.err)
							want = testkit.Text[:40]
						} else {
							require.NoError(t, err)
						}
						require.EqualValues(t, len(want), n)
						got, err := os.ReadFile(file.Name())
						require.NoError(t, err)
						require.Equal(t, before+want, string(got))
					})
				})
			}
		}
	}
}

// inPieces responds with a whole text, which arrives bit by bit.
func inPieces(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/zip")
		w.Header().Set("Content-Length", fmt.Sprint(len(text)))
		for len(text) > 0 {
			n := min(len(text), 15)
			io.WriteString(w, text[:n])
			w.(http.Flusher).Flush()
			text = text[n:]
		}
	}
}

// What cannot be read again is an error, and never mistaken for the same.
func TestMendIntoATruncatedFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file, err := os.Create(filepath.Join(t.TempDir(), "artifacts.zip"))
		require.NoError(t, err)
		defer file.Close()
		s := testkit.NewScript(testkit.FirstPart(), func(w http.ResponseWriter, r *http.Request) {
			require.NoError(t, file.Truncate(30))
			testkit.Whole(testkit.Text)(w, r)
		})
		n, err := s.Client(t).Artifacts.Download(t.Context(), "group/app", gitlabci.JobID(7), file, nil)
		require.ErrorContains(t, err, "after 40 of 100 bytes: what was written cannot be read again: the file is shorter now")
		require.NotErrorIs(t, err, io.EOF)
		require.EqualValues(t, 40, n)
	})
}

// What is written is not always what came, or not yet.
func TestMendIntoFilesOfReports(t *testing.T) {
	report := testkit.Gzip(testkit.Text)
	for name, opts := range map[string]*gitlabci.OpenOptions{
		"unpacked": {Gunzip: true},
		"a report": {FileType: gitlabci.ArtifactTypeJUnit},
		"both":     {FileType: gitlabci.ArtifactTypeJUnit, Gunzip: true},
	} {
		for _, cut := range []int{1, 20, len(report) - 1} {
			t.Run(fmt.Sprintf("%s, after %d bytes", name, cut), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					file, err := os.Create(filepath.Join(t.TempDir(), "report"))
					require.NoError(t, err)
					defer file.Close()
					s := testkit.NewScript(testkit.Body(200, report[:cut], len(report)), testkit.Whole(report))
					_, err = s.Client(t).Artifacts.Download(t.Context(), "group/app", gitlabci.JobID(7), file, opts)
					require.NoError(t, err)
					got, err := os.ReadFile(file.Name())
					require.NoError(t, err)
					want := report
					if opts.Gunzip {
						want = testkit.Text
					}
					require.Equal(t, want, string(got))
				})
			})
		}
	}
}
