package gitlabci

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"io/fs"
	"net/http"
	"strings"
	"sync"
)

// A mender reads a file, and asks for it again where its body breaks off,
// stalls or ends short. It asks GitLab, since the address of a storage expires.
// What follows is trusted only if it can be told to be of the same file: by a
// strong validator, by a job that keeps its files, or by the bytes before it.
// See checkRest and checkWhole.
type mender struct {
	ctx      context.Context // ends with Close
	cancel   context.CancelFunc
	client   *Client
	call     *call
	encoding string
	progress func(done, total int64)

	from      string       // the endpoint, and the storage if there is one
	page      bool         // what is read is a page, and so was meant to be
	size      int64        // of the file, or -1
	end       int64        // of the body within the file, or -1
	read      int64        // bytes handed out
	validator string       // for If-Range, or ""
	ranges    bool         // whether a part may be asked for
	sum       maphash.Hash // of the bytes handed out
	failures  int          // in a row, without a byte between them
	broken    error        // how the body ended, if too soon
	over      error        // what every further Read returns

	mu     sync.Mutex // for Close, which may come during a Read
	body   io.ReadCloser
	closed bool
}

// mended returns a reader of the answer to a call and of those to follow it.
// The context is that of the request; cancel ends it.
func (c *Client) mended(ctx context.Context, cancel context.CancelFunc, cl *call, resp *http.Response) *mender {
	m := &mender{
		ctx: ctx, cancel: cancel, client: c, call: cl, body: resp.Body, from: c.origin(cl, resp), ranges: true,
		page: isPage(resp.Header.Get("Content-Type")), size: resp.ContentLength, end: resp.ContentLength,
	}
	m.validator = validatorOf(resp)
	return m
}

// validatorOf is the validator of an answer's bytes as they are read. What
// net/http unpacked has that of other bytes.
func validatorOf(resp *http.Response) string {
	if resp.Uncompressed {
		return ""
	}
	return strongValidator(resp.Header)
}

func (m *mender) Read(p []byte) (int, error) {
	for m.over == nil {
		if m.broken != nil {
			m.over = m.mend()
			continue
		}
		n, err := m.body.Read(p)
		extra := m.end >= 0 && int64(n) > m.end-m.read
		if extra {
			n = int(m.end - m.read)
		}
		m.take(p[:n])
		m.judge(err, extra)
		if n > 0 || m.broken == nil && m.over == nil {
			return n, nil
		}
	}
	return 0, m.over
}

// take notes what is handed out.
func (m *mender) take(p []byte) {
	if len(p) == 0 {
		return
	}
	m.failures = 0
	m.read += int64(len(p))
	m.sum.Write(p)
	if m.progress != nil {
		m.progress(m.read, m.size)
	}
}

// judge tells from how a Read of the body went whether that is the end of the
// file, or only of the body.
func (m *mender) judge(err error, extra bool) {
	switch {
	case extra:
		m.over = m.fail(fmt.Errorf("more came than the %d bytes announced", m.end))
	case err == nil:
	case m.read == m.size, m.size < 0 && err == io.EOF: // with all bytes there, no error matters
		m.over = io.EOF
	case err == io.EOF:
		m.broken = io.ErrUnexpectedEOF
	default:
		m.broken = scrubError(bare(err), nil)
	}
}

// mend waits and asks for the rest. Its error is the end of reading; without
// one, that may have failed as well.
func (m *mender) mend() error {
	m.failures++
	config := m.client.config
	wait := config.backoff(m.failures)
	m.body.Close() // whose error would say no more than broken does
	switch cause := m.ctx.Err(); {
	case m.isClosed():
		return m.fail(fs.ErrClosed)
	case cause != nil && !errors.Is(m.broken, cause):
		return m.fail(fmt.Errorf("%w (after: %w)", cause, m.broken))
	case cause != nil, m.failures >= config.tries, !config.mayWait(m.ctx, wait):
		return m.fail(m.broken)
	}
	config.announce(m.ctx, m.call, m.failures, WaitRetry, wait)
	if err := sleep(m.ctx, wait); err != nil {
		return m.fail(fmt.Errorf("%w (after: %w)", err, m.broken))
	}
	return m.reopen()
}

// reopen makes one more call for the rest of the file, or for all of it.
func (m *mender) reopen() error {
	rest := m.rest()
	resp, err := m.client.ask(m.ctx, m.call, m.encoding, rest)
	if e, ok := errors.AsType[*APIError](err); ok && e.StatusCode == http.StatusRequestedRangeNotSatisfiable && rest != nil {
		m.broken, m.ranges = err, false // the whole file tells why
		return nil
	}
	if err != nil {
		return fmt.Errorf("%w (after %s: %w)", err, m.amount(), m.broken)
	}
	m.from = m.client.origin(m.call, resp)
	if !m.hold(resp.Body) {
		return m.fail(fs.ErrClosed)
	}
	if err := m.check(resp, rest != nil); err != nil {
		return m.fail(err)
	}
	m.broken = nil
	if resp.StatusCode == http.StatusOK {
		return m.skip()
	}
	return nil
}

// rest is what to ask for the rest by, or nil where the whole file must come.
// The artifacts of a job are never replaced; those of the latest may by now be
// of another one.
func (m *mender) rest() http.Header {
	if m.read == 0 || !m.ranges || m.validator == "" && (!m.call.fixed || m.size < 0) {
		return nil
	}
	header := http.Header{"Range": {fmt.Sprintf("bytes=%d-", m.read)}, "Accept-Encoding": {identity}}
	if m.validator != "" {
		header.Set("If-Range", m.validator)
	}
	return header
}

// hold makes body the one to read, unless the file was closed meanwhile.
func (m *mender) hold(body io.ReadCloser) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		body.Close()
		return false
	}
	m.body = body
	return true
}

func (m *mender) isClosed() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.closed
}

// check reports why an answer cannot follow what was handed out, and else takes
// from it how much will come.
func (m *mender) check(resp *http.Response, partly bool) error {
	switch err := encoded(resp); {
	case err != nil:
		return err
	case partly && resp.StatusCode == http.StatusPartialContent:
		return m.checkRest(resp)
	case resp.StatusCode == http.StatusOK:
		return m.checkWhole(resp)
	}
	return fmt.Errorf("%s is not a whole file", statusLine(resp.StatusCode))
}

// checkRest checks a 206: that it is of this file, and begins where it must.
func (m *mender) checkRest(resp *http.Response) error {
	r, err := parseContentRange(resp.Header.Get("Content-Range"))
	switch {
	case err != nil:
		return err
	case r.first != m.read:
		return fmt.Errorf("the bytes from %d on were asked for, and those from %d on came", m.read, r.first)
	case r.total >= 0 && m.size >= 0 && r.total != m.size:
		return m.changed("it has %d bytes now", r.total)
	case r.total < 0 && (m.size < 0 || m.validator == ""):
		return errors.New("the server does not say which part of the file this is: its Content-Range has no size")
	case m.contradicts(resp.Header):
		return m.changed("it has another ETag or date now")
	}
	m.size, m.end = max(m.size, r.total), r.last+1
	return nil
}

// checkWhole checks a 200: whether it can be this file. The bytes themselves
// are compared by skip.
func (m *mender) checkWhole(resp *http.Response) error {
	size := resp.ContentLength
	switch {
	case isPage(resp.Header.Get("Content-Type")) && !m.page:
		return fmt.Errorf("the answer has content type %q: this is a page", resp.Header.Get("Content-Type"))
	case size >= 0 && !m.fits(size):
		return m.changed("it has %d bytes now", size)
	case m.read > 0 && !m.call.grows && m.contradicts(resp.Header):
		return m.changed("it has another ETag or date now")
	}
	m.validator = validatorOf(resp)
	if size >= 0 || m.call.grows {
		m.size = size
	}
	m.end = m.size
	return nil
}

// fits reports whether the file can have come to this size.
func (m *mender) fits(size int64) bool {
	if m.size >= 0 && !m.call.grows {
		return size == m.size
	}
	return size >= max(m.size, m.read)
}

func (m *mender) changed(format string, args ...any) error {
	return fmt.Errorf("the file has changed meanwhile: "+format, args...)
}

// contradicts reports whether the answer is one about another file.
func (m *mender) contradicts(header http.Header) bool {
	now := header.Get("Last-Modified")
	if strings.HasPrefix(m.validator, `"`) {
		now = header.Get("ETag")
	}
	return m.validator != "" && now != "" && !strings.HasPrefix(now, "W/") && now != m.validator
}

// skip reads past what was handed out before, and compares it with that. Only
// a difference is an error: a body that breaks off is asked for once more. The
// hash has a seed that nobody else knows, so no server can make two files look
// alike, and it is faster than a network; SHA-256 is not.
func (m *mender) skip() error {
	var again maphash.Hash
	again.SetSeed(m.sum.Seed())
	n, err := io.CopyN(&again, m.body, m.read)
	switch {
	case err == io.EOF && m.size < 0:
		return m.fail(m.changed("it has %d bytes now", n))
	case err == io.EOF:
		m.broken = io.ErrUnexpectedEOF
	case err != nil:
		m.broken = scrubError(bare(err), nil)
	case again.Sum64() != m.sum.Sum64():
		return m.fail(m.changed("its first %d bytes are others now", m.read))
	}
	return nil
}

// fail makes an error that of the file. It may quote a header.
func (m *mender) fail(err error) error {
	text := ""
	if m.failures > 1 {
		text = fmt.Sprintf(" (%d tries)", m.failures)
	}
	return fmt.Errorf("gitlabci: %s: after %s: %w%s", m.from, m.amount(), scrubError(err, nil), text)
}

func (m *mender) amount() string {
	if m.size < 0 {
		return fmt.Sprintf("%d bytes", m.read)
	}
	return fmt.Sprintf("%d of %d bytes", m.read, m.size)
}

// Close ends the reading, a Read that is waiting as well.
func (m *mender) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	m.cancel()
	return m.body.Close()
}
