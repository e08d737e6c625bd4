package gitlabci

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"example.com/gitlabci/internal/rest"
	"example.com/gitlabci/internal/secret"
)

// zipTail is how much of an archive's end is asked for at first: the directory
// of 10,000 files comes with it, and small archives come whole.
const zipTail = 3 << 19

// zipTailLeast is the least that is requested if a larger tail did not arrive in
// one response: an end of central directory with the longest comment.
const zipTailLeast = 66 << 10

var (
	// errNoParts is that a server sends the whole file whatever was asked for.
	errNoParts = errors.New("the server sends the archive whole when asked for a part")
	errChanged = errors.New("the archive changed while it was read")
)

// A remoteZip is an archive that stays where it is and is read in parts. It
// goes through the API once, and then to the address in the storage that the
// API led to, until that expires.
type remoteZip struct {
	client *Client
	call   *call
	byID   bool   // of one job, whose archive never becomes another
	from   string // the endpoint, and the storage if there is one
	name   string
	size   int64
	last   ahead

	// What tells the archive from others: a strong validator, or "", and its
	// place in the storage without the signature, or "".
	validator, place string

	mu      sync.Mutex
	address *url.URL       // signed, in the storage; nil is to ask the API
	secrets []secret.Value // of the last request, to keep out of errors
}

// newRemoteZip opens an archive and returns its end. The error is errNoParts if
// it cannot be read in parts: then it is not known either what it is.
func newRemoteZip(ctx context.Context, c *Client, cl *call, byID bool) (*remoteZip, block, error) {
	z := &remoteZip{client: c, call: cl, byID: byID, from: cl.method + " " + cl.path.escaped}
	resp, err := z.ask(ctx, fmt.Sprintf("bytes=-%d", zipTail))
	if refusesPart(err) { // and perhaps not one that begins at the beginning
		resp, err = z.ask(ctx, "bytes=0-0")
	}
	if refusesPart(err) {
		return nil, block{}, errNoParts
	}
	if err != nil {
		return nil, block{}, err
	}
	tail, body, err := z.begin(resp)
	if err != nil {
		resp.Body.Close()
		return nil, block{}, err
	}
	if !z.byID && z.validator == "" && z.place == "" {
		tail, err = z.only(tail, body)
		return z, tail, err
	}
	tail, err = z.atOnce(ctx, tail.at, body, func(at, n int64) int64 {
		if n == 0 {
			return at
		}
		return max(at, z.size-max(n/2, zipTailLeast))
	})
	return z, tail, err
}

// only reads an archive which nothing tells from that of another job, whose the
// next part could be: it must come whole with the first answer.
func (z *remoteZip) only(tail block, body io.ReadCloser) (block, error) {
	if body == nil {
		return block{}, errNoParts
	}
	defer body.Close()
	if tail.at > 0 {
		return block{}, errNoParts
	}
	tail.data = make([]byte, z.size)
	if _, err := io.ReadFull(body, tail.data); err != nil {
		return block{}, errNoParts // what broke off is asked for as a whole
	}
	return tail, nil
}

// refusesPart reports whether a server seems not to know such a range, or has
// nothing in it: the whole tells which.
func refusesPart(err error) bool {
	e, ok := errors.AsType[*APIError](err)
	return ok && (e.StatusCode == http.StatusRequestedRangeNotSatisfiable || e.StatusCode == http.StatusNotImplemented ||
		e.StatusCode == http.StatusBadRequest && e.storage != "")
}

// begin learns from the first answer what the archive is, and where its tail
// begins. The body is that of the answer if it is the tail, else it is closed.
func (z *remoteZip) begin(resp *http.Response) (tail block, body io.ReadCloser, err error) {
	z.name, z.validator = secret.Scrub(fileName(resp), z.secrets), strongValidator(resp.Header)
	if place := z.placeOf(resp); place != "" {
		z.place = place
		z.from += ": storage " + resp.Request.URL.Host
	}
	if err := z.acceptable(resp); err != nil {
		return block{}, nil, err
	}
	if resp.StatusCode == http.StatusOK {
		if resp.ContentLength < 0 {
			return block{}, nil, errNoParts
		}
		z.size = resp.ContentLength
		return z.tailOf(resp, 0, z.size)
	}
	r, err := z.measure(resp)
	if err != nil {
		return block{}, nil, err
	}
	return z.tailOf(resp, r.first, r.last+1)
}

// measure learns from the first 206 how large the archive is.
func (z *remoteZip) measure(resp *http.Response) (contentRange, error) {
	r, err := parseContentRange(resp.Header.Get("Content-Range"))
	if err != nil && resp.ContentLength == 0 { // an empty file's, which net/http calls "bytes 0--1/0"
		return r, errNoParts
	}
	if err != nil {
		return r, z.fail(err)
	}
	suffix := resp.Request.Header.Get("Range") != "bytes=0-0"
	if z.size = r.total; r.total < 0 && suffix {
		z.size = r.last + 1
	}
	if z.size < 0 || suffix && r.last != z.size-1 {
		return r, z.fail(fmt.Errorf("Content-Range %d-%d of %d is not the end of the archive", r.first, r.last, r.total))
	}
	return r, nil
}

// tailOf keeps an answer that is the tail, and closes any other.
func (z *remoteZip) tailOf(resp *http.Response, first, end int64) (block, io.ReadCloser, error) {
	tail := block{at: max(0, z.size-zipTail)}
	if first != tail.at || end != z.size || resp.ContentLength >= 0 && resp.ContentLength != end-first {
		resp.Body.Close()
		return tail, nil, nil
	}
	return tail, resp.Body, nil
}

// acceptable refuses what is not bytes of the archive.
func (z *remoteZip) acceptable(resp *http.Response) error {
	contentType := resp.Header.Get("Content-Type")
	packed := resp.Header.Get("Content-Encoding")
	switch {
	case rest.IsPage(contentType):
		return z.fail(fmt.Errorf("the response has content type %q: this is a page", contentType))
	case rest.IsJSON(contentType):
		return z.fail(noFile(contentType, resp.Body, policyFrom(resp.Request.Context()).secrets))
	case packed != "" && !strings.EqualFold(packed, identity):
		return z.fail(fmt.Errorf("the archive is compressed by %q on its way, though that was not asked for", packed))
	case resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusPartialContent:
		return z.fail(fmt.Errorf("%s is neither the archive nor a part of it", rest.StatusLine(resp.StatusCode)))
	}
	return nil
}

// part asks for the bytes from first to before end. Fewer may come, but not
// others, and none of another archive.
func (z *remoteZip) part(ctx context.Context, first, end int64) (io.ReadCloser, error) {
	resp, err := z.ask(ctx, fmt.Sprintf("bytes=%d-%d", first, end-1))
	if err != nil {
		return nil, err
	}
	sent, err := z.verify(resp, first, end)
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

// verify returns how many bytes an answer has.
func (z *remoteZip) verify(resp *http.Response, first, end int64) (int64, error) {
	if err := z.acceptable(resp); err != nil {
		return 0, err
	}
	if !z.same(resp) {
		return 0, z.fail(errChanged)
	}
	if resp.StatusCode == http.StatusOK {
		return 0, z.fail(errNoParts)
	}
	r, err := parseContentRange(resp.Header.Get("Content-Range"))
	switch {
	case err != nil:
		return 0, z.fail(err)
	case r.total >= 0 && r.total != z.size:
		return 0, z.fail(fmt.Errorf("%w: it has %d bytes now, and had %d", errChanged, r.total, z.size))
	case resp.ContentLength > r.last-r.first+1:
		return 0, z.fail(fmt.Errorf("the server announces %d bytes for a range of %d", resp.ContentLength, r.last-r.first+1))
	case r.first != first || r.last >= end:
		return 0, z.fail(fmt.Errorf("the server sent bytes %d-%d, and %d-%d were asked for", r.first, r.last, first, end-1))
	}
	return r.last - r.first + 1, nil
}

// same reports whether a response can be of the archive that was opened. The
// proof is the directory, which was read in one response: each file that is read
// is checked against its size and CRC there.
func (z *remoteZip) same(resp *http.Response) bool {
	now := strongValidator(resp.Header)
	if z.validator != "" && now != "" {
		return now == z.validator
	}
	if isTag(z.validator) {
		return z.byID
	}
	return z.byID || z.place != "" && z.placeOf(resp) == z.place
}

// placeOf is where in the storage an answer comes from, or "".
func (z *remoteZip) placeOf(resp *http.Response) string {
	if u := resp.Request.URL; !rest.SameOrigin(u, z.client.config.base) {
		return u.Host + u.EscapedPath()
	}
	return ""
}

// ask sends a request for a part: to the storage, if its address is known, and
// through the API if that has expired or leads nowhere any more.
func (z *remoteZip) ask(ctx context.Context, part string) (*http.Response, error) {
	address := z.known()
	resp, err := z.send(ctx, part, address)
	if err != nil && address != nil {
		z.forget(address)
		if z.outdated(ctx, err) {
			resp, err = z.send(ctx, part, nil)
		}
	}
	if err == nil {
		z.mu.Lock()
		defer z.mu.Unlock()
		z.secrets = policyFrom(resp.Request.Context()).secrets
		if z.placeOf(resp) != "" {
			z.address = resp.Request.URL
		}
	}
	return resp, err
}

// outdated reports whether a new address may help. One that was answered was
// not tried in vain, and any other costs a try.
func (z *remoteZip) outdated(ctx context.Context, err error) bool {
	if _, answered := errors.AsType[*APIError](err); answered {
		return true
	}
	return ctx.Err() == nil && z.client.config.tries > 1
}

func (z *remoteZip) send(ctx context.Context, part string, address *url.URL) (*http.Response, error) {
	cl := *z.call
	req, err := z.client.newRequest(ctx, &cl)
	if err != nil {
		return nil, err
	}
	if address != nil {
		req.URL, req.Host = address, ""
	}
	req.Header.Set("Accept", "*/*")
	req.Header.Set("Accept-Encoding", identity)
	req.Header.Set("Range", part)
	if z.validator != "" {
		req.Header.Set("If-Range", z.validator)
	}
	return z.client.do(req, &cl, nil)
}

func (z *remoteZip) known() *url.URL {
	z.mu.Lock()
	defer z.mu.Unlock()
	return z.address
}

// forget lets the API be asked for a new address, unless somebody already has.
func (z *remoteZip) forget(address *url.URL) {
	z.mu.Lock()
	defer z.mu.Unlock()
	if z.address == address {
		z.address = nil
	}
}

// fail makes an error that of the archive. It may quote a header.
func (z *remoteZip) fail(err error) error {
	z.mu.Lock()
	secrets := z.secrets
	z.mu.Unlock()
	return fmt.Errorf("gitlabci: %s: %w", z.from, secret.ScrubError(err, secrets))
}

func (z *remoteZip) label() (from, name string) { return z.from, z.name }
func (z *remoteZip) length() int64              { return z.size }

// Close has nothing to close: each part is its reader's.
func (z *remoteZip) Close() error { return nil }
