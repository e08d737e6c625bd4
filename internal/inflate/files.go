package inflate

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"hash/crc32"
	"io"
	"sync"
)

// Files are gzip files that follow each other, and are inflated as they arrive. The first
// one that has a name or another addition is left to the standard library, with all that
// follows it.
type files struct {
	reader   *Reader // of the present file, from the pool
	standard io.Reader
	within   bool   // a file has begun
	sum      uint32 // of what was read of it
	size     uint32
	err      error
}

var readers = sync.Pool{New: func() any { return NewReader(nil) }}

func newFiles(zipped io.Reader) *files {
	f := &files{reader: readers.Get().(*Reader)}
	f.reader.Reset(zipped)
	return f
}

// Read reads like [gzip.Reader].
func (f *files) Read(p []byte) (n int, err error) {
	for n == 0 && len(p) > 0 && f.err == nil {
		switch {
		case f.standard != nil:
			n, f.err = f.standard.Read(p)
		case !f.within:
			f.err = f.open()
		default:
			n, f.err = f.reader.Read(p)
			f.sum = crc32.Update(f.sum, crc32.IEEETable, p[:n])
			f.size += uint32(n)
			if f.err == io.EOF {
				f.err = f.check()
			}
		}
	}
	if f.err != nil && f.reader != nil { // nobody reads any more
		f.reader.Reset(nil)
		readers.Put(f.reader)
		f.reader = nil
	}
	if n > 0 {
		return n, nil
	}
	return 0, f.err
}

// open begins with the next file, and returns io.EOF if there is none.
func (f *files) open() (err error) {
	header, _ := f.reader.need(headerSize)
	switch {
	case len(header) == 0 && f.reader.last == io.EOF: // and not that a body is cut short
		return io.EOF
	case !isPlain(header):
		rest := bytes.NewReader(bytes.Clone(header))
		f.standard, err = gzip.NewReader(io.MultiReader(rest, failing{f.reader.last}, f.reader.from))
		return err
	}
	f.reader.f.at += headerSize
	f.reader.begin()
	f.within, f.sum, f.size = true, 0, 0
	return nil
}

// check compares what was read of a file with what is at its end.
func (f *files) check() error {
	f.reader.f.unread()
	trailer, err := f.reader.need(trailerSize)
	if err != nil {
		return err
	}
	if binary.LittleEndian.Uint32(trailer) != f.sum || binary.LittleEndian.Uint32(trailer[4:]) != f.size {
		return gzip.ErrChecksum
	}
	f.reader.f.at += trailerSize
	f.within = false
	return nil
}
