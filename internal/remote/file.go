package remote

import (
	"context"
	"fmt"
	"hash/maphash"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"sync"

	"example.com/gitlabci/internal/rest"
	"example.com/gitlabci/internal/secret"
)

// A File reads a file, and requests it again if its body is interrupted, stalls
// or ends too early. It requests it from the server, since storage URLs expire. A part
// is used only if it has the strong ETag of the file. Otherwise the whole file is
// requested, and its beginning is compared with the bytes that were returned.
// See missing, checkPart and checkWhole.
type File struct {
	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	server Server
	spec   Spec

	first     http.Header // of the first response
	name      string
	from      string       // the endpoint, and the storage if there is one
	page      bool         // what is read is a page, and so was meant to be
	size      int64        // of the file, or -1
	end       int64        // of the body within the file, or -1
	read      int64        // bytes returned
	validator string       // a strong ETag, or a date, or ""
	ranges    bool         // whether a part may be requested
	asked     int64        // where the requested part begins
	sum       maphash.Hash // of the bytes returned
	failures  int          // in a row, without a byte between them
	broken    error        // how the body ended, if too soon
	over      error        // what every further Read returns

	ending *ending // of a body that ends with its connection; else nil
	known  int64   // the size that Spec.Length returned, or -1
	seam   int64   // where a part began that was joined to Spec.Copy, or 0

	next    string         // the validator, once the file is known to be the same
	secrets []secret.Value // of the last request, to keep out of errors

	mu     sync.Mutex // for Close, which may come during a Read
	body   io.ReadCloser
	closed bool
}

// Open requests a file.
func Open(ctx context.Context, server Server, spec Spec) (*File, error) {
	ctx, cancel := context.WithCancel(ctx)
	f := &File{ctx: ctx, cancel: cancel, server: server, spec: spec, ranges: true, known: -1}
	resp, err := f.ask(nil)
	if err != nil {
		cancel()
		return nil, err
	}
	f.first, f.name, f.body = resp.Header, fileName(resp), resp.Body
	f.from, f.secrets = resp.From, resp.Secrets
	f.page = rest.IsPage(resp.Header.Get("Content-Type"))
	f.size, f.end, f.ending, f.validator = resp.ContentLength, resp.ContentLength, endingOf(resp), validatorOf(resp)
	if resp.StatusCode != http.StatusOK {
		return nil, f.Refuse("%s is not a whole file", rest.StatusLine(resp.StatusCode))
	}
	if err := encoded(resp); err != nil {
		return nil, f.Refuse("%w", err)
	}
	return f, nil
}

// ask makes the call for the file, with a header to ask for a part of it.
func (f *File) ask(part http.Header) (*rest.Response, error) {
	header := http.Header{}
	if !f.spec.Packed {
		header.Set("Accept-Encoding", identity)
	}
	maps.Copy(header, part)
	return f.server.Ask(f.ctx, header, nil)
}

// Name is what the server calls the file, without folders.
func (f *File) Name() string { return f.name }

// Size is how many bytes the file has, or -1.
func (f *File) Size() int64 { return f.size }

// Header is that of the first response.
func (f *File) Header() http.Header { return f.first }

// From is the endpoint that the file is from, and the storage if there is one.
func (f *File) From() string { return f.from }

// Secrets are to be kept out of errors.
func (f *File) Secrets() []secret.Value { return f.secrets }

// Err is what every further Read returns, nil while there may be more.
func (f *File) Err() error { return f.over }

// Seam returns where the last part began that was joined to Spec.Copy by comparing
// bytes, and 0 if none was. Such a copy is still to be checked.
func (f *File) Seam() int64 { return f.seam }

// Refuse closes a file that is not what was requested, and says why.
func (f *File) Refuse(format string, args ...any) error {
	f.Close()
	return fmt.Errorf("gitlabci: %s: %w", f.from, secret.ScrubError(fmt.Errorf(format, args...), f.secrets))
}

func (f *File) Read(p []byte) (int, error) {
	for f.over == nil {
		if f.broken != nil {
			f.over = f.mend()
			continue
		}
		n, err := f.body.Read(p)
		extra := f.end >= 0 && int64(n) > f.end-f.read
		if extra {
			n = int(f.end - f.read)
		}
		f.take(p[:n])
		f.judge(err, extra)
		if n > 0 || f.broken == nil && f.over == nil {
			return n, nil
		}
	}
	return 0, f.over
}

// take notes what is handed out.
func (f *File) take(p []byte) {
	if len(p) == 0 {
		return
	}
	f.failures = 0
	f.read += int64(len(p))
	f.sum.Write(p)
	if f.ending != nil {
		f.ending.add(p)
	}
	if f.spec.Progress != nil {
		f.spec.Progress(f.read, f.size)
	}
}

// judge tells from how a Read of the body went whether that is the end of the
// file, or only of the body.
func (f *File) judge(err error, extra bool) {
	switch {
	case extra:
		f.over = f.Fail(fmt.Errorf("more came than the %d bytes announced", f.end))
	case err == nil:
	case f.read == f.size: // with all bytes there, no error matters
		f.over = io.EOF
	case f.size < 0 && err == io.EOF:
		f.finish()
	case err == io.EOF:
		f.broken = io.ErrUnexpectedEOF
	default:
		f.broken = secret.ScrubError(rest.Bare(err), f.secrets)
	}
}

// mend waits and asks for the rest. Its error is the end of reading; without
// one, that may have failed as well.
func (f *File) mend() error {
	f.failures++
	f.body.Close() // whose error would say no more than broken does
	if f.IsClosed() {
		return f.Fail(fs.ErrClosed)
	}
	if err := f.server.Again(f.ctx, f.failures, f.broken); err != nil {
		return f.Fail(err)
	}
	return f.reopen()
}

// reopen makes one more call for the rest of the file, or for all of it.
func (f *File) reopen() error {
	var part http.Header
	f.asked, part = f.missing()
	resp, err := f.ask(part)
	if part != nil && f.refusesRange(err) {
		f.broken, f.ranges = err, false // the whole file tells why
		return nil
	}
	if err != nil {
		return fmt.Errorf("%w (after %s: %w)", err, f.amount(), f.broken)
	}
	f.from, f.secrets = resp.From, resp.Secrets
	if !f.hold(resp.Body) {
		return f.Fail(fs.ErrClosed)
	}
	switch err := f.check(resp, part != nil); {
	case err == errUnproven: // only the whole file can show whether it is the same
		resp.Body.Close()
		f.ranges = false
		return f.reopen()
	case err != nil:
		return f.Fail(err)
	}
	f.broken = nil
	if resp.StatusCode == http.StatusOK {
		return f.skip()
	}
	return f.join()
}

func (f *File) refusesRange(err error) bool {
	status, _ := f.server.Refused(err)
	return status == http.StatusRequestedRangeNotSatisfiable
}

// hold makes body the one to read, unless the file was closed meanwhile.
func (f *File) hold(body io.ReadCloser) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		body.Close()
		return false
	}
	f.body = body
	return true
}

// IsClosed reports whether Close was called.
func (f *File) IsClosed() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.closed
}

// Fail makes an error that of the file. It may quote a header.
func (f *File) Fail(err error) error {
	text := ""
	if f.failures > 1 {
		text = fmt.Sprintf(" (%d tries)", f.failures)
	}
	return fmt.Errorf("gitlabci: %s: after %s: %w%s", f.from, f.amount(), secret.ScrubError(err, f.secrets), text)
}

func (f *File) amount() string {
	if f.size < 0 {
		return fmt.Sprintf("%d bytes", f.read)
	}
	return fmt.Sprintf("%d of %d bytes", f.read, f.size)
}

// Close ends the reading, a Read that is waiting as well.
func (f *File) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	f.cancel()
	return f.body.Close()
}
