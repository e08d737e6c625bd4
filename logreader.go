package gitlabci

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"example.com/gitlabci/internal/rest"
	"example.com/gitlabci/internal/secret"
)

const (
	// logDoubts is how often in a row a log must look as if it had changed before
	// that is believed: an answer that was cut off on its way looks so, too.
	logDoubts = 8

	// logAgreement is how many bytes of the overlap must be as they were, to
	// believe it of all that stands before them.
	logAgreement = 64
)

// A serving is what a server sends of a log that is asked for by byte_offset.
type serving int

const (
	unknownLogs serving = iota
	logOffsets          // what was asked for
	wholeLogs           // all of it: the server is older than 19.1
)

// A logReader copies what is new of a log.
type logReader struct {
	client    *Client
	path      path
	rewritten func(from int64)

	copied logCopy
	read   int64 // bytes, of this poll
	doubts int   // how often in a row the log looked as if it had changed

	serves    serving
	rangeless bool // whether a server of whole logs has ignored Range, too
}

// readOn copies what is new. Where the log has changed it goes back to there.
func (r *logReader) readOn(ctx context.Context) error {
	for {
		agreed, err := r.follow(ctx)
		if err != nil || r.doubts < logDoubts {
			return err
		}
		r.doubts = 0
		if err := r.copied.goBack(agreed, r.rewritten); err != nil {
			return err
		}
	}
}

// follow asks once. It copies what comes after the overlap if that is as it
// was, or else has one more doubt and returns how much of it agreed.
func (r *logReader) follow(ctx context.Context) (agreed int, err error) {
	part, err := r.open(ctx)
	if err != nil {
		return 0, err
	}
	defer part.Close()
	agreed, same, err := r.compare(part)
	if err != nil {
		return 0, err
	}
	if !same {
		r.doubts++
		if r.serves == logOffsets {
			r.serves = unknownLogs // an older server may have answered, with the whole log
		}
		return agreed, nil
	}
	r.doubts = 0
	_, err = io.Copy(&r.copied, part)
	if _, written := errors.AsType[*writeError](err); err != nil && !written {
		err = part.broken()
	}
	return agreed, err
}

// compare reads the overlap, and returns how much of it is as it was copied
// and whether that is all.
func (r *logReader) compare(part *logPart) (agreed int, same bool, err error) {
	from := r.copied.size - r.copied.overlap()
	again := make([]byte, r.copied.overlap())
	n := 0
	if _, err = io.CopyN(io.Discard, part, from-part.start); err == nil {
		n, err = io.ReadFull(part, again)
	}
	if err != nil && part.broken() != nil {
		return 0, false, part.broken()
	}
	agreed, same = r.copied.agrees(again[:n])
	if !same && agreed < logAgreement && from > 0 {
		agreed = 0
	}
	return agreed, same, nil
}

// open asks for the log from the overlap on, as far as the server can do that.
func (r *logReader) open(ctx context.Context) (*logPart, error) {
	from := r.copied.size - r.copied.overlap()
	switch {
	case from == 0:
		return r.get(ctx, nil, 0)
	case r.serves == unknownLogs:
		return r.probe(ctx)
	case r.serves == logOffsets:
		return r.get(ctx, url.Values{"byte_offset": {strconv.FormatInt(from, 10)}}, from)
	}
	return r.get(ctx, nil, from)
}

// probe asks for one byte. A server that does not know how to sends them all,
// and they are not wasted.
func (r *logReader) probe(ctx context.Context) (*logPart, error) {
	part, err := r.get(ctx, url.Values{"byte_offset": {"0"}, "byte_limit": {"1"}}, 0)
	if err != nil {
		return nil, err
	}
	first := make([]byte, 2)
	n, err := io.ReadFull(part, first)
	if err != nil && part.broken() != nil {
		part.Close()
		return nil, part.broken()
	}
	switch n {
	case 0: // there is no log
		return part, nil
	case 1:
		part.Close()
		r.serves = logOffsets
		return r.open(ctx)
	}
	r.serves = wholeLogs
	r.read -= int64(n) // to be read once more
	part.Reader = io.MultiReader(bytes.NewReader(first), part.Reader)
	return part, nil
}

// get asks for the log by a query, or for what begins at from by a Range. The
// answer begins there, or says where, or is all of the log.
func (r *logReader) get(ctx context.Context, query url.Values, from int64) (*logPart, error) {
	part := &logPart{start: from, read: &r.read, from: "gitlabci: GET " + r.path.escaped}
	span := r.span(query, from)
	resp, err := r.send(ctx, query, span)
	if err != nil {
		if (span != "" || query != nil) && endsBefore(err) {
			return part.with(http.NoBody), nil
		}
		return nil, err
	}
	part.secrets = policyFrom(resp.Request.Context()).secrets
	if err := part.check(resp); err != nil {
		resp.Body.Close()
		return nil, fmt.Errorf("%s: %w", part.from, secret.ScrubError(err, part.secrets))
	}
	if query == nil && resp.StatusCode == http.StatusOK {
		part.start, r.rangeless = 0, r.rangeless || span != ""
	}
	return part.with(resp.Body), nil
}

// span returns the Range to ask for, "" for none.
func (r *logReader) span(query url.Values, from int64) string {
	if query != nil || from == 0 || r.rangeless {
		return ""
	}
	return fmt.Sprintf("bytes=%d-", from)
}

func (r *logReader) send(ctx context.Context, query url.Values, span string) (*http.Response, error) {
	cl := readingFile(r.path, query)
	req, err := r.client.newRequest(ctx, cl)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "*/*")
	if span != "" {
		req.Header.Set("Range", span)
	}
	return r.client.do(req, cl, nil)
}

// endsBefore reports whether an error is the answer to a part that begins at the
// end of the log or behind it: of a Range, or of the one that newer servers make
// of byte_offset for the storage behind them.
func endsBefore(err error) bool {
	e, answered := errors.AsType[*APIError](err)
	return answered && e.StatusCode == http.StatusRequestedRangeNotSatisfiable
}

// A logPart is an answer: a log from the byte start on.
type logPart struct {
	io.Reader
	io.Closer
	start int64
	read  *int64
	from  string // the endpoint
	err   error  // of the last Read

	secrets []secret.Value // of the request
}

func (p *logPart) with(body io.ReadCloser) *logPart {
	p.Reader, p.Closer = body, body
	return p
}

func (p *logPart) Read(b []byte) (int, error) {
	n, err := p.Reader.Read(b)
	*p.read += int64(n)
	p.err = err
	return n, err
}

// broken returns why there is no more, unless that is the end.
func (p *logPart) broken() error {
	if p.err == nil || p.err == io.EOF {
		return nil
	}
	return fmt.Errorf("%s: after %d bytes: %w", p.from, *p.read, secret.ScrubError(rest.Bare(p.err), p.secrets))
}

// check finds answers that are not the part of the log that was asked for.
func (p *logPart) check(resp *http.Response) error {
	if contentType := resp.Header.Get("Content-Type"); rest.IsPage(contentType) {
		return fmt.Errorf("the response has content type %q: this is a page", contentType)
	}
	if contentType := resp.Header.Get("Content-Type"); rest.IsJSON(contentType) {
		return noFile(contentType, resp.Body, policyFrom(resp.Request.Context()).secrets)
	}
	if packed := resp.Header.Get("Content-Encoding"); packed != "" && !strings.EqualFold(packed, identity) {
		return fmt.Errorf("the log is compressed by %q on its way, though that was not asked for", packed)
	}
	switch resp.StatusCode {
	case http.StatusOK:
		return nil
	case http.StatusPartialContent:
		told := resp.Header.Get("Content-Range")
		if !strings.HasPrefix(told, fmt.Sprintf("bytes %d-", p.start)) {
			return fmt.Errorf("the part of the log has the Content-Range %q, not from byte %d on", shorten(told, maxTitle), p.start)
		}
		return nil
	}
	return fmt.Errorf("%s is not a log", rest.StatusLine(resp.StatusCode))
}
