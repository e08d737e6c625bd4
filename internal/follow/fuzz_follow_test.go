package follow_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/internal/testkit"
)

// A lyingJob has a log that grows with each poll, and responds to some requests for
// it as a fuzz test wants.
type lyingJob struct {
	log          string
	lies         []byte // what is done to each response
	contentRange string
	offsets      bool // the server knows byte_offset
	polls        int
	requests     int
}

func (j *lyingJob) RoundTrip(req *http.Request) (*http.Response, error) {
	if j.requests++; j.requests > 5000 {
		panic("this does not end")
	}
	resp := &http.Response{StatusCode: 200, Header: http.Header{}, ContentLength: -1, Request: req, ProtoMajor: 2}
	if !strings.HasSuffix(req.URL.Path, "/trace") {
		status := "running"
		if j.polls++; j.polls > 12 {
			status = "success"
		}
		resp.Header.Set("Content-Type", "application/json")
		resp.Body = io.NopCloser(strings.NewReader(fmt.Sprintf(`{"id":9,"status":%q}`, status)))
		return resp, nil
	}
	log := []byte(j.log[:min(len(j.log), j.polls*len(j.log)/10)])
	if offset, err := strconv.Atoi(req.URL.Query().Get("byte_offset")); err == nil && j.offsets {
		log = log[min(max(offset, 0), len(log)):]
	}
	resp.Header.Set("Content-Type", "text/plain")
	if len(j.lies) > 0 {
		log = j.lie(resp, log, j.lies[j.requests%len(j.lies)])
	}
	resp.Body = io.NopCloser(bytes.NewReader(log))
	return resp, nil
}

// lie changes a response in one of some ways.
func (j *lyingJob) lie(resp *http.Response, log []byte, how byte) []byte {
	part := int(how) * len(log) / 256
	switch how % 10 {
	case 0:
		return log[:part]
	case 1:
		return log[part:]
	case 2:
		resp.StatusCode = http.StatusPartialContent
		resp.Header.Set("Content-Range", j.contentRange)
	case 3:
		resp.StatusCode = http.StatusPartialContent
		resp.Header.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", part, len(log)-1, len(log)))
		return log[part:]
	case 4:
		resp.StatusCode = []int{204, 404, 416, 500, 403}[int(how)/10%5]
	case 5:
		return bytes.ToUpper(log)
	case 6:
		resp.ProtoMajor, resp.Close = 1, true
		return log[:part]
	}
	return log
}

// FollowLog ends with any log that a server sends. If the server does not lie, it copies
// exactly the log.
func FuzzFollow(f *testing.F) {
	for seed := range byte(20) {
		f.Add(strings.Repeat("line of a log\n", int(seed)*20), []byte{seed, 3 * seed, 7 * seed, 7, 8}, "bytes 0-9/10", seed%2 == 0)
		f.Add(testkit.Noise(int(seed)*200), []byte{}, "", seed%2 == 0)
	}
	f.Add(strings.Repeat("same\n", 1000), []byte{2, 12, 7, 22}, "bytes 9223372036854775807-9223372036854775807/*", true)
	f.Fuzz(func(t *testing.T, log string, lies []byte, contentRange string, offsets bool) {
		synctest.Test(t, func(t *testing.T) {
			j := &lyingJob{log: log, lies: lies, contentRange: contentRange, offsets: offsets}
			client, err := gitlabci.NewClient(gitlabci.WithRetries(0), gitlabci.WithTransport(j))
			require.NoError(t, err)
			var out strings.Builder
			job, err := client.Jobs.FollowLog(t.Context(), "7", 9, &out, &gitlabci.FollowOptions{GiveUpAfter: time.Minute})
			if len(lies) == 0 {
				require.NoError(t, err)
				require.Equal(t, gitlabci.StatusSuccess, job.Status)
				require.Equal(t, log, out.String())
			}
			require.True(t, job != nil || err != nil)
		})
	})
}
