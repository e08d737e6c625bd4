package remote_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
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

// mendChunked is a step: 40 bytes come, of nobody knows how many.
func mendChunked(headers ...string) http.HandlerFunc {
	return testkit.Body(200, testkit.Text[:40], -1, headers...)
}

// A mendCase is a file that is interrupted after 40 of its bytes, what the server sends
// next, and the result: an error, or all of want.
type mendCase struct {
	way     string // of artifactsOpens, or "log"; "" is the archive
	steps   []http.HandlerFunc
	asked   string // Range
	ifRange string
	err     string
	is      error
	want    string // "" is mendText
}

func mendValidated() map[string]mendCase {
	steps := func(s ...http.HandlerFunc) []http.HandlerFunc { return s }
	rest := testkit.Part(testkit.Text[40:], "bytes 40-99/100", "ETag", `"a"`)
	whole := testkit.Whole(testkit.Text)
	dated := testkit.Whole(testkit.Text, "Last-Modified", testkit.Date)
	ranges := []string{"ETag", `"a"`, "Accept-Ranges", "bytes"}
	const all = "bytes=40-"
	return map[string]mendCase{
		"a strong ETag":                {steps: steps(testkit.FirstPart("ETag", `"a"`), rest), asked: all, ifRange: `"a"`},
		"a date":                       {steps: steps(testkit.FirstPart("Last-Modified", testkit.Date), dated)},
		"an ETag above a date":         {steps: steps(testkit.FirstPart("ETag", `"a"`, "Last-Modified", testkit.Date), rest), asked: all, ifRange: `"a"`},
		"a date under a weak ETag":     {way: "latest", steps: steps(testkit.FirstPart("ETag", `W/"a"`, "Last-Modified", testkit.Date), dated)},
		"the latest with an ETag":      {way: "latest", steps: steps(testkit.FirstPart("ETag", `"a"`), rest), asked: all, ifRange: `"a"`},
		"a log with a date":            {way: "log", steps: steps(testkit.FirstPart("Last-Modified", testkit.Date), dated)},
		"a log with an ETag":           {way: "log", steps: steps(testkit.FirstPart("ETag", `"a"`), rest), asked: all, ifRange: `"a"`},
		"a weak ETag then":             {steps: steps(testkit.FirstPart("ETag", `"a"`), testkit.Part(testkit.Text[40:], "bytes 40-99/100", "ETag", `W/"a"`), whole), asked: all, ifRange: `"a"`, err: "the response has no strong ETag, and the first one had"},
		"no ETag then":                 {steps: steps(testkit.FirstPart("ETag", `"a"`), testkit.Part(testkit.Text[40:], "bytes 40-99/100"), whole), asked: all, ifRange: `"a"`, err: "the response has no strong ETag, and the first one had"},
		"a date then":                  {steps: steps(testkit.FirstPart("ETag", `"a"`, "Last-Modified", testkit.Date), testkit.Part(testkit.Text[40:], "bytes 40-99/100", "Last-Modified", testkit.Date), whole), asked: all, ifRange: `"a"`, err: "the response has no strong ETag, and the first one had"},
		"no ETag then, and others":     {steps: steps(testkit.FirstPart("ETag", `"a"`), testkit.Part(testkit.Text[40:], "bytes 40-99/100"), testkit.Whole("x"+testkit.Text[1:])), asked: all, ifRange: `"a"`, err: "the response has no strong ETag, and the first one had"},
		"another ETag then":            {steps: steps(testkit.FirstPart("ETag", `"a"`), testkit.Part(testkit.Text[40:], "bytes 40-99/100", "ETag", `"b"`)), asked: all, ifRange: `"a"`, err: "the file has changed meanwhile: it has another ETag or date now"},
		"another date then":            {steps: steps(testkit.FirstPart("Last-Modified", testkit.Date), testkit.Whole(testkit.Text, "Last-Modified", testkit.LaterDate)), err: "another ETag or date"},
		"no total":                     {steps: steps(testkit.FirstPart("ETag", `"a"`), testkit.Part(testkit.Text[40:], "bytes 40-99/*", "ETag", `"a"`)), asked: all, ifRange: `"a"`},
		"another total":                {steps: steps(testkit.FirstPart("ETag", `"a"`), testkit.Part(testkit.Text[40:], "bytes 40-99/101", "ETag", `"a"`)), asked: all, ifRange: `"a"`, err: "it has 101 bytes now"},
		"another place":                {steps: steps(testkit.FirstPart("ETag", `"a"`), testkit.Part(testkit.Text[41:], "bytes 41-99/100", "ETag", `"a"`)), asked: all, ifRange: `"a"`, err: "bytes from 40 on were requested, but the response begins at byte 41"},
		"no place":                     {steps: steps(testkit.FirstPart("ETag", `"a"`), testkit.Body(206, testkit.Text[40:], 60)), asked: all, ifRange: `"a"`, err: `Content-Range "" is not one range of bytes`},
		"several parts":                {steps: steps(testkit.FirstPart("ETag", `"a"`), testkit.Body(206, "--x", 3, "Content-Type", "multipart/byteranges; boundary=x")), asked: all, ifRange: `"a"`, err: "is not one range"},
		"in pieces":                    {steps: steps(testkit.FirstPart("ETag", `"a"`), testkit.Part(testkit.Text[40:60], "bytes 40-59/100", "ETag", `"a"`), testkit.Part(testkit.Text[60:], "bytes 60-99/100", "ETag", `"a"`)), asked: all, ifRange: `"a"`},
		"more than the part":           {steps: steps(testkit.FirstPart("ETag", `"a"`), testkit.Part(testkit.Text[40:], "bytes 40-59/100", "ETag", `"a"`)), asked: all, ifRange: `"a"`, err: "more came than the 60 bytes announced"},
		"packed":                       {steps: steps(testkit.FirstPart("ETag", `"a"`), testkit.Part(testkit.Text[40:], "bytes 40-99/100", "Content-Encoding", "gzip")), asked: all, ifRange: `"a"`, err: `compressed by "gzip"`},
		"all, with the ETag":           {steps: steps(testkit.FirstPart(ranges...), testkit.Whole(testkit.Text, ranges...)), asked: all, ifRange: `"a"`},
		"all, with another ETag":       {steps: steps(testkit.FirstPart(ranges...), testkit.Whole(testkit.Text, "ETag", `"b"`)), asked: all, ifRange: `"a"`, err: "another ETag or date"},
		"all, without an ETag":         {steps: steps(testkit.FirstPart(ranges...), testkit.Whole(testkit.Text)), asked: all, ifRange: `"a"`, err: "the response has no strong ETag, and the first one had"},
		"all, other bytes, no ETag":    {steps: steps(testkit.FirstPart(ranges...), testkit.Whole("x"+testkit.Text[1:])), asked: all, ifRange: `"a"`, err: "the response has no strong ETag, and the first one had"},
		"all, the ETag vouches for it": {steps: steps(testkit.FirstPart("ETag", `"a"`), testkit.Whole("x"+testkit.Text[1:], "ETag", `"a"`)), asked: all, ifRange: `"a"`},
		"refused the range, and all":   {steps: steps(testkit.FirstPart("ETag", `"a"`), testkit.Respond(416, ""), testkit.Whole(testkit.Text)), asked: all, ifRange: `"a"`, err: "the response has no strong ETag, and the first one had"},
		"refused the range, and less":  {steps: steps(testkit.FirstPart("ETag", `"a"`), testkit.Respond(416, ""), testkit.Whole(testkit.Text[:30])), asked: all, ifRange: `"a"`, err: "it has 30 bytes now"},
		"unknown size":                 {steps: steps(mendChunked("ETag", `"a"`), rest), asked: all, ifRange: `"a"`},
		"unknown size, and no total":   {steps: steps(mendChunked("ETag", `"a"`), testkit.Part(testkit.Text[40:], "bytes 40-99/*", "ETag", `"a"`)), asked: all, ifRange: `"a"`, err: "its Content-Range has no size"},
		"gone":                         {steps: steps(testkit.FirstPart("ETag", `"a"`), testkit.Respond(404, `{"message":"404 Not Found"}`)), asked: all, ifRange: `"a"`, err: "404 Not Found (after 40 of 100 bytes: ", is: gitlabci.ErrNotFound},
		"forbidden":                    {steps: steps(testkit.FirstPart("ETag", `"a"`), testkit.Respond(403, ``)), asked: all, ifRange: `"a"`, err: "after 40 of 100 bytes", is: gitlabci.ErrForbidden},
		"precondition":                 {steps: steps(testkit.FirstPart("ETag", `"a"`), testkit.Respond(412, ``)), asked: all, ifRange: `"a"`, err: "412 Precondition Failed (after 40 of 100 bytes"},
	}
}

func mendUnvalidated() map[string]mendCase {
	steps := func(s ...http.HandlerFunc) []http.HandlerFunc { return s }
	rest := testkit.Part(testkit.Text[40:], "bytes 40-99/100")
	whole := testkit.Whole(testkit.Text)
	poison := []string{"ETag", `W/"d41d8cd9"`, "Last-Modified", "0"}
	return map[string]mendCase{
		"of a job":                {steps: steps(testkit.FirstPart(poison...), whole)},
		"of a job, other total":   {steps: steps(testkit.FirstPart(poison...), testkit.Whole(testkit.Text[:99])), err: "it has 99 bytes now"},
		"of a job, size unknown":  {steps: steps(mendChunked(poison...), testkit.Whole(testkit.Text))},
		"a date of just now":      {way: "latest", steps: steps(testkit.FirstPart("Last-Modified", "Sat, 01 Jan 2000 00:00:00 GMT"), testkit.Whole(testkit.Text))}, // when a bubble begins
		"latest":                  {way: "latest", steps: steps(testkit.FirstPart(poison...), testkit.Whole(testkit.Text))},
		"latest member":           {way: "latest member", steps: steps(testkit.FirstPart(poison...), testkit.Whole(testkit.Text))},
		"latest, other bytes":     {way: "latest", steps: steps(testkit.FirstPart(), testkit.Whole("x"+testkit.Text[1:])), err: "its first 40 bytes are different now"},
		"latest, others behind":   {way: "latest", steps: steps(testkit.FirstPart(), testkit.Whole(testkit.Text[:99]+"x")), want: testkit.Text[:99] + "x"}, // and all of it
		"latest, longer":          {way: "latest", steps: steps(testkit.FirstPart(), testkit.Whole(testkit.Text+"x")), err: "it has 101 bytes now"},
		"latest, shorter":         {way: "latest", steps: steps(testkit.FirstPart(), testkit.Whole(testkit.Text[:99])), err: "it has 99 bytes now"},
		"unasked":                 {way: "latest", steps: steps(testkit.FirstPart(), rest), err: "206 Partial Content is not a whole file"},
		"shorter, sizes unknown":  {way: "latest", steps: steps(mendChunked(), testkit.Respond(200, testkit.Text[:30], "Content-Type", "", "Content-Length", "")), err: "it has 30 bytes now"},
		"a report":                {way: "report", steps: steps(testkit.FirstPart(), whole)},
		"a member without ranges": {way: "member", steps: steps(testkit.FirstPart(), testkit.Whole(testkit.Text))},
		"breaks again and again":  {way: "latest", steps: steps(testkit.FirstPart(), testkit.Body(200, testkit.Text[:10], 100), testkit.Body(200, testkit.Text[:70], 100), testkit.Reset, testkit.Whole(testkit.Text))},
		"a page":                  {steps: steps(testkit.FirstPart(), testkit.Respond(200, "<title>Sign in</title>", "Content-Type", "text/html")), err: `content type "text/html": this is a page`},
		"nothing":                 {steps: steps(testkit.FirstPart(), testkit.Respond(204, "")), err: "204 No Content is not a whole file"},
		"a log":                   {way: "log", steps: steps(testkit.FirstPart(), testkit.Whole(testkit.Text))},
		"a log that grew":         {way: "log", steps: steps(testkit.FirstPart(), testkit.Whole(testkit.Text+"more")), want: testkit.Text + "more"},
		"a log of unknown size":   {way: "log", steps: steps(mendChunked(), testkit.Whole(testkit.Text))},
		"a log that shrank":       {way: "log", steps: steps(testkit.FirstPart(), testkit.Whole(testkit.Text[:99])), err: "it has 99 bytes now"},
		"a log written again":     {way: "log", steps: steps(testkit.FirstPart(), testkit.Whole("x"+testkit.Text[1:]+"more")), err: "its first 40 bytes are different now"},
	}
}

func mendOpen(ctx context.Context, c *gitlabci.Client, way string) (io.ReadCloser, error) {
	if way == "log" {
		return c.Jobs.Log(ctx, "group/app", 7)
	}
	if way == "" {
		way = "archive"
	}
	return testkit.Opens[way](ctx, c)
}

func TestMend(t *testing.T) {
	for _, cases := range []map[string]mendCase{mendValidated(), mendUnvalidated()} {
		for name, test := range cases {
			t.Run(name, func(t *testing.T) { synctest.Test(t, func(t *testing.T) { mendTry(t, test, false) }) })
			t.Run(name+" HTTP2", func(t *testing.T) { synctest.Test(t, func(t *testing.T) { mendTry(t, test, true) }) })
		}
	}
}

func mendTry(t *testing.T, test mendCase, http2 bool) {
	s := testkit.NewScript(test.steps...)
	client := s.Client(t)
	if http2 {
		client = s.Client(t, gitlabci.WithTransport(s.Network.HTTP2()))
	}
	file, err := mendOpen(t.Context(), client, test.way)
	require.NoError(t, err)
	defer file.Close()
	got, err := io.ReadAll(file)
	second := s.Received()[1]
	require.Equal(t, test.asked, second.Header.Get("Range"))
	require.Equal(t, test.ifRange, second.Header.Get("If-Range"))
	require.Equal(t, test.way == "log" && test.asked == "", second.Header.Get("Accept-Encoding") == "gzip")
	require.Equal(t, testkit.Token, second.Header.Get("Private-Token"))
	if strings.HasPrefix(t.Name(), "TestMend/refused_the_range") {
		require.Empty(t, s.Received()[2].Header.Get("Range"), "not to be refused again")
	}
	if test.err == "" {
		require.NoError(t, err)
		require.True(t, string(got) == cmp.Or(test.want, testkit.Text), "%d bytes", len(got))
		require.Len(t, s.Received(), len(test.steps))
		return
	}
	require.ErrorContains(t, err, test.err)
	require.ErrorContains(t, err, "gitlabci: GET /projects/group%2Fapp/jobs/")
	require.True(t, strings.HasPrefix(testkit.Text, string(got[:min(len(got), 40)])))
	require.GreaterOrEqual(t, len(got), 40, "what came is kept")
	if test.is != nil {
		require.ErrorIs(t, err, test.is)
	}
	_, again := file.Read(make([]byte, 1))
	require.Equal(t, err, again, "and nothing more comes")
}

// A try is earned back by any byte, and so a file arrives by one retry.
func TestMendEarnsTriesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testkit.NewScript(func(w http.ResponseWriter, r *http.Request) {
			from := 0
			fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &from)
			step := testkit.Body(206, testkit.Text[from:from+1], 100-from, "ETag", `"a"`, "Content-Range", fmt.Sprintf("bytes %d-99/100", from))
			if from == 0 {
				step = testkit.Body(200, testkit.Text[:1], 100, "ETag", `"a"`)
			}
			step(w, r)
		})
		var got bytes.Buffer
		n, err := s.Client(t, gitlabci.WithRetries(1)).Artifacts.Download(t.Context(), "group/app", gitlabci.JobID(7), &got, nil)
		require.NoError(t, err)
		require.EqualValues(t, 100, n)
		require.Equal(t, testkit.Text, got.String())
		require.Len(t, s.Received(), 100)
	})
}

// Without progress there are as many tries as of any call, and as many waits.
func TestMendGivesUp(t *testing.T) {
	for name, test := range map[string]struct {
		opts  []gitlabci.Option
		tries int
	}{
		"default":    {nil, 5},
		"two":        {[]gitlabci.Option{gitlabci.WithRetries(1)}, 2},
		"no retries": {[]gitlabci.Option{gitlabci.WithRetries(0)}, 1},
		"no waits":   {[]gitlabci.Option{gitlabci.WithMaxWait(0)}, 1},
	} {
		for _, step := range []http.HandlerFunc{testkit.FirstPart(), testkit.FirstPart("ETag", `"a"`), testkit.Short(testkit.Text[:40], 100, testkit.Silent)} {
			synctest.Test(t, func(t *testing.T) {
				waits := 0
				hooks := gitlabci.WithHooks(gitlabci.Hooks{OnWait: func(_ context.Context, w gitlabci.WaitInfo) {
					require.Equal(t, gitlabci.WaitReasonRetry, w.Reason)
					require.Positive(t, w.Duration)
					waits++
				}})
				s := testkit.NewScript(step)
				n, err := s.Client(t, append(test.opts, hooks)...).Artifacts.Download(t.Context(), "group/app", gitlabci.JobID(7), io.Discard, nil)
				require.True(t, errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, gitlabci.ErrStalled), "%s: %v", name, err)
				require.ErrorContains(t, err, "after 40 of 100 bytes")
				require.Equal(t, test.tries > 1, strings.Contains(err.Error(), fmt.Sprintf("(%d tries)", test.tries)), "%v", err)
				require.EqualValues(t, 40, n)
				require.Len(t, s.Received(), test.tries, name)
				require.Equal(t, test.tries-1, waits, name)
			})
		}
	}
}

// slowly is a step: the rest of a file, in two pieces and then a byte every 20 seconds.
func slowly(content string, piece int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		from := 0
		fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &from)
		w.Header().Set("Etag", `"a"`)
		w.Header().Set("Content-Type", "application/octet-stream")
		w.Header().Set("Content-Length", strconv.Itoa(len(content)-from))
		if from > 0 {
			w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(content)-1, len(content)))
			w.WriteHeader(http.StatusPartialContent)
		}
		for i := 0; from < len(content) && r.Context().Err() == nil; i++ {
			size := 1
			if i < 2 {
				size = piece
			}
			end := min(from+size, len(content))
			io.WriteString(w, content[from:end])
			w.(http.Flusher).Flush()
			from = end
			select {
			case <-time.After(20 * time.Second):
			case <-r.Context().Done():
			}
		}
	}
}

// A body that is given up because too little arrives has been of use if it brought a
// kilobyte, in however many pieces: the next one is not counted as another failure. With
// less it is, or a few bytes a minute would mean requests without end.
func TestMendSlowBodies(t *testing.T) {
	content := testkit.Noise(6000)
	for piece, want := range map[int]error{600: nil, 400: gitlabci.ErrStalled} {
		synctest.Test(t, func(t *testing.T) {
			s := testkit.NewScript(slowly(content, piece))
			ctx, cancel := context.WithTimeout(t.Context(), 24*time.Hour)
			defer cancel()
			var got strings.Builder
			_, err := s.Client(t, gitlabci.WithRetries(1)).Artifacts.Download(ctx, "group/app", gitlabci.JobID(7), &got, nil)
			require.ErrorIs(t, err, want, piece)
			require.Equal(t, err == nil, content == got.String())
			require.Equal(t, map[bool]int{true: 5, false: 2}[err == nil], len(s.Received()), piece)
		})
	}
}
