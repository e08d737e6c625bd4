package gitlabcitest_test

import (
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
)

func TestJobLog(t *testing.T) {
	const log = "\x1b[32mok\x1b[0m\r\n\xff"
	srv := oneJob(gitlabcitest.Job{Log: log})
	r := get(t, srv, "/projects/1/jobs/1/trace")
	require.Equal(t, 200, r.status)
	require.Equal(t, log, r.body)
	require.Equal(t, "text/plain", r.header.Get("Content-Type"))
	require.Equal(t, `infile; filename="1.log"`, r.header.Get("Content-Disposition"))
	r = send(t, srv, http.MethodGet, "/projects/1/jobs/1/trace", "", "Range: bytes=1-2")
	require.Equal(t, 200, r.status)
	require.Equal(t, log, r.body)

	body, err := srv.Client().Jobs.Log(t.Context(), "group/app", 1)
	require.NoError(t, err)
	defer body.Close()
	all, err := io.ReadAll(body)
	require.NoError(t, err)
	require.Equal(t, log, string(all))
}

func TestNoLog(t *testing.T) {
	r := get(t, oneJob(gitlabcitest.Job{Status: gitlabci.StatusPending}), "/projects/1/jobs/1/trace?byte_offset=5&byte_limit=1")
	require.Equal(t, 200, r.status)
	require.Empty(t, r.body)
	require.Equal(t, "text/plain", r.header.Get("Content-Type"))
	require.Equal(t, "0", r.header.Get("Content-Length"))
}

func TestPartsOfLog(t *testing.T) {
	srv := oneJob(gitlabcitest.Job{Log: "0123456789", Status: gitlabci.StatusRunning})
	for query, want := range map[string]string{
		"byte_offset=0":                       "0123456789",
		"byte_offset=7":                       "789",
		"byte_offset=10":                      "",
		"byte_offset=9223372036854775807":     "",
		"byte_limit=3":                        "012",
		"byte_limit=512000":                   "0123456789",
		"byte_offset=4&byte_limit=3":          "456",
		"byte_offset=8&byte_limit=3":          "89",
		"byte_offset=&byte_limit=":            "0123456789",
		"byte_offset=99999999999999999999999": "",
	} {
		r := get(t, srv, "/projects/1/jobs/1/trace?"+query)
		require.Equal(t, 200, r.status, query)
		require.Equal(t, want, r.body, query)
	}
	for query, want := range map[string]string{
		"byte_offset=-1":               "byte_offset does not have a valid value",
		"byte_limit=0":                 "byte_limit does not have a valid value",
		"byte_limit=512001":            "byte_limit does not have a valid value",
		"byte_offset=x&byte_limit=0":   "byte_offset is invalid, byte_limit does not have a valid value",
		"byte_limit=-1&byte_offset=10": "byte_limit does not have a valid value",
	} {
		r := get(t, srv, "/projects/1/jobs/1/trace?"+query)
		require.Equal(t, 400, r.status, query)
		require.Equal(t, object{"error": want}, r.object(t))
	}
}
