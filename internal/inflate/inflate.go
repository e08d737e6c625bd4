package inflate

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"slices"
	"sync"
)

// errInvalid is that of anything that is not a whole gzip file, or a larger one than
// wanted. Package compress/gzip finds out what it is.
var errInvalid = errors.New("invalid gzip data")

// longestStep is how much room one step of an inflater needs at most: that of a match of 258
// bytes, which is copied eight bytes at a time, and of two literals before it.
const longestStep = 272

// A status is why an inflater has stopped.
type status uint8

const (
	done   status = iota // the block has ended, or all of them have
	more                 // nothing yet
	short                // the data has to continue
	full                 // there is no more room, or more was inflated than wanted
	broken               // the data is not valid
)

// An inflater inflates data of which any part is in memory. It stops where that part ends,
// and resumes with the next one.
type inflater struct {
	in        []byte
	at        int
	final     bool // no data follows what is in
	truncated bool // some of what a block begins with

	held uint64 // bits from in, the next one lowest
	n    uint   // how many of them there are

	out   []byte // its capacity is the room
	start int    // of the present file in out
	most  int    // bytes that are wanted in out

	inside func(*inflater) status // the kind of the present block, or nil before one
	last   bool                   // no block follows
	left   int                    // bytes of a stored block

	literals  [1<<literalBits + 1<<12]entry
	distances [1<<distanceBits + 1<<11]entry
	lengths   [mostLiterals + mostDistances]uint8
	codes     [1 << codeBits]entry // of code lengths
}

var inflaters = sync.Pool{New: func() any { return new(inflater) }}

// release ends the use of an inflater.
func (f *inflater) release() {
	f.in, f.out = nil, nil
	inflaters.Put(f)
}

// inflate appends what is in the gzip files that data consists of, at most so many bytes.
func inflate(to, data []byte, most int) ([]byte, error) {
	f := inflaters.Get().(*inflater)
	defer f.release()
	f.in, f.at, f.out, f.most = data, 0, to, most
	for first := true; first || f.at < len(data); first = false {
		if !f.file() {
			return to, errInvalid
		}
	}
	return f.out, nil
}

// Deflated appends what deflated data is when it is inflated, for which it makes room of at
// most so many bytes. False means that it is more, or that the data is not valid. What
// follows the end of the data is ignored.
func Deflated(to, data []byte, most int) ([]byte, bool) {
	f := inflaters.Get().(*inflater)
	defer f.release()
	f.in, f.at, f.out, f.most = data, 0, slices.Grow(to, most+longestStep), len(to)+most
	f.begin()
	if !f.whole() {
		return to, false
	}
	return f.out, true
}

// file inflates one file, and checks its sum.
func (f *inflater) file() bool {
	if !isPlain(f.in[f.at:]) {
		return false
	}
	f.at += headerSize
	f.begin()
	if !f.whole() {
		return false
	}
	f.unread()
	if f.at+trailerSize > len(f.in) {
		return false
	}
	sum, size := binary.LittleEndian.Uint32(f.in[f.at:]), binary.LittleEndian.Uint32(f.in[f.at+4:])
	f.at += trailerSize
	return sum == crc32.ChecksumIEEE(f.out[f.start:]) && size == uint32(len(f.out)-f.start)
}

// begin begins with the first block at the present offset.
func (f *inflater) begin() {
	f.start, f.held, f.n, f.inside, f.last, f.final = len(f.out), 0, 0, nil, false, false
}

// whole inflates data that is in memory as a whole. Its room grows, up to what is wanted.
func (f *inflater) whole() bool {
	for {
		switch s := f.run(); {
		case s == done && len(f.out) <= f.most:
			return true
		case s != full || len(f.out) > f.most:
			return false
		}
		f.out = slices.Grow(f.out, longestStep+min(len(f.out), f.most-len(f.out)))
	}
}

// run inflates blocks up to the last one, unless something stops it.
func (f *inflater) run() status {
	for {
		if f.inside == nil {
			if f.last {
				return done
			}
			if s := f.open(); s != done {
				return s
			}
		}
		if s := f.inside(f); s != done {
			return s
		}
		f.inside = nil
	}
}

// mostOpening is how many bytes a block takes at most before its first byte or code: those
// of the lengths of 320 codes, each written as one of 7 bits with 7 more.
const mostOpening = 600

// open reads what a block begins with.
func (f *inflater) open() status {
	at, held, n := f.at, f.held, f.n
	f.truncated = false
	f.refill()
	f.last = f.held&1 == 1
	kind := f.held >> 1 & 3
	ok := f.drop(3)
	switch {
	case !ok:
	case kind == 0:
		f.inside, ok = (*inflater).stored, f.size()
	case kind == 1:
		f.inside, ok = (*inflater).block, f.fixed()
	case kind == 2:
		f.inside, ok = (*inflater).block, f.dynamic()
	default:
		ok = false
	}
	if ok {
		return done
	}
	f.at, f.held, f.n, f.inside, f.last = at, held, n, nil, false
	if f.truncated || !f.final && len(f.in)-at < mostOpening { // what is missing counts as zeros
		return short
	}
	return broken
}

// refill holds at least 56 bits, if there are so many.
func (f *inflater) refill() {
	if f.at+8 <= len(f.in) {
		f.held |= binary.LittleEndian.Uint64(f.in[f.at:]) << f.n
		f.at += int((63 - f.n) >> 3)
		f.n |= 56
		return
	}
	for ; f.n < 56 && f.at < len(f.in); f.at++ {
		f.held |= uint64(f.in[f.at]) << f.n
		f.n += 8
	}
}

func (f *inflater) drop(n uint) bool {
	if n > f.n {
		f.truncated = true
		return false
	}
	f.held >>= n
	f.n -= n
	return true
}

// unread gives back whole bytes that are held, and forgets the rest of a byte.
func (f *inflater) unread() {
	f.at -= int(f.n / 8)
	f.held, f.n = 0, 0
}

// size reads the size of a stored block.
func (f *inflater) size() bool {
	f.unread()
	if f.at+4 > len(f.in) {
		f.truncated = true
		return false
	}
	f.left = int(binary.LittleEndian.Uint16(f.in[f.at:]))
	same := uint16(f.left) == ^binary.LittleEndian.Uint16(f.in[f.at+2:])
	f.at += 4
	return same
}

// stored copies a block that is not compressed.
func (f *inflater) stored() status {
	size := min(f.left, len(f.in)-f.at, cap(f.out)-len(f.out))
	f.out = append(f.out, f.in[f.at:f.at+size]...)
	f.at += size
	f.left -= size
	switch {
	case len(f.out) > f.most, f.left > 0 && len(f.out) == cap(f.out):
		return full
	case f.left > 0:
		return short
	}
	return done
}
