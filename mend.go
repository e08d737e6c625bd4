package gitlabci

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"io/fs"
	"net/http"
	"sync"

	"example.com/gitlabci/internal/rest"
	"example.com/gitlabci/internal/secret"
)

// A mender reads a file, and requests it again if its body is interrupted, stalls
// or ends too early. It requests it from GitLab, since storage URLs expire. A part
// is used only if it has the strong ETag of the file. Otherwise the whole file is
// requested, and its beginning is compared with the bytes that were handed out.
// See rest, checkRest and checkWhole.
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
	validator string       // a strong ETag, or a date, or ""
	ranges    bool         // whether a part may be requested
	asked     int64        // where the requested part begins
	sum       maphash.Hash // of the bytes handed out
	failures  int          // in a row, without a byte between them
	broken    error        // how the body ended, if too soon
	over      error        // what every further Read returns

	ending *ending                     // of a body that ends with its connection; else nil
	told   func(context.Context) int64 // requests the size of the file from GitLab, or nil
	known  int64                       // the size that told returned, or -1
	lax    bool                        // accepts an end that nothing proves

	// Save sets copied, to read again the bytes that it has written. If a part
	// was joined to them, it began at seam, and Save checks the file; else seam
	// is 0.
	copied io.ReaderAt
	seam   int64

	next    string         // the validator, once the file is known to be the same
	secrets []secret.Value // of the last request, to keep out of errors

	mu     sync.Mutex // for Close, which may come during a Read
	body   io.ReadCloser
	closed bool
}

// mended returns a reader of the response to a call, and of the responses that
// continue it. The context is that of the request; cancel ends it.
func (c *Client) mended(ctx context.Context, cancel context.CancelFunc, cl *call, resp *http.Response) *mender {
	m := &mender{
		ctx: ctx, cancel: cancel, client: c, call: cl, body: resp.Body, from: c.origin(cl, resp), ranges: true,
		page: rest.IsPage(resp.Header.Get("Content-Type")), size: resp.ContentLength, end: resp.ContentLength,
		known: -1, ending: endingOf(resp), validator: validatorOf(resp), secrets: policyFrom(resp.Request.Context()).secrets,
	}
	return m
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
	if m.ending != nil {
		m.ending.add(p)
	}
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
	case m.read == m.size: // with all bytes there, no error matters
		m.over = io.EOF
	case m.size < 0 && err == io.EOF:
		m.finish()
	case err == io.EOF:
		m.broken = io.ErrUnexpectedEOF
	default:
		m.broken = secret.ScrubError(rest.Bare(err), m.secrets)
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
	if err := rest.Sleep(m.ctx, wait); err != nil {
		return m.fail(fmt.Errorf("%w (after: %w)", err, m.broken))
	}
	return m.reopen()
}

// reopen makes one more call for the rest of the file, or for all of it.
func (m *mender) reopen() error {
	var rest http.Header
	m.asked, rest = m.rest()
	resp, err := m.client.ask(m.ctx, m.call, m.encoding, rest)
	if e, ok := errors.AsType[*APIError](err); ok && e.StatusCode == http.StatusRequestedRangeNotSatisfiable && rest != nil {
		m.broken, m.ranges = err, false // the whole file tells why
		return nil
	}
	if err != nil {
		return fmt.Errorf("%w (after %s: %w)", err, m.amount(), m.broken)
	}
	m.from, m.secrets = m.client.origin(m.call, resp), policyFrom(resp.Request.Context()).secrets
	if !m.hold(resp.Body) {
		return m.fail(fs.ErrClosed)
	}
	switch err := m.check(resp, rest != nil); {
	case err == errUnproven: // only the whole file can show whether it is the same
		resp.Body.Close()
		m.ranges = false
		return m.reopen()
	case err != nil:
		return m.fail(err)
	}
	m.broken = nil
	if resp.StatusCode == http.StatusOK {
		return m.skip()
	}
	return m.join()
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

// fail makes an error that of the file. It may quote a header.
func (m *mender) fail(err error) error {
	text := ""
	if m.failures > 1 {
		text = fmt.Sprintf(" (%d tries)", m.failures)
	}
	return fmt.Errorf("gitlabci: %s: after %s: %w%s", m.from, m.amount(), secret.ScrubError(err, m.secrets), text)
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
