package inflate

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"hash/crc32"
	"io"
	"math/bits"
	"sync"
)

// Files are gzip files that follow each other, and are inflated as they arrive. The first
// one with an addition other than a name and a comment is left to the standard library, with
// all that follows it: that returns nothing before 32 KiB are inflated or a block is flushed.
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
	size := f.header()
	held := f.reader.in[f.reader.f.at:]
	switch {
	case len(held) == 0 && f.reader.last == io.EOF: // and not that a body is cut short
		return io.EOF
	case size == 0:
		rest := bytes.NewReader(bytes.Clone(held))
		f.standard, err = gzip.NewReader(io.MultiReader(rest, failing{f.reader.last}, f.reader.from))
		return err
	}
	f.reader.f.at += size
	f.reader.begin()
	f.within, f.sum, f.size = true, 0, 0
	return nil
}

// The flags of a header that says which texts follow it, each with a zero at its end. The
// standard library refuses longer ones.
const (
	hasName, hasComment = 8, 16
	longestText         = 512
)

// header returns the size of the header that a file begins with, or 0 if it is not whole, or
// has something else than a name and a comment.
func (f *files) header() (size int) {
	data, _ := f.reader.need(headerSize)
	if !isGzip(data) || data[3]&^(hasName|hasComment) != 0 {
		return 0
	}
	size = headerSize
	for range bits.OnesCount8(data[3]) {
		text := f.text(size)
		if text == 0 {
			return 0
		}
		size += text
	}
	return size
}

// text returns the size of a text at a place after the present offset, or 0 if it is too long
// or not whole.
func (f *files) text(at int) (size int) {
	for size = 1; size <= longestText; size++ {
		data, err := f.reader.need(at + size)
		if err != nil {
			return 0
		}
		if data[at+size-1] == 0 {
			return size
		}
	}
	return 0
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
