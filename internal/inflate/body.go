// Package inflate decompresses the gzipped body of a response, or a member of a zip archive:
// in one go if it is in memory, or as it arrives. That takes about a third of the time that
// the standard library takes byte by byte. What is in memory and not plain, or too large, is
// left to the standard library.
//
// It is handed bytes, and knows nothing of HTTP or of archives.
package inflate

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"encoding/binary"
	"io"
	"slices"
	"sync"
)

// mostZipped is how many compressed bytes are held in memory. Of a larger body, only what
// is wanted is read: it may be a bomb.
const mostZipped = 1 << 20

// A Body is what is in a gzipped body.
type Body struct {
	zipped io.ReadCloser
	size   int64  // of it, if that is known
	files  *files // if it is read as it arrives
	read   bool   // to its end, in one go
}

// New returns what is in a gzipped body of so many bytes, or of a negative number if that
// is unknown.
func New(zipped io.ReadCloser, size int64) *Body { return &Body{zipped: zipped, size: size} }

// Close closes the gzipped body.
func (b *Body) Close() error { return b.zipped.Close() }

// Read reads like [gzip.Reader].
func (b *Body) Read(p []byte) (int, error) {
	if b.read {
		return 0, io.EOF
	}
	if b.files == nil {
		b.files = newFiles(b.zipped)
	}
	return b.files.Read(p)
}

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// AppendTo reads to the end, and appends that to a slice; it appends at most one byte more
// than limit. Nothing more can be read then.
func (b *Body) AppendTo(to []byte, limit int64) ([]byte, error) {
	zipped := buffers.Get().(*bytes.Buffer)
	defer buffers.Put(zipped)
	zipped.Reset()
	zipped.Grow(int(min(max(b.size, 0), mostZipped)) + bytes.MinRead)
	_, err := zipped.ReadFrom(io.LimitReader(b.zipped, mostZipped+1))
	b.read = true
	if data := zipped.Bytes(); err == nil && len(data) <= mostZipped {
		most := len(to) + int(min(limit, mostWhole))
		if whole, err := inflate(slices.Grow(to, sizeOf(data, most)), data, most); err == nil {
			return whole, nil
		}
	}
	again, err := gzip.NewReader(io.MultiReader(zipped, failing{err}, b.zipped))
	if err == io.EOF { // no body is empty
		return to, nil
	}
	if err != nil {
		return to, err
	}
	whole := bytes.NewBuffer(to)
	_, err = whole.ReadFrom(io.LimitReader(again, limit+1))
	return whole.Bytes(), err
}

// A file begins with a header of this size, if there are no names, comments or other
// additions, as servers mostly send it, and it ends with its sum and its size.
const headerSize, trailerSize = 10, 8

// isPlain reports whether a file begins with such a header.
func isPlain(data []byte) bool { return isGzip(data) && data[3] == 0 }

// isGzip reports whether a file begins with a header, whatever follows that.
func isGzip(data []byte) bool {
	return len(data) >= headerSize && data[0] == 0x1f && data[1] == 0x8b && data[2] == 8
}

// mostWhole is how many bytes are inflated in one go.
const mostWhole = 1 << 28

// sizeOf is how many bytes a gzip file says that it has inflated, with some room for the
// last step; it is 0 if they are more than wanted, or than its format allows.
func sizeOf(data []byte, most int) int {
	if len(data) < 18 {
		return 0
	}
	size := int64(binary.LittleEndian.Uint32(data[len(data)-4:]))
	if size > min(int64(most), 1032*int64(len(data))) {
		return 0
	}
	return int(size) + longestStep
}

// failing is a reader that is at its end, or fails if there is an error.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, cmp.Or(f.err, io.EOF) }
