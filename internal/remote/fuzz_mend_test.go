package remote_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/internal/testkit"
)

// Whatever a server says that a part is, and whatever it sends: the bytes that
// came before stay, none are added to the size, and what is no error has all of
// them.
func FuzzContentRange(f *testing.F) {
	for _, header := range []string{
		"bytes 40-99/100", "bytes 40-99/*", "bytes 40-59/100", "bytes 0-99/100", "bytes 41-99/100", "bytes */100", "bytes 40-39/100", "bytes 40-100/100",
		"BYTES  40-99/100", "bytes 40-99/101", "bytes +40-99/100", "bytes 040-99/100", "bytes 40-9223372036854775807/9223372036854775808", "bytes=40-99/100", "", "x",
	} {
		f.Add(header, `"a"`, `"a"`, 206, 60)
		f.Add(header, "", `W/"a"`, 206, 61)
	}
	f.Add("", `"a"`, `"b"`, 200, 100)
	f.Add("", "", "", 200, 30)
	f.Fuzz(func(t *testing.T, contentRange, before, after string, status, length int) {
		if status/100 != 2 || length < 0 || length > 300 {
			return
		}
		synctest.Test(t, func(t *testing.T) {
			body := strings.Repeat(testkit.Text, 4)[:length]
			if status == http.StatusPartialContent {
				body = strings.Repeat(testkit.Text, 5)[40:][:length]
			}
			tries := 0
			client, err := gitlabci.NewClient(gitlabci.WithRetries(1), gitlabci.WithTransport(testkit.RoundTripper(func(req *http.Request) (*http.Response, error) {
				tries++
				resp := &http.Response{StatusCode: status, ContentLength: -1, Request: req, Header: http.Header{"Etag": {after}, "Content-Range": {contentRange}}, Body: io.NopCloser(strings.NewReader(body))}
				if tries == 1 {
					resp = &http.Response{StatusCode: 200, ContentLength: 100, Request: req, Header: http.Header{"Etag": {before}}, Body: io.NopCloser(strings.NewReader(testkit.Text[:40]))}
				}
				return resp, nil
			})))
			require.NoError(t, err)
			file, err := client.Artifacts.Open(t.Context(), "7", gitlabci.JobID(7), nil)
			require.NoError(t, err)
			got, err := io.ReadAll(file)
			require.NoError(t, file.Close())
			require.GreaterOrEqual(t, len(got), 40)
			require.LessOrEqual(t, len(got), 100)
			require.Equal(t, testkit.Text[:len(got)], string(got))
			require.Equal(t, len(got) == 100 && err == nil, err == nil, "%v", err)
		})
	})
}
