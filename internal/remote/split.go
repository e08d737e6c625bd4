package remote

import (
	"context"
	"io"
	"strings"

	"example.com/gitlabci/internal/pool"
	"example.com/gitlabci/internal/rest"
)

// A file is read over several connections only if it has at least splitFrom bytes: a
// smaller one arrives before more connections are open. Tests set both to less.
var (
	splitFrom    int64 = 32 << 20 // bytes of a file
	segmentLeast int64 = 4 << 20  // bytes that are worth a connection
)

const copyBuffer = 128 << 10 // bytes: fewer calls of the file system than 32 KiB need

// Copy copies what r has to w.
func Copy(w io.Writer, r io.Reader) (int64, error) {
	// A ReadFrom or WriteTo would use a buffer of its own, mostly of 32 KiB.
	return io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{r}, make([]byte, copyBuffer))
}

// promisesParts reports whether a server says that a file can be read in parts, each of
// which it can prove to be of this file.
func (f *File) promisesParts(resp *rest.Response) bool {
	return f.provenByETag() && f.size >= splitFrom && strings.EqualFold(resp.Header.Get("Accept-Ranges"), "bytes")
}

// CopyTo copies the file to w, over several connections if the server promises parts. A
// part that is interrupted is resumed by itself. The error is ErrNoParts if the server
// does not keep its promise: then the whole file has to be read over one connection.
func (f *File) CopyTo(ctx context.Context, w io.WriterAt, connections int) (int64, error) {
	n := int64(1)
	if f.parts != nil {
		n = min(int64(connections), f.size/segmentLeast)
	}
	if n <= 1 {
		return Copy(io.NewOffsetWriter(w, 0), f)
	}
	progress, done := f.spec.Progress, int64(0)
	f.spec.Progress = nil // it is called below: by one goroutine, with the bytes of all parts
	err := pool.EachReporting(ctx, int(n), int(n), func(ctx context.Context, i int, report func(int)) error {
		first, end := f.size*int64(i)/n, f.size*int64(i+1)/n
		s := &segment{Writer: io.NewOffsetWriter(w, first), report: report}
		if i == 0 {
			return f.copyStart(ctx, s, end)
		}
		return f.parts.copyPart(ctx, s, first, end)
	}, func(more int) bool {
		done += int64(more)
		if progress != nil {
			progress(done, f.size)
		}
		return true
	})
	return done, err
}

// copyStart copies what the response that opened the file has, up to end.
func (f *File) copyStart(ctx context.Context, w io.Writer, end int64) error {
	defer f.bodies.close() // the rest is read by others
	defer context.AfterFunc(ctx, func() { f.cancel(rest.Ended(ctx)) })()
	n, err := Copy(w, io.LimitReader(f, end))
	if err == nil && n < end {
		err = f.Fail(io.ErrUnexpectedEOF)
	}
	return err
}

func (p *Parts) copyPart(ctx context.Context, w io.Writer, first, end int64) error {
	s := p.stream(ctx, first, end)
	defer s.Close()
	n, err := Copy(w, s)
	if p.refusesPart(err) { // the whole file shows why
		return p.fail(ErrNoParts)
	}
	if err == nil && n < end-first {
		err = p.failAt(first+n, io.ErrUnexpectedEOF)
	}
	return err
}

// A segment is the place of a part in the copy.
type segment struct {
	io.Writer
	report func(n int)
}

func (s *segment) Write(p []byte) (int, error) {
	n, err := s.Writer.Write(p)
	s.report(n)
	return n, err
}
