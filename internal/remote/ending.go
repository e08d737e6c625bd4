package remote

import (
	"fmt"
	"io"
	"net/http"

	"example.com/gitlabci/internal/rest"
)

// endingKept is how many bytes of a file's end are kept: room for what ends an archive,
// with the longest comment.
const endingKept = 66 << 10

const startKept = 4 // bytes that show what kind of file it is

// An ending keeps parts of a body that ends where the connection ends, to find
// out whether it was truncated.
type ending struct {
	start  []byte // the first bytes
	last   []byte // at least endingKept bytes, or all
	size   int64
	packed bool // net/http unpacked it, which checks it unless it is empty
}

// IsFramed reports whether the end of a response cannot be confused with the end of its
// connection: it has a length, chunks or the frames of HTTP/2. If net/http unpacked the
// body, it hides whether there was a length.
func IsFramed(resp *rest.Response) bool {
	framed := resp.ContentLength >= 0 || len(resp.TransferEncoding) > 0 || resp.ProtoMajor != 1 && !resp.Close || resp.StatusCode != http.StatusOK
	return framed || resp.Uncompressed && !resp.Close
}

// endingOf returns an ending if the response may have been cut off without an error.
func endingOf(resp *rest.Response) *ending {
	if IsFramed(resp) {
		return nil
	}
	return &ending{packed: resp.Uncompressed}
}

func (e *ending) add(p []byte) {
	e.size += int64(len(p))
	if missing := startKept - len(e.start); missing > 0 {
		e.start = append(e.start, p[:min(missing, len(p))]...)
	}
	if len(p) >= endingKept {
		e.last = append(e.last[:0], p[len(p)-endingKept:]...)
		return
	}
	if len(e.last)+len(p) > 2*endingKept {
		e.last = e.last[:copy(e.last, e.last[len(e.last)-endingKept:])]
	}
	e.last = append(e.last, p...)
}

func (e *ending) Write(p []byte) (int, error) {
	e.add(p)
	return len(p), nil
}

// A Wholeness says whether a file is known to be complete.
type Wholeness int

const (
	Uncertain Wholeness = iota
	Whole
	Short
)

// finish decides whether a body that ended is the complete file.
func (f *File) finish() error {
	if f.ending == nil || f.ending.packed && f.read > 0 {
		return io.EOF
	}
	switch f.wholeness() {
	case Whole:
		return io.EOF
	case Short:
		return interrupted(io.EOF, nil)
	}
	return f.uncertain()
}

// wholeness decides by the bytes of the file, or by its size in the job, which is
// requested once.
func (f *File) wholeness() Wholeness {
	if f.spec.Length != nil {
		f.known = f.spec.Length(f.ctx)
		f.spec.Length = nil
	}
	switch {
	case f.known == f.read:
		return Whole
	case f.known > f.read:
		if !f.spec.Grows {
			f.size = f.known
		}
		return Short
	case f.exceeds():
		return Uncertain
	case f.spec.Ending == nil:
		return Uncertain
	}
	return f.spec.Ending(f.ending.start, f.ending.last, f.ending.size)
}

// exceeds reports whether more bytes arrived than the size in the job. A log may
// have grown.
func (f *File) exceeds() bool { return f.known >= 0 && f.known < f.read && !f.spec.Grows }

// uncertain returns the last error of a file that nothing proves to be complete.
func (f *File) uncertain() error {
	switch ended := rest.Ended(f.ctx); {
	case ended != nil: // it may be why the job's size is unknown
		return f.Fail(ended)
	case f.exceeds():
		return f.Fail(fmt.Errorf("the job says that the file has %d bytes, but more arrived", f.known))
	case f.spec.AllowUnproven:
		return io.EOF
	}
	return f.Fail(fmt.Errorf("the server sent neither the length nor the end of the file, so it may be cut short: %w", io.ErrUnexpectedEOF))
}
