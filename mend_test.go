package gitlabci_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
)

// mendText is a file of 100 bytes, none of which is like its neighbours.
var mendText = downloadNoise(100)

const (
	mendDate  = "Tue, 02 Mar 1999 12:00:00 GMT"
	mendLater = "Wed, 03 Mar 1999 12:00:00 GMT"
)

// mendFirst is a step: of the 100 bytes, 40 come.
func mendFirst(headers ...string) http.HandlerFunc {
	return mendBody(200, mendText[:40], 100, headers...)
}

// mendChunked is a step: 40 bytes come, of nobody knows how many.
func mendChunked(headers ...string) http.HandlerFunc {
	return mendBody(200, mendText[:40], -1, headers...)
}

// mendPart is a step: a part of the file, which Content-Range may call another.
func mendPart(part, contentRange string, headers ...string) http.HandlerFunc {
	return mendBody(206, part, len(part), append(headers, "Content-Range", contentRange)...)
}

// mendBody is a step that breaks off where there are fewer bytes than promised.
func mendBody(status int, body string, size int, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/octet-stream")
		if size >= 0 {
			w.Header().Set("Content-Length", fmt.Sprint(size))
		}
		for i := 0; i < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
		io.WriteString(w, body)
		w.(http.Flusher).Flush()
		if len(body) != size {
			reset(w, r)
		}
	}
}

func mendWhole(content string, headers ...string) http.HandlerFunc {
	return mendBody(200, content, len(content), headers...)
}

// A mendCase is a file that breaks off after 40 of its bytes, what the server
// sends next, and what comes of it: an error, or all of want.
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
	rest := mendPart(mendText[40:], "bytes 40-99/100", "ETag", `"a"`)
	whole := mendWhole(mendText)
	dated := mendWhole(mendText, "Last-Modified", mendDate)
	ranges := []string{"ETag", `"a"`, "Accept-Ranges", "bytes"}
	const all = "bytes=40-"
	return map[string]mendCase{
		"a strong ETag":               {steps: steps(mendFirst("ETag", `"a"`), rest), asked: all, ifRange: `"a"`},
		"a date":                      {steps: steps(mendFirst("Last-Modified", mendDate), dated)},
		"an ETag above a date":        {steps: steps(mendFirst("ETag", `"a"`, "Last-Modified", mendDate), rest), asked: all, ifRange: `"a"`},
		"a date under a weak ETag":    {way: "latest", steps: steps(mendFirst("ETag", `W/"a"`, "Last-Modified", mendDate), dated)},
		"the latest with an ETag":     {way: "latest", steps: steps(mendFirst("ETag", `"a"`), rest), asked: all, ifRange: `"a"`},
		"a log with a date":           {way: "log", steps: steps(mendFirst("Last-Modified", mendDate), dated)},
		"a log with an ETag":          {way: "log", steps: steps(mendFirst("ETag", `"a"`), rest), asked: all, ifRange: `"a"`},
		"a weak ETag then":            {steps: steps(mendFirst("ETag", `"a"`), mendPart(mendText[40:], "bytes 40-99/100", "ETag", `W/"a"`), whole), asked: all, ifRange: `"a"`},
		"no ETag then":                {steps: steps(mendFirst("ETag", `"a"`), mendPart(mendText[40:], "bytes 40-99/100"), whole), asked: all, ifRange: `"a"`},
		"a date then":                 {steps: steps(mendFirst("ETag", `"a"`, "Last-Modified", mendDate), mendPart(mendText[40:], "bytes 40-99/100", "Last-Modified", mendDate), whole), asked: all, ifRange: `"a"`},
		"no ETag then, and others":    {steps: steps(mendFirst("ETag", `"a"`), mendPart(mendText[40:], "bytes 40-99/100"), mendWhole("x"+mendText[1:])), asked: all, ifRange: `"a"`, err: "its first 40 bytes are different now"},
		"another ETag then":           {steps: steps(mendFirst("ETag", `"a"`), mendPart(mendText[40:], "bytes 40-99/100", "ETag", `"b"`)), asked: all, ifRange: `"a"`, err: "the file has changed meanwhile: it has another ETag or date now"},
		"another date then":           {steps: steps(mendFirst("Last-Modified", mendDate), mendWhole(mendText, "Last-Modified", mendLater)), err: "another ETag or date"},
		"no total":                    {steps: steps(mendFirst("ETag", `"a"`), mendPart(mendText[40:], "bytes 40-99/*", "ETag", `"a"`)), asked: all, ifRange: `"a"`},
		"another total":               {steps: steps(mendFirst("ETag", `"a"`), mendPart(mendText[40:], "bytes 40-99/101", "ETag", `"a"`)), asked: all, ifRange: `"a"`, err: "it has 101 bytes now"},
		"another place":               {steps: steps(mendFirst("ETag", `"a"`), mendPart(mendText[41:], "bytes 41-99/100", "ETag", `"a"`)), asked: all, ifRange: `"a"`, err: "bytes from 40 on were requested, but the response begins at byte 41"},
		"no place":                    {steps: steps(mendFirst("ETag", `"a"`), mendBody(206, mendText[40:], 60)), asked: all, ifRange: `"a"`, err: `Content-Range "" is not one range of bytes`},
		"several parts":               {steps: steps(mendFirst("ETag", `"a"`), mendBody(206, "--x", 3, "Content-Type", "multipart/byteranges; boundary=x")), asked: all, ifRange: `"a"`, err: "is not one range"},
		"in pieces":                   {steps: steps(mendFirst("ETag", `"a"`), mendPart(mendText[40:60], "bytes 40-59/100", "ETag", `"a"`), mendPart(mendText[60:], "bytes 60-99/100", "ETag", `"a"`)), asked: all, ifRange: `"a"`},
		"more than the part":          {steps: steps(mendFirst("ETag", `"a"`), mendPart(mendText[40:], "bytes 40-59/100", "ETag", `"a"`)), asked: all, ifRange: `"a"`, err: "more came than the 60 bytes announced"},
		"packed":                      {steps: steps(mendFirst("ETag", `"a"`), mendPart(mendText[40:], "bytes 40-99/100", "Content-Encoding", "gzip")), asked: all, ifRange: `"a"`, err: `compressed by "gzip"`},
		"all, with the ETag":          {steps: steps(mendFirst(ranges...), mendWhole(mendText, ranges...)), asked: all, ifRange: `"a"`},
		"all, with another ETag":      {steps: steps(mendFirst(ranges...), mendWhole(mendText, "ETag", `"b"`)), asked: all, ifRange: `"a"`, err: "another ETag or date"},
		"all, without an ETag":        {steps: steps(mendFirst(ranges...), mendWhole(mendText)), asked: all, ifRange: `"a"`},
		"all, other bytes, no ETag":   {steps: steps(mendFirst(ranges...), mendWhole("x"+mendText[1:])), asked: all, ifRange: `"a"`, err: "its first 40 bytes are different now"},
		"all, and others":             {steps: steps(mendFirst("ETag", `"a"`), mendWhole("x"+mendText[1:], "ETag", `"a"`)), asked: all, ifRange: `"a"`, err: "its first 40 bytes are different now"},
		"refused the range, and all":  {steps: steps(mendFirst("ETag", `"a"`), answer(416, ""), mendWhole(mendText)), asked: all, ifRange: `"a"`},
		"refused the range, and less": {steps: steps(mendFirst("ETag", `"a"`), answer(416, ""), mendWhole(mendText[:30])), asked: all, ifRange: `"a"`, err: "it has 30 bytes now"},
		"unknown size":                {steps: steps(mendChunked("ETag", `"a"`), rest), asked: all, ifRange: `"a"`},
		"unknown size, and no total":  {steps: steps(mendChunked("ETag", `"a"`), mendPart(mendText[40:], "bytes 40-99/*", "ETag", `"a"`)), asked: all, ifRange: `"a"`, err: "its Content-Range has no size"},
		"gone":                        {steps: steps(mendFirst("ETag", `"a"`), answer(404, `{"message":"404 Not Found"}`)), asked: all, ifRange: `"a"`, err: "404 Not Found (after 40 of 100 bytes: ", is: gitlabci.ErrNotFound},
		"forbidden":                   {steps: steps(mendFirst("ETag", `"a"`), answer(403, ``)), asked: all, ifRange: `"a"`, err: "after 40 of 100 bytes", is: gitlabci.ErrForbidden},
		"precondition":                {steps: steps(mendFirst("ETag", `"a"`), answer(412, ``)), asked: all, ifRange: `"a"`, err: "412 Precondition Failed (after 40 of 100 bytes"},
	}
}

func mendUnvalidated() map[string]mendCase {
	steps := func(s ...http.HandlerFunc) []http.HandlerFunc { return s }
	rest := mendPart(mendText[40:], "bytes 40-99/100")
	whole := mendWhole(mendText)
	poison := []string{"ETag", `W/"d41d8cd9"`, "Last-Modified", "0"}
	return map[string]mendCase{
		"of a job":                {steps: steps(mendFirst(poison...), whole)},
		"of a job, other total":   {steps: steps(mendFirst(poison...), mendWhole(mendText[:99])), err: "it has 99 bytes now"},
		"of a job, size unknown":  {steps: steps(mendChunked(poison...), mendWhole(mendText))},
		"a date of just now":      {way: "latest", steps: steps(mendFirst("Last-Modified", "Sat, 01 Jan 2000 00:00:00 GMT"), mendWhole(mendText))}, // when a bubble begins
		"latest":                  {way: "latest", steps: steps(mendFirst(poison...), mendWhole(mendText))},
		"latest member":           {way: "latest member", steps: steps(mendFirst(poison...), mendWhole(mendText))},
		"latest, other bytes":     {way: "latest", steps: steps(mendFirst(), mendWhole("x"+mendText[1:])), err: "its first 40 bytes are different now"},
		"latest, others behind":   {way: "latest", steps: steps(mendFirst(), mendWhole(mendText[:99]+"x")), want: mendText[:99] + "x"}, // and all of it
		"latest, longer":          {way: "latest", steps: steps(mendFirst(), mendWhole(mendText+"x")), err: "it has 101 bytes now"},
		"latest, shorter":         {way: "latest", steps: steps(mendFirst(), mendWhole(mendText[:99])), err: "it has 99 bytes now"},
		"unasked":                 {way: "latest", steps: steps(mendFirst(), rest), err: "206 Partial Content is not a whole file"},
		"shorter, sizes unknown":  {way: "latest", steps: steps(mendChunked(), answer(200, mendText[:30], "Content-Type", "", "Content-Length", "")), err: "it has 30 bytes now"},
		"a report":                {way: "report", steps: steps(mendFirst(), whole)},
		"a member without ranges": {way: "member", steps: steps(mendFirst(), mendWhole(mendText))},
		"breaks again and again":  {way: "latest", steps: steps(mendFirst(), mendBody(200, mendText[:10], 100), mendBody(200, mendText[:70], 100), reset, mendWhole(mendText))},
		"a page":                  {steps: steps(mendFirst(), answer(200, "<title>Sign in</title>", "Content-Type", "text/html")), err: `content type "text/html": this is a page`},
		"nothing":                 {steps: steps(mendFirst(), answer(204, "")), err: "204 No Content is not a whole file"},
		"a log":                   {way: "log", steps: steps(mendFirst(), mendWhole(mendText))},
		"a log that grew":         {way: "log", steps: steps(mendFirst(), mendWhole(mendText+"more")), want: mendText + "more"},
		"a log of unknown size":   {way: "log", steps: steps(mendChunked(), mendWhole(mendText))},
		"a log that shrank":       {way: "log", steps: steps(mendFirst(), mendWhole(mendText[:99])), err: "it has 99 bytes now"},
		"a log written anew":      {way: "log", steps: steps(mendFirst(), mendWhole("x"+mendText[1:]+"more")), err: "its first 40 bytes are different now"},
	}
}

func mendOpen(ctx context.Context, c *gitlabci.Client, way string) (io.ReadCloser, error) {
	if way == "log" {
		return c.Jobs.Log(ctx, "group/app", 7)
	}
	if way == "" {
		way = "archive"
	}
	return artifactsOpens[way](ctx, c)
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
	s := newScript(test.steps...)
	client := s.client(t)
	if http2 {
		client = s.client(t, gitlabci.WithTransport(s.network.HTTP2()))
	}
	file, err := mendOpen(t.Context(), client, test.way)
	require.NoError(t, err)
	defer file.Close()
	got, err := io.ReadAll(file)
	second := s.received()[1]
	require.Equal(t, test.asked, second.Header.Get("Range"))
	require.Equal(t, test.ifRange, second.Header.Get("If-Range"))
	require.Equal(t, test.way == "log" && test.asked == "", second.Header.Get("Accept-Encoding") == "gzip")
	require.Equal(t, scriptToken, second.Header.Get("Private-Token"))
	if strings.HasPrefix(t.Name(), "TestMend/refused_the_range") {
		require.Empty(t, s.received()[2].Header.Get("Range"), "not to be refused again")
	}
	if test.err == "" {
		require.NoError(t, err)
		require.True(t, string(got) == cmp.Or(test.want, mendText), "%d bytes", len(got))
		require.Len(t, s.received(), len(test.steps))
		return
	}
	require.ErrorContains(t, err, test.err)
	require.ErrorContains(t, err, "gitlabci: GET /projects/group%2Fapp/jobs/")
	require.True(t, strings.HasPrefix(mendText, string(got[:min(len(got), 40)])))
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
		s := newScript(func(w http.ResponseWriter, r *http.Request) {
			from := 0
			fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &from)
			step := mendBody(206, mendText[from:from+1], 100-from, "ETag", `"a"`, "Content-Range", fmt.Sprintf("bytes %d-99/100", from))
			if from == 0 {
				step = mendBody(200, mendText[:1], 100, "ETag", `"a"`)
			}
			step(w, r)
		})
		var got bytes.Buffer
		n, err := s.client(t, gitlabci.WithRetries(1)).Artifacts.Download(t.Context(), "group/app", gitlabci.JobID(7), &got, nil)
		require.NoError(t, err)
		require.EqualValues(t, 100, n)
		require.Equal(t, mendText, got.String())
		require.Len(t, s.received(), 100)
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
		for _, step := range []http.HandlerFunc{mendFirst(), mendFirst("ETag", `"a"`), downloadShort(mendText[:40], 100, silent)} {
			synctest.Test(t, func(t *testing.T) {
				waits := 0
				hooks := gitlabci.WithHooks(gitlabci.Hooks{OnWait: func(reason string, wait time.Duration) {
					require.Equal(t, gitlabci.WaitRetry, reason)
					require.Positive(t, wait)
					waits++
				}})
				s := newScript(step)
				n, err := s.client(t, append(test.opts, hooks)...).Artifacts.Download(t.Context(), "group/app", gitlabci.JobID(7), io.Discard, nil)
				require.True(t, errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, gitlabci.ErrStalled), "%s: %v", name, err)
				require.ErrorContains(t, err, "after 40 of 100 bytes")
				require.Equal(t, test.tries > 1, strings.Contains(err.Error(), fmt.Sprintf("(%d tries)", test.tries)), "%v", err)
				require.EqualValues(t, 40, n)
				require.Len(t, s.received(), test.tries, name)
				require.Equal(t, test.tries-1, waits, name)
			})
		}
	}
}
