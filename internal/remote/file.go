package remote

import (
	"context"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"maps"
	"net/http"

	"example.com/gitlabci/internal/rest"
	"example.com/gitlabci/internal/secret"
)

// A File reads a file, and requests it again if its body is interrupted, stalls
// or ends too early. It requests it from the server, since storage URLs expire. A part
// is used only if it has the strong ETag of the file. Otherwise the whole file is
// requested, and its beginning is compared with the bytes that were returned, unless it
// has that ETag. See missing, checkPart and checkWhole.
type File struct {
	ctx    context.Context // ends with Close
	cancel context.CancelCauseFunc
	server Server
	spec   Spec

	contentType string
	name        string
	from        string // the endpoint, and the storage if there is one
	size        int64  // of the file, or -1
	end         int64  // of the body within the file, or -1
	read        int64  // bytes returned
	validator   string // a strong ETag, or a date, or ""
	ranges      bool   // whether a part may be requested
	partStart   int64  // where the requested part begins
	sum         uint32 // CRC-32C of the bytes returned, if isSummed

	ending *ending // of a body that ends with its connection; else nil
	known  int64   // the size that Spec.Length returned, or -1
	seam   int64   // where a part began that was joined to Spec.Copy, or 0

	parts   *Parts         // the file as parts, if the server promises them
	next    string         // the validator, once the file is known to be the same
	secrets []secret.Value // of the last request, to keep out of errors

	bodies resumer
}

// Open requests a file.
func Open(ctx context.Context, server Server, spec Spec) (*File, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	f := &File{ctx: ctx, cancel: cancel, server: server, spec: spec, ranges: true, known: -1}
	f.bodies = resumer{ctx: ctx, server: server, open: f.open, received: f.received, fail: f.Fail}
	resp, err := f.request(nil)
	if err != nil {
		cancel(nil)
		return nil, err
	}
	f.contentType, f.name, f.bodies.body = resp.Header.Get("Content-Type"), fileName(resp), resp.Body
	f.from, f.secrets = resp.From, resp.Secrets
	f.size, f.end, f.ending, f.validator = resp.ContentLength, resp.ContentLength, endingOf(resp), validatorOf(resp)
	if err := f.accept(resp, false); err != nil {
		return nil, f.Refuse("%w", err)
	}
	if f.promisesParts(resp) {
		f.parts = &Parts{
			server: server, proven: true, from: resp.From, name: f.name, size: f.size,
			validator: f.validator, place: placeOf(resp), secrets: resp.Secrets,
		}
		f.parts.rememberURL(resp)
	}
	// If it was no page at first, a page now is not the file.
	f.spec.Page = rest.IsPage(f.contentType)
	return f, nil
}

func (f *File) accept(resp *rest.Response, partly bool) error {
	e := expected{noun: "file", partly: partly, page: f.spec.Page, json: f.spec.JSON, checkHeader: f.spec.CheckHeader}
	return e.accept(resp)
}

// request makes the call for the file, with a header to ask for a part of it.
func (f *File) request(part http.Header) (*rest.Response, error) {
	header := http.Header{}
	if !f.spec.Packed {
		header.Set("Accept-Encoding", identity)
	}
	maps.Copy(header, part)
	return f.server.Request(f.ctx, header, nil)
}

// Name is what the server calls the file, without folders.
func (f *File) Name() string { return f.name }

// Size is how many bytes the file has, or -1.
func (f *File) Size() int64 { return f.size }

// ContentType is that of the first response.
func (f *File) ContentType() string { return f.contentType }

// From is the endpoint that the file is from, and the storage if there is one.
func (f *File) From() string { return f.from }

// Err is what every further Read returns, nil while there may be more.
func (f *File) Err() error { return f.bodies.over }

// Seam returns where the last part began that was joined to Spec.Copy by comparing
// bytes, and 0 if none was. Such a copy is still to be checked.
func (f *File) Seam() int64 { return f.seam }

// Refuse closes a file that is not what was requested, and says why.
func (f *File) Refuse(format string, args ...any) error {
	f.Close()
	return rest.Errorf("%s: %w", f.from, secret.ScrubError(fmt.Errorf(format, args...), f.secrets))
}

func (f *File) Read(p []byte) (int, error) { return f.bodies.Read(p) }

// received notes what is returned, and whether how a Read of the body ended is the end
// of the file, or only of the body.
func (f *File) received(p []byte, err error) (int, error) {
	extra := f.end >= 0 && int64(len(p)) > f.end-f.read
	if extra {
		p = p[:f.end-f.read]
	}
	f.add(p)
	switch {
	case extra:
		err = f.Fail(fmt.Errorf("more came than the %d bytes announced", f.end))
	case err == nil:
	case f.read == f.size: // with all bytes there, no error matters
		err = io.EOF
	case f.size < 0 && err == io.EOF:
		err = f.finish()
	default:
		err = interrupted(err, f.secrets)
	}
	return len(p), err
}

func (f *File) add(p []byte) {
	if len(p) == 0 {
		return
	}
	f.read += int64(len(p))
	if f.isSummed() {
		f.sum = crc32.Update(f.sum, castagnoli, p)
	}
	if f.ending != nil {
		f.ending.add(p)
	}
	if f.spec.Progress != nil {
		f.spec.Progress(f.read, f.size)
	}
}

// open makes one more call for the rest of the file, or for all of it.
func (f *File) open() error {
	var part http.Header
	f.partStart, part = f.missing()
	resp, err := f.request(part)
	if part != nil && f.refusesRange(err) {
		f.ranges = false
		return &interruption{err} // the whole file has the reason
	}
	if err != nil {
		return fmt.Errorf("%w (after %s: %w)", err, f.amount(), f.bodies.broken)
	}
	f.from, f.secrets = resp.From, resp.Secrets
	if err := f.bodies.hold(resp.Body); err != nil {
		return err
	}
	switch err := f.check(resp, part != nil); {
	case err == errUnproven: // only the whole file can show whether it is the same
		resp.Body.Close()
		f.ranges = false
		return f.open()
	case err != nil && f.IsClosed(): // which may be why
		return f.Fail(fs.ErrClosed)
	case err != nil:
		return f.Fail(err)
	case resp.StatusCode == http.StatusOK:
		return f.skip()
	}
	return f.join()
}

func (f *File) refusesRange(err error) bool {
	status, _ := f.server.Refused(err)
	return status == http.StatusRequestedRangeNotSatisfiable
}

// IsClosed reports whether Close was called.
func (f *File) IsClosed() bool { return f.bodies.isClosed() }

// Fail makes an error that of the file. It may quote a header.
func (f *File) Fail(err error) error {
	text := ""
	if f.bodies.fruitless > 1 {
		text = fmt.Sprintf(" (%d tries)", f.bodies.fruitless)
	}
	return rest.Errorf("%s: after %s: %w%s", f.from, f.amount(), secret.ScrubError(err, f.secrets), text)
}

func (f *File) amount() string {
	if f.size < 0 {
		return fmt.Sprintf("%d bytes", f.read)
	}
	return fmt.Sprintf("%d of %d bytes", f.read, f.size)
}

// Close ends the reading, a Read that is waiting as well.
func (f *File) Close() error {
	f.cancel(nil)
	return f.bodies.close()
}
