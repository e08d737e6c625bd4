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

const (
	literalBits  = 11 // that are looked up at once
	distanceBits = 8
	longestCode  = 15

	mostLiterals  = 288
	mostDistances = 32
)

// An entry of a table says what a code stands for. Bits 0 to 7 are the length of the code,
// which is 0 if it is none, 8 to 12 how many bits follow it, and those from 16 on a byte,
// or the beginning of a range of lengths or distances. For codes that are longer than the
// index of the table, they are where the second table of these begins.
type entry uint32

const (
	isLiteral entry = 1 << 15 // a byte stands for itself
	isSecond  entry = 1 << 14
	isEnd     entry = 1 << 13 // of the block
)

func (e entry) length() uint { return uint(e & 0xff) }
func (e entry) extra() uint  { return uint(e>>8) & 0x1f }
func (e entry) value() int   { return int(e >> 16) }

// An inflater inflates data that is in memory as a whole.
type inflater struct {
	in   []byte
	at   int
	held uint64 // bits from in, the next one lowest
	n    uint   // how many of them there are

	out   []byte
	start int // of the present file in out
	most  int

	literals  [1<<literalBits + 1<<12]entry
	distances [1<<distanceBits + 1<<11]entry
	lengths   [mostLiterals + mostDistances]uint8
	codes     [1 << 7]entry // of code lengths
}

var inflaters = sync.Pool{New: func() any { return new(inflater) }}

// inflate appends what is in the gzip files that data consists of, at most so many bytes.
func inflate(to, data []byte, most int) ([]byte, error) {
	f := inflaters.Get().(*inflater)
	defer func() {
		f.in, f.out = nil, nil
		inflaters.Put(f)
	}()
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
	defer func() {
		f.in, f.out = nil, nil
		inflaters.Put(f)
	}()
	f.in, f.at, f.out, f.most = data, 0, slices.Grow(to, most+longestStep), len(to)+most
	if !f.blocks() {
		return to, false
	}
	return f.out, true
}

// file inflates one file, and checks its sum.
func (f *inflater) file() bool {
	if !f.header() || !f.blocks() {
		return false
	}
	f.at -= int(f.n / 8) // what was read ahead
	if f.at+8 > len(f.in) {
		return false
	}
	sum, size := binary.LittleEndian.Uint32(f.in[f.at:]), binary.LittleEndian.Uint32(f.in[f.at+4:])
	f.at += 8
	return sum == crc32.ChecksumIEEE(f.out[f.start:]) && size == uint32(len(f.out)-f.start)
}

// blocks inflates all blocks, up to the last one.
func (f *inflater) blocks() bool {
	f.start, f.held, f.n = len(f.out), 0, 0
	for last := false; !last; {
		f.refill()
		last = f.held&1 == 1
		kind := f.held >> 1 & 3
		if !f.drop(3) {
			return false
		}
		ok := false
		switch kind {
		case 0:
			ok = f.stored()
		case 1:
			ok = f.fixed() && f.block()
		case 2:
			ok = f.dynamic() && f.block()
		}
		if !ok {
			return false
		}
	}
	return true
}

// header reads a header without names, comments or other additions, which servers do not
// send.
func (f *inflater) header() bool {
	h := f.in[f.at:]
	if len(h) < 18 || h[0] != 0x1f || h[1] != 0x8b || h[2] != 8 || h[3] != 0 {
		return false
	}
	f.at += 10
	return true
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
		return false
	}
	f.held >>= n
	f.n -= n
	return true
}

// stored copies a block that is not compressed.
func (f *inflater) stored() bool {
	f.at -= int(f.n / 8)
	f.held, f.n = 0, 0
	if f.at+4 > len(f.in) {
		return false
	}
	size := int(binary.LittleEndian.Uint16(f.in[f.at:]))
	if uint16(size) != ^binary.LittleEndian.Uint16(f.in[f.at+2:]) || f.at+4+size > len(f.in) || len(f.out)+size > f.most {
		return false
	}
	f.at += 4
	f.out = append(f.out, f.in[f.at:f.at+size]...)
	f.at += size
	return true
}

// longestStep is what one step of block writes at most: a match, or three literals.
const longestStep = 258

// A window is what was read from the data and not used. As a value it stays in
// registers, which is why block does not work on the inflater's own.
type window struct {
	held uint64 // the next bit lowest
	n    int    // how many bits; negative after the end
	at   int    // in the data
}

// refill holds at least 56 bits, if there are so many.
func (w window) refill(in []byte) window {
	if w.at+8 > len(in) {
		return w.refillLast(in)
	}
	w.held |= binary.LittleEndian.Uint64(in[w.at:]) << uint(w.n&63)
	w.at += (63 - w.n) >> 3
	w.n |= 56
	return w
}

func (w window) refillLast(in []byte) window {
	for ; w.n < 56 && w.at < len(in); w.at++ {
		w.held |= uint64(in[w.at]) << uint(w.n)
		w.n += 8
	}
	return w
}

func (w window) drop(n uint) window { return window{w.held >> (n & 63), w.n - int(n), w.at} }

// valueOf is the value of an entry with the bits that follow its code.
func (w window) valueOf(e entry) int { return e.value() + int(w.held&(1<<e.extra()-1)) }

// block inflates what the tables are for, up to the end of the block.
func (f *inflater) block() bool {
	out, end := f.out[:cap(f.out)], len(f.out)
	for w := (window{f.held, int(f.n), f.at}); w.n >= 0 && end <= f.most; {
		w = w.refill(f.in)
		if end+longestStep > len(out) {
			out = slices.Grow(out[:end], longestStep+min(end, f.most-end))
			out = out[:cap(out)]
		}
		e := f.literals[w.held&(1<<literalBits-1)]
		if e&isLiteral != 0 {
			for i := 0; i < 3 && e&isLiteral != 0; i++ { // 56 bits have three of them
				out[end] = byte(e >> 16)
				end++
				w = w.drop(e.length())
				e = f.literals[w.held&(1<<literalBits-1)]
			}
			continue
		}
		if e&isSecond != 0 {
			w = w.drop(literalBits)
			e = f.literals[e.value()+int(w.held&(1<<(longestCode-literalBits)-1))]
		}
		w = w.drop(e.length())
		if e&isEnd != 0 && w.n >= 0 {
			return f.leave(out[:end], w)
		}
		if e&isLiteral != 0 {
			out[end] = byte(e >> 16)
			end++
			continue
		}
		length, distance := w.valueOf(e), 0
		distance, w = f.distance(w.drop(e.extra()))
		if e.length() == 0 || e&isEnd != 0 || distance == 0 || distance > end-f.start {
			return false
		}
		end = repeat(out, end, distance, length)
	}
	return false
}

// leave ends a block.
func (f *inflater) leave(out []byte, w window) bool {
	f.out, f.at, f.held, f.n = out, w.at, w.held, uint(w.n)
	return true
}

// distance reads the distance of a match, 0 if there is none with this code.
func (f *inflater) distance(w window) (int, window) {
	d := f.distances[w.held&(1<<distanceBits-1)]
	if d&isSecond != 0 {
		w = w.drop(distanceBits)
		d = f.distances[d.value()+int(w.held&(1<<(longestCode-distanceBits)-1))]
	}
	if d.length() == 0 {
		return 0, w
	}
	w = w.drop(d.length())
	return w.valueOf(d), w.drop(d.extra())
}

// repeat appends so many bytes of those at a distance, which may be among them.
func repeat(out []byte, end, distance, length int) int {
	for length > 0 {
		n := copy(out[end:end+length], out[end-distance:end])
		end, length, distance = end+n, length-n, distance+n
	}
	return end
}
