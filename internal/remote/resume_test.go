package remote_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"example.com/gitlabci/internal/remote"
	"example.com/gitlabci/internal/rest"
	"github.com/stretchr/testify/require"
)

// A reply is how a scripted server responds once.
type reply struct {
	status int // 0 is 200
	header string
	length int64 // -1 is not sent; 0 is that of the body
	body   string
	cut    error // ends the body in place of io.EOF
	refuse int   // the status of an error in place of a response, below 0 for none
	host   string
}

// A scripted server replies in order, without HTTP. It allows so many attempts in a row.
type scripted struct {
	t       *testing.T
	replies []reply
	tries   int

	asked  []string // Range, If-Range and the host of each request
	waits  []int    // the failures before each wait
	closed int      // bodies
}

type refused struct{ status int }

func (r refused) Error() string { return fmt.Sprintf("gitlabci: GET /f: refused with %d", r.status) }

func (s *scripted) Request(ctx context.Context, header http.Header, at *url.URL) (*rest.Response, error) {
	host := "api"
	if at != nil {
		host = at.Host
	}
	s.asked = append(s.asked, strings.Join(strings.Fields(header.Get("Range")+" "+header.Get("If-Range")+" "+host), " "))
	require.NotEmpty(s.t, s.replies, "one request too many: %v", s.asked)
	r := s.replies[0]
	s.replies = s.replies[1:]
	if r.refuse != 0 {
		return nil, refused{r.refuse}
	}
	if r.host != "" {
		host = r.host
	}
	resp := &http.Response{StatusCode: max(r.status, 200), Header: http.Header{}, ContentLength: r.length, ProtoMajor: 1, Close: true}
	if r.length == 0 {
		resp.ContentLength = int64(len(r.body))
	}
	for line := range strings.SplitSeq(r.header, "\n") {
		name, value, _ := strings.Cut(line, ": ")
		resp.Header.Set(name, value)
	}
	resp.Request = &http.Request{URL: &url.URL{Scheme: "https", Host: host, Path: "/f.bin"}, Header: header}
	resp.Body = &scriptedBody{strings.NewReader(r.body), r.cut, s}
	return &rest.Response{Response: resp, From: "GET /f", FromStorage: host != "api"}, ctx.Err()
}

func (s *scripted) WaitToRetry(ctx context.Context, failures int, broken error) error {
	s.waits = append(s.waits, failures)
	if ctx.Err() != nil {
		return rest.After(ctx.Err(), broken)
	}
	if failures >= s.tries {
		return broken
	}
	return nil
}

func (s *scripted) Refused(err error) (int, bool) {
	r, ok := errors.AsType[refused](err)
	if !ok {
		return 0, false
	}
	return max(r.status, 0), false
}

func (s *scripted) Retries() bool { return s.tries > 1 }

type scriptedBody struct {
	io.Reader
	cut    error
	server *scripted
}

func (b *scriptedBody) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if err == io.EOF && b.cut != nil {
		err = b.cut
	}
	return n, err
}

func (b *scriptedBody) Close() error {
	b.server.closed++
	return nil
}

var errReset = errors.New("connection reset")

const tagA = "Etag: \"a\""

type resumeCase struct {
	spec    remote.Spec
	replies []reply
	asked   []string // after the first request
	waits   []int
	text    string // what is read
	err     string
}

func resumeCases() map[string]resumeCase {
	whole := reply{body: "0123456789", header: tagA}
	first := reply{body: "0123", length: 10, header: tagA, cut: errReset}
	untagged := reply{body: "0123", length: 10, cut: errReset}
	nothing := reply{length: 10, header: tagA, cut: errReset}
	part := func(body, span string) reply {
		return reply{status: 206, body: body, header: tagA + "\nContent-Range: bytes " + span}
	}
	return map[string]resumeCase{
		"at once":              {replies: []reply{whole}, text: "0123456789"},
		"a part":               {replies: []reply{first, part("456789", "4-9/10")}, asked: []string{`bytes=4- "a" api`}, waits: []int{1}, text: "0123456789"},
		"too short":            {replies: []reply{{body: "0123", length: 10, header: tagA}, part("456789", "4-9/10")}, asked: []string{`bytes=4- "a" api`}, waits: []int{1}, text: "0123456789"},
		"all bytes, then cut":  {replies: []reply{{body: "0123456789", cut: errReset}}, text: "0123456789"},
		"the whole":            {replies: []reply{untagged, whole}, asked: []string{"api"}, waits: []int{1}, text: "0123456789"},
		"the whole for a part": {replies: []reply{first, whole}, asked: []string{`bytes=4- "a" api`}, waits: []int{1}, text: "0123456789"},
		"no such range":        {replies: []reply{first, {refuse: 416}, whole}, asked: []string{`bytes=4- "a" api`, "api"}, waits: []int{1, 2}, text: "0123456789"},
		"a part of unknown":    {replies: []reply{first, {status: 206, body: "456789", header: "Content-Range: bytes 4-9/10"}, whole}, asked: []string{`bytes=4- "a" api`, "api"}, waits: []int{1}, text: "0123456789"},
		"byte by byte": {
			replies: []reply{first, {status: 206, body: "4", header: tagA + "\nContent-Range: bytes 4-9/10"}, {status: 206, body: "5", header: tagA + "\nContent-Range: bytes 5-9/10"}, part("6789", "6-9/10")},
			asked:   []string{`bytes=4- "a" api`, `bytes=5- "a" api`, `bytes=6- "a" api`}, waits: []int{1, 1, 1}, text: "0123456789",
		},
		"nothing at all":   {replies: []reply{nothing, nothing, nothing}, asked: []string{"api", "api"}, waits: []int{1, 2, 3}, err: "gitlabci: GET /f: after 0 of 10 bytes: connection reset (3 tries)"},
		"nothing more":     {replies: []reply{first, nothing, nothing}, asked: []string{`bytes=4- "a" api`, `bytes=4- "a" api`}, err: "after 4 of 10 bytes"},
		"old bytes only":   {replies: []reply{untagged, {body: "01", length: 10, cut: errReset}, {body: "0123", length: 10, cut: errReset}}, asked: []string{"api", "api"}, waits: []int{1, 2, 3}, text: "0123", err: "after 4 of 10 bytes: connection reset (3 tries)"},
		"refused":          {replies: []reply{first, {refuse: 404}}, asked: []string{`bytes=4- "a" api`}, waits: []int{1}, text: "0123", err: "gitlabci: GET /f: refused with 404 (after 4 of 10 bytes: connection reset)"},
		"another ETag":     {replies: []reply{first, {body: "0123456789", header: "Etag: \"b\""}}, asked: []string{`bytes=4- "a" api`}, waits: []int{1}, text: "0123", err: "the file has changed meanwhile: it has another ETag or date now"},
		"another size":     {replies: []reply{untagged, {body: "0123456789a"}}, asked: []string{"api"}, waits: []int{1}, text: "0123", err: "the file has changed meanwhile: it has 11 bytes now"},
		"another text":     {replies: []reply{untagged, {body: "0124456789"}}, asked: []string{"api"}, waits: []int{1}, text: "0123", err: "the file has changed meanwhile: its first 4 bytes are different now"},
		"another place":    {replies: []reply{first, part("56789", "5-9/10")}, asked: []string{`bytes=4- "a" api`}, waits: []int{1}, text: "0123", err: "the bytes from 4 on were requested, but the response begins at byte 5"},
		"more than all":    {replies: []reply{{body: "0123456789a", length: 10}}, text: "0123456789", err: "more came than the 10 bytes announced"},
		"a page":           {replies: []reply{untagged, {body: "<title>x</title>", header: "Content-Type: text/html"}}, asked: []string{"api"}, waits: []int{1}, text: "0123", err: "this is a page"},
		"a page after one": {spec: remote.Spec{Page: true}, replies: []reply{{body: "<p>", length: 4, header: "Content-Type: text/html", cut: errReset}, {body: "<p>.", header: "Content-Type: text/html"}}, asked: []string{"api"}, waits: []int{1}, text: "<p>."},
		"a message":        {replies: []reply{{length: 10, cut: errReset}, {body: `{"message": "b"}`, header: "Content-Type: application/json"}}, asked: []string{"api"}, waits: []int{1}, err: `its message is "b"`},
		"JSON":             {spec: remote.Spec{JSON: true}, replies: []reply{{length: 10, cut: errReset}, {body: `{"a": "b"}`, header: "Content-Type: application/json"}}, asked: []string{"api"}, waits: []int{1}, text: `{"a": "b"}`},
		"it grew":          {spec: remote.Spec{Grows: true}, replies: []reply{untagged, {body: "0123456789abc"}}, asked: []string{"api"}, waits: []int{1}, text: "0123456789abc"},
		"it shrank":        {spec: remote.Spec{Grows: true}, replies: []reply{untagged, {body: "012"}}, asked: []string{"api"}, waits: []int{1}, text: "0123", err: "it has 3 bytes now"},
	}
}

// A file is read through interruptions: by parts if it has a strong ETag, else by
// requesting and comparing the whole.
func TestResume(t *testing.T) {
	for name, test := range resumeCases() {
		t.Run(name, func(t *testing.T) {
			s := &scripted{t: t, replies: test.replies, tries: 3}
			all := len(test.replies)
			file, err := remote.Open(t.Context(), s, test.spec)
			require.NoError(t, err)
			text, err := io.ReadAll(file)
			if test.err == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, test.err)
			}
			if test.text != "" {
				require.Equal(t, test.text, string(text))
			}
			if test.waits != nil {
				require.Equal(t, test.waits, s.waits)
			}
			require.Equal(t, append([]string{"api"}, test.asked...), s.asked)
			require.Empty(t, s.replies)
			again, same := file.Read(make([]byte, 1))
			require.Zero(t, again)
			require.Equal(t, err == nil, same == io.EOF, "%v", same)
			require.NoError(t, file.Close())
			require.GreaterOrEqual(t, s.closed, all-strings.Count(fmt.Sprint(test.replies), "refuse"))
		})
	}
}

// A Read of nothing does not wait for anything.
func TestReadOfNothing(t *testing.T) {
	s := &scripted{t: t, replies: []reply{{body: "0123456789"}}, tries: 3}
	file, err := remote.Open(t.Context(), s, remote.Spec{})
	require.NoError(t, err)
	n, err := file.Read(nil)
	require.NoError(t, err)
	require.Zero(t, n)
	require.NoError(t, file.Close())
}

// A closingServer calls close when it has sent a response.
type closingServer struct {
	*scripted
	close func() error
}

func (c *closingServer) Request(ctx context.Context, header http.Header, at *url.URL) (*rest.Response, error) {
	resp, err := c.scripted.Request(ctx, header, at)
	if c.close != nil {
		require.NoError(c.t, c.close())
	}
	return resp, err
}

// A body that arrives when its file is closed already is closed too.
func TestCloseDuringARequest(t *testing.T) {
	s := &closingServer{scripted: &scripted{t: t, replies: []reply{{length: 10, body: "0123", cut: io.ErrUnexpectedEOF}, {body: "0123456789"}}, tries: 3}}
	file, err := remote.Open(t.Context(), s, remote.Spec{})
	require.NoError(t, err)
	s.close = file.Close
	text, err := io.ReadAll(file)
	require.ErrorIs(t, err, fs.ErrClosed)
	require.Equal(t, "0123", string(text))
	require.Len(t, s.asked, 2)
	closed := s.closed
	require.NoError(t, file.Close())
	require.Equal(t, 3, closed, "the first one, by its end and by Close, and the second")
}

// The end of a body that only the connection marks must be proved: by the size that is
// known elsewhere, or by the bytes themselves.
func TestEnd(t *testing.T) {
	open := reply{body: "0123456789", length: -1}
	part := reply{body: "01234", length: -1}
	says := func(w remote.Wholeness) func(start, last []byte, size int64) remote.Wholeness {
		return func(start, last []byte, size int64) remote.Wholeness {
			if string(start) != "0123" || size == 10 && string(last) != open.body {
				return remote.Short
			}
			return w
		}
	}
	known := func(size int64) func(context.Context) int64 { return func(context.Context) int64 { return size } }
	for name, test := range map[string]struct {
		spec    remote.Spec
		replies []reply
		text    string
		err     string
	}{
		"whole by its bytes":    {spec: remote.Spec{Ending: says(remote.Whole)}, replies: []reply{open}, text: open.body},
		"short by its bytes":    {spec: remote.Spec{Ending: says(remote.Short)}, replies: []reply{part, part, part}, text: part.body, err: "after 5 bytes: unexpected EOF (3 tries)"},
		"nobody knows":          {replies: []reply{open}, text: open.body, err: "it may be cut short: unexpected EOF"},
		"nobody needs to":       {spec: remote.Spec{AllowUnproven: true}, replies: []reply{open}, text: open.body},
		"whole by its size":     {spec: remote.Spec{Length: known(10)}, replies: []reply{open}, text: open.body},
		"short by its size":     {spec: remote.Spec{Length: known(10)}, replies: []reply{part, open}, text: open.body},
		"longer than its size":  {spec: remote.Spec{Length: known(9), Ending: says(remote.Whole)}, replies: []reply{open}, text: open.body, err: "has 9 bytes, but more arrived"},
		"a log may be longer":   {spec: remote.Spec{Length: known(9), Grows: true, Ending: says(remote.Whole)}, replies: []reply{open}, text: open.body},
		"the size is not known": {spec: remote.Spec{Length: known(-1), Ending: says(remote.Uncertain)}, replies: []reply{open}, text: open.body, err: "it may be cut short"},
	} {
		t.Run(name, func(t *testing.T) {
			s := &scripted{t: t, replies: test.replies, tries: 3}
			file, err := remote.Open(t.Context(), s, test.spec)
			require.NoError(t, err)
			text, err := io.ReadAll(file)
			require.Equal(t, test.text, string(text))
			if test.err != "" {
				require.ErrorContains(t, err, test.err)
				return
			}
			require.NoError(t, err)
		})
	}
}

// What is no file is refused before anything is read of it.
func TestOpenRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		spec  remote.Spec
		reply reply
		err   string
	}{
		"nothing":    {reply: reply{status: 204}, err: "gitlabci: GET /f: 204 No Content is not a whole file"},
		"a part":     {reply: reply{status: 206, body: "x"}, err: "206 Partial Content is not a whole file"},
		"a page":     {reply: reply{body: "<p>", header: "Content-Type: text/html; charset=utf-8"}, err: `content type "text/html; charset=utf-8": this is a page`},
		"a message":  {reply: reply{body: `{"message": "not now"}`, header: "Content-Type: application/json"}, err: `its message is "not now"`},
		"compressed": {reply: reply{body: "x", header: "Content-Encoding: br"}, err: `the file is compressed by "br" on its way`},
		"strange": {
			spec:  remote.Spec{CheckHeader: func(h http.Header) error { return fmt.Errorf("%w: %s", errors.ErrUnsupported, h.Get("X-Why")) }},
			reply: reply{header: "X-Why: because"}, err: "because",
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := &scripted{t: t, replies: []reply{test.reply}, tries: 3}
			_, err := remote.Open(t.Context(), s, test.spec)
			require.ErrorContains(t, err, test.err)
			require.Equal(t, 1, s.closed)
		})
	}
}

// Parts without an ETag are joined to a copy that can be checked as a whole, at bytes
// that are compared.
func TestJoin(t *testing.T) {
	const overlap, end = 64 << 10, 3 << 19
	text := strings.Repeat("0123456789abcdef", 1<<18)
	size := int64(len(text))
	const got = 2 << 20
	from := min(got-overlap, size-end)
	first := reply{body: text[:got], length: size, cut: errReset}
	part := reply{status: 206, body: text[from:], header: fmt.Sprintf("Content-Range: bytes %d-%d/%d", from, size-1, size)}
	other := part
	other.body = "x" + part.body[1:]
	asked := fmt.Sprintf("bytes=%d- api", from)
	for name, test := range map[string]struct {
		spec  remote.Spec
		then  []reply
		asked []string
		seam  int64
		err   string
	}{
		"joined":        {spec: remote.Spec{Fixed: true}, then: []reply{part}, asked: []string{asked}, seam: from},
		"other bytes":   {spec: remote.Spec{Fixed: true}, then: []reply{other}, asked: []string{asked}, err: fmt.Sprintf("its bytes from %d to %d are different now", from, from+overlap)},
		"cut at once":   {spec: remote.Spec{Fixed: true}, then: []reply{{status: 206, length: int64(len(part.body)), header: part.header, cut: errReset}, part}, asked: []string{asked, asked}, seam: from},
		"whole at last": {spec: remote.Spec{Fixed: true}, then: []reply{{body: text}}, asked: []string{asked}},
		"replaceable":   {then: []reply{{body: text}}, asked: []string{"api"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := &scripted{t: t, replies: append([]reply{first}, test.then...), tries: 3}
			var copied growing
			test.spec.Copy, test.spec.Provable = &copied, func(io.ReaderAt) bool { return true }
			file, err := remote.Open(t.Context(), s, test.spec)
			require.NoError(t, err)
			_, err = io.Copy(&copied, file)
			require.Equal(t, append([]string{"api"}, test.asked...), s.asked)
			if test.err != "" {
				require.ErrorContains(t, err, test.err)
				return
			}
			require.NoError(t, err)
			require.True(t, text == string(copied))
			require.Equal(t, test.seam, file.Seam())
		})
	}
}

// A growing copy can be read while it is written.
type growing []byte

func (g *growing) Write(p []byte) (int, error) {
	*g = append(*g, p...)
	return len(p), nil
}

func (g *growing) ReadAt(p []byte, at int64) (int, error) {
	return bytes.NewReader(*g).ReadAt(p, at)
}

// Close and the context end the attempts, and the error says which did.
func TestResumeEnds(t *testing.T) {
	first := reply{body: "0123", length: 10, cut: errReset}
	s := &scripted{t: t, replies: []reply{first}, tries: 3}
	file, err := remote.Open(t.Context(), s, remote.Spec{})
	require.NoError(t, err)
	require.False(t, file.IsClosed())
	require.NoError(t, file.Close())
	require.True(t, file.IsClosed())
	_, err = io.ReadAll(file)
	require.ErrorIs(t, err, fs.ErrClosed)
	require.Empty(t, s.waits)

	ctx, cancel := context.WithCancel(t.Context())
	s = &scripted{t: t, replies: []reply{first}, tries: 3}
	file, err = remote.Open(ctx, s, remote.Spec{})
	require.NoError(t, err)
	cancel()
	_, err = io.ReadAll(file)
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, err, errReset)
	require.EqualError(t, err, "gitlabci: GET /f: after 4 of 10 bytes: context canceled (after: connection reset)")
}
