package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"

	"example.com/gitlabci/internal/rest"
	"example.com/gitlabci/internal/secret"
)

// tailSize is how much of an archive's end is requested at first: the directory of some
// 2,500 files comes with it, and small archives come whole. A larger directory costs one
// more request, and most are smaller.
const tailSize = 256 << 10

// tailLeast is the least that is requested if a larger tail did not arrive in
// one response: an end of central directory with the longest comment.
const tailLeast = 66 << 10

var (
	// ErrNoParts means that a server sends the whole file whatever is requested.
	ErrNoParts = errors.New("the server sends the whole archive instead of a part")
	errChanged = errors.New("the archive changed while it was read")
)

// Parts are an archive that stays on its server and is read in parts. The first request
// goes through the API, and the others to the signed URL in the storage that the API
// redirected to, until that expires.
type Parts struct {
	server Server
	fixed  bool   // never replaced by another one
	proven bool   // each part must have the validator
	from   string // the endpoint, and the storage if there is one
	name   string
	size   int64
	last   readahead

	// What distinguishes the archive from others: a strong validator, or "", and its
	// URL in the storage without scheme and signature, or "".
	validator, place string

	mu      sync.Mutex
	signed  *url.URL       // in the storage; nil means the API
	secrets []secret.Value // of the last request, to keep out of errors
}

// OpenParts opens an archive and returns its end. Fixed says that it is never replaced
// by another one. The error is ErrNoParts if it cannot be read in parts; what it is
// instead is not known then.
func OpenParts(ctx context.Context, server Server, fixed bool) (*Parts, []byte, error) {
	p := &Parts{server: server, fixed: fixed}
	tail, err := p.open(ctx)
	if err != nil {
		return nil, nil, err
	}
	return p, tail.data, nil
}

func (p *Parts) open(ctx context.Context) (block, error) {
	resp, err := p.request(ctx, fmt.Sprintf("bytes=-%d", tailSize))
	isEnd := !p.refusesPart(err)
	if !isEnd { // and perhaps not one that begins at the beginning
		resp, err = p.request(ctx, "bytes=0-0")
	}
	if p.refusesPart(err) {
		return block{}, ErrNoParts
	}
	if err != nil {
		return block{}, err
	}
	tail, body, err := p.begin(resp, isEnd)
	if err != nil {
		resp.Body.Close()
		return block{}, err
	}
	if !p.fixed && p.validator == "" && p.place == "" {
		return p.openWhole(tail, body)
	}
	return p.inOneResponse(ctx, tail.at, body, func(at, n int64) int64 {
		if n == 0 {
			return at
		}
		return max(at, p.size-max(n/2, tailLeast))
	})
}

// openWhole reads an archive that nothing distinguishes from another one, which the next
// part could be of. So all of it must arrive with the first response.
func (p *Parts) openWhole(tail block, body io.ReadCloser) (block, error) {
	if body == nil {
		return block{}, ErrNoParts
	}
	defer body.Close()
	if tail.at > 0 {
		return block{}, ErrNoParts
	}
	tail.data = make([]byte, p.size)
	if _, err := io.ReadFull(body, tail.data); err != nil {
		return block{}, ErrNoParts // after an interruption, the whole is requested
	}
	return tail, nil
}

// refusesPart reports whether a server does not support such a range, or has nothing
// in it. Requesting the whole shows which.
func (p *Parts) refusesPart(err error) bool {
	status, storage := p.server.Refused(err)
	return status == http.StatusRequestedRangeNotSatisfiable || status == http.StatusNotImplemented || status == http.StatusBadRequest && storage
}

// begin learns from the first response what the archive is, and where its tail
// begins. IsEnd says that the end was requested. The body is that of the response if it
// is the tail, else it is closed.
func (p *Parts) begin(resp *rest.Response, isEnd bool) (tail block, body io.ReadCloser, err error) {
	p.name, p.validator = secret.Redact(fileName(resp), p.secrets), strongValidator(resp.Header)
	p.from, p.place = resp.From, placeOf(resp)
	if err := p.accept(resp); err != nil {
		return block{}, nil, err
	}
	if resp.StatusCode == http.StatusOK {
		if resp.ContentLength < 0 {
			return block{}, nil, ErrNoParts
		}
		p.size = resp.ContentLength
		return p.tailOf(resp, 0, p.size)
	}
	r, err := p.measure(resp, isEnd)
	if err != nil {
		return block{}, nil, err
	}
	return p.tailOf(resp, r.first, r.last+1)
}

// measure learns from the first 206 how large the archive is.
func (p *Parts) measure(resp *rest.Response, isEnd bool) (contentRange, error) {
	r, err := parseContentRange(resp.Header.Get("Content-Range"))
	if err != nil && resp.ContentLength == 0 { // an empty file's, which net/http calls "bytes 0--1/0"
		return r, ErrNoParts
	}
	if err != nil {
		return r, p.fail(err)
	}
	p.size = r.total
	if r.total < 0 && isEnd {
		p.size = r.last + 1
	}
	if p.size < 0 || isEnd && r.last != p.size-1 {
		return r, p.fail(fmt.Errorf("Content-Range %d-%d of %d is not the end of the archive", r.first, r.last, r.total))
	}
	return r, nil
}

// tailOf returns the body of a response that is the tail, and closes any other.
func (p *Parts) tailOf(resp *rest.Response, first, end int64) (block, io.ReadCloser, error) {
	tail := block{at: max(0, p.size-tailSize)}
	if first != tail.at || end != p.size || resp.ContentLength >= 0 && resp.ContentLength != end-first {
		resp.Body.Close()
		return tail, nil, nil
	}
	return tail, resp.Body, nil
}

// accept refuses what is not bytes of the archive.
func (p *Parts) accept(resp *rest.Response) error {
	if err := Accept(resp, "archive"); err != nil {
		return p.fail(err)
	}
	return nil
}

// part requests the bytes from first to before end. It may return fewer, but no others
// and none of another archive.
func (p *Parts) part(ctx context.Context, first, end int64) (io.ReadCloser, error) {
	resp, err := p.request(ctx, fmt.Sprintf("bytes=%d-%d", first, end-1))
	if err != nil {
		return nil, err
	}
	sent, err := p.verify(resp, first, end)
	if err != nil {
		resp.Body.Close()
		return nil, err
	}
	return &limitedBody{io.LimitReader(resp.Body, sent), resp.Body}, nil
}

// A limitedBody ends where its Content-Range says.
type limitedBody struct {
	io.Reader
	io.Closer
}

// verify returns how many bytes a response has.
func (p *Parts) verify(resp *rest.Response, first, end int64) (int64, error) {
	if err := p.accept(resp); err != nil {
		return 0, err
	}
	if !p.same(resp) {
		return 0, p.fail(errChanged)
	}
	if resp.StatusCode == http.StatusOK || p.proven && !isTag(resp.Header.Get("ETag")) {
		return 0, p.fail(ErrNoParts)
	}
	r, err := parseContentRange(resp.Header.Get("Content-Range"))
	switch {
	case err != nil:
		return 0, p.fail(err)
	case r.total >= 0 && r.total != p.size:
		return 0, p.fail(fmt.Errorf("%w: it has %d bytes now, and had %d", errChanged, r.total, p.size))
	case resp.ContentLength > r.last-r.first+1:
		return 0, p.fail(fmt.Errorf("the server announces %d bytes for a range of %d", resp.ContentLength, r.last-r.first+1))
	case r.first != first || r.last >= end:
		return 0, p.fail(fmt.Errorf("the server sent bytes %d-%d, and %d-%d were requested", r.first, r.last, first, end-1))
	}
	return r.last - r.first + 1, nil
}

// same reports whether a response can be of the archive that was opened. That is no proof:
// the reader of a file checks its size and CRC, which were in one response.
func (p *Parts) same(resp *rest.Response) bool {
	now := strongValidator(resp.Header)
	if isTag(p.validator) && !isTag(now) {
		return p.fixed || p.proven // without the validator, there is no part either
	}
	if p.validator != "" && now != "" {
		return now == p.validator
	}
	return p.fixed || p.place != "" && placeOf(resp) == p.place
}

// placeOf returns where in the storage a response is from, or "".
func placeOf(resp *rest.Response) string {
	if !resp.FromStorage {
		return ""
	}
	return resp.Request.URL.Host + resp.Request.URL.EscapedPath()
}

// request requests a part: from the storage if its URL is known, and through the API if
// that URL has expired or fails.
func (p *Parts) request(ctx context.Context, part string) (*rest.Response, error) {
	at := p.signedURL()
	resp, err := p.send(ctx, part, at)
	if err != nil && at != nil {
		p.forgetURL(at)
		if p.mayBeExpired(ctx, err) {
			resp, err = p.send(ctx, part, nil)
		}
	}
	if err == nil {
		p.rememberURL(resp)
	}
	return resp, err
}

// rememberURL keeps the URL in the storage that a response is from.
func (p *Parts) rememberURL(resp *rest.Response) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.secrets = resp.Secrets
	if resp.FromStorage {
		p.signed = resp.Request.URL
	}
}

// mayBeExpired reports whether a new URL may help. If the old one led to no response, the
// failure counts as an attempt.
func (p *Parts) mayBeExpired(ctx context.Context, err error) bool {
	if status, _ := p.server.Refused(err); status != 0 {
		return true
	}
	return ctx.Err() == nil && p.server.Retries()
}

func (p *Parts) send(ctx context.Context, part string, at *url.URL) (*rest.Response, error) {
	header := http.Header{"Accept-Encoding": {identity}, "Range": {part}}
	if p.validator != "" {
		header.Set("If-Range", p.validator)
	}
	return p.server.Request(ctx, header, at)
}

func (p *Parts) signedURL() *url.URL {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.signed
}

// forgetURL makes the next request ask the API for a new URL, unless that has happened.
func (p *Parts) forgetURL(at *url.URL) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.signed == at {
		p.signed = nil
	}
}

// fail makes an error that of the archive. It may quote a header.
func (p *Parts) fail(err error) error {
	p.mu.Lock()
	secrets := p.secrets
	p.mu.Unlock()
	return rest.Errorf("%s: %w", p.from, secret.ScrubError(err, secrets))
}

// failAt makes an error that of reading the archive at a byte.
func (p *Parts) failAt(pos int64, err error) error {
	return p.fail(fmt.Errorf("at byte %d of %d: %w", pos, p.size, err))
}

// Label returns the endpoint that the archive is from, and what the server calls it.
func (p *Parts) Label() (from, name string) { return p.from, p.name }

// Size is how many bytes the archive has.
func (p *Parts) Size() int64 { return p.size }

// Close has nothing to close: its readers close the parts.
func (p *Parts) Close() error { return nil }
