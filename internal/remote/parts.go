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

// tailSize is how much of an archive's end is requested at first: the directory
// of 10,000 files comes with it, and small archives come whole.
const tailSize = 3 << 19

// tailLeast is the least that is requested if a larger tail did not arrive in
// one response: an end of central directory with the longest comment.
const tailLeast = 66 << 10

var (
	// ErrNoParts is that a server sends the whole file whatever was asked for.
	ErrNoParts = errors.New("the server sends the archive whole when asked for a part")
	errChanged = errors.New("the archive changed while it was read")
)

// Parts are an archive that stays where it is and is read in parts. It goes through
// the API once, and then to the signed URL in the storage that the API led to, until
// that expires.
type Parts struct {
	server Server
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

// OpenParts opens an archive and returns its end. The error is ErrNoParts if
// it cannot be read in parts: then it is not known either what it is. Fixed says
// that it is never replaced by another one.
func OpenParts(ctx context.Context, server Server, fixed bool) (*Parts, []byte, error) {
	z := &Parts{server: server, byID: fixed}
	tail, err := z.open(ctx)
	if err != nil {
		return nil, nil, err
	}
	return z, tail.data, nil
}

func (z *Parts) open(ctx context.Context) (block, error) {
	resp, err := z.ask(ctx, fmt.Sprintf("bytes=-%d", tailSize))
	if z.refusesPart(err) { // and perhaps not one that begins at the beginning
		resp, err = z.ask(ctx, "bytes=0-0")
	}
	if z.refusesPart(err) {
		return block{}, ErrNoParts
	}
	if err != nil {
		return block{}, err
	}
	tail, body, err := z.begin(resp)
	if err != nil {
		resp.Body.Close()
		return block{}, err
	}
	if !z.byID && z.validator == "" && z.place == "" {
		return z.only(tail, body)
	}
	return z.atOnce(ctx, tail.at, body, func(at, n int64) int64 {
		if n == 0 {
			return at
		}
		return max(at, z.size-max(n/2, tailLeast))
	})
}

// only reads an archive which nothing tells from that of another job, whose the
// next part could be: it must come whole with the first answer.
func (z *Parts) only(tail block, body io.ReadCloser) (block, error) {
	if body == nil {
		return block{}, ErrNoParts
	}
	defer body.Close()
	if tail.at > 0 {
		return block{}, ErrNoParts
	}
	tail.data = make([]byte, z.size)
	if _, err := io.ReadFull(body, tail.data); err != nil {
		return block{}, ErrNoParts // what broke off is asked for as a whole
	}
	return tail, nil
}

// refusesPart reports whether a server seems not to know such a range, or has
// nothing in it: the whole tells which.
func (z *Parts) refusesPart(err error) bool {
	status, storage := z.server.Refused(err)
	return status == http.StatusRequestedRangeNotSatisfiable || status == http.StatusNotImplemented || status == http.StatusBadRequest && storage
}

// begin learns from the first response what the archive is, and where its tail
// begins. The body is that of the response if it is the tail, else it is closed.
func (z *Parts) begin(resp *rest.Response) (tail block, body io.ReadCloser, err error) {
	z.name, z.validator = secret.Scrub(fileName(resp), z.secrets), strongValidator(resp.Header)
	z.from, z.place = resp.From, placeOf(resp)
	if err := z.accept(resp); err != nil {
		return block{}, nil, err
	}
	if resp.StatusCode == http.StatusOK {
		if resp.ContentLength < 0 {
			return block{}, nil, ErrNoParts
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
func (z *Parts) measure(resp *rest.Response) (contentRange, error) {
	r, err := parseContentRange(resp.Header.Get("Content-Range"))
	if err != nil && resp.ContentLength == 0 { // an empty file's, which net/http calls "bytes 0--1/0"
		return r, ErrNoParts
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
func (z *Parts) tailOf(resp *rest.Response, first, end int64) (block, io.ReadCloser, error) {
	tail := block{at: max(0, z.size-tailSize)}
	if first != tail.at || end != z.size || resp.ContentLength >= 0 && resp.ContentLength != end-first {
		resp.Body.Close()
		return tail, nil, nil
	}
	return tail, resp.Body, nil
}

// accept refuses what is not bytes of the archive.
func (z *Parts) accept(resp *rest.Response) error {
	if err := (expected{noun: "archive", partly: true}).accept(resp); err != nil {
		return z.fail(err)
	}
	return nil
}

// part asks for the bytes from first to before end. Fewer may come, but not
// others, and none of another archive.
func (z *Parts) part(ctx context.Context, first, end int64) (io.ReadCloser, error) {
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
func (z *Parts) verify(resp *rest.Response, first, end int64) (int64, error) {
	if err := z.accept(resp); err != nil {
		return 0, err
	}
	if !z.same(resp) {
		return 0, z.fail(errChanged)
	}
	if resp.StatusCode == http.StatusOK {
		return 0, z.fail(ErrNoParts)
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
func (z *Parts) same(resp *rest.Response) bool {
	now := strongValidator(resp.Header)
	if z.validator != "" && now != "" {
		return now == z.validator
	}
	if isTag(z.validator) {
		return z.byID
	}
	return z.byID || z.place != "" && placeOf(resp) == z.place
}

// placeOf is where in the storage a response comes from, or "".
func placeOf(resp *rest.Response) string {
	if !resp.Away {
		return ""
	}
	return resp.Request.URL.Host + resp.Request.URL.EscapedPath()
}

// ask sends a request for a part: to the storage, if its URL is known, and
// through the API if that has expired or leads nowhere any more.
func (z *Parts) ask(ctx context.Context, part string) (*rest.Response, error) {
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
		z.secrets = resp.Secrets
		if resp.Away {
			z.address = resp.Request.URL
		}
	}
	return resp, err
}

// outdated reports whether a new URL may help. A response from the old one means that
// no attempt was wasted, and anything else costs one.
func (z *Parts) outdated(ctx context.Context, err error) bool {
	if status, _ := z.server.Refused(err); status != 0 {
		return true
	}
	return ctx.Err() == nil && z.server.Retries()
}

func (z *Parts) send(ctx context.Context, part string, address *url.URL) (*rest.Response, error) {
	header := http.Header{"Accept-Encoding": {identity}, "Range": {part}}
	if z.validator != "" {
		header.Set("If-Range", z.validator)
	}
	return z.server.Ask(ctx, header, address)
}

func (z *Parts) known() *url.URL {
	z.mu.Lock()
	defer z.mu.Unlock()
	return z.address
}

// forget lets the API be asked for a new address, unless somebody already has.
func (z *Parts) forget(address *url.URL) {
	z.mu.Lock()
	defer z.mu.Unlock()
	if z.address == address {
		z.address = nil
	}
}

// fail makes an error that of the archive. It may quote a header.
func (z *Parts) fail(err error) error {
	z.mu.Lock()
	secrets := z.secrets
	z.mu.Unlock()
	return fmt.Errorf("gitlabci: %s: %w", z.from, secret.ScrubError(err, secrets))
}

// failAt makes an error that of reading the archive at a byte.
func (z *Parts) failAt(pos int64, err error) error {
	return z.fail(fmt.Errorf("at byte %d of %d: %w", pos, z.size, err))
}

// Label returns the endpoint that the archive is from, and what the server calls it.
func (z *Parts) Label() (from, name string) { return z.from, z.name }

// Size is how many bytes the archive has.
func (z *Parts) Size() int64 { return z.size }

// Close has nothing to close: each part is its reader's.
func (z *Parts) Close() error { return nil }
