package gunzip

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math/bits"
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

// file inflates one file, and checks its sum.
func (f *inflater) file() bool {
	if !f.header() {
		return false
	}
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
	f.at -= int(f.n / 8) // what was read ahead
	if f.at+8 > len(f.in) {
		return false
	}
	sum, size := binary.LittleEndian.Uint32(f.in[f.at:]), binary.LittleEndian.Uint32(f.in[f.at+4:])
	f.at += 8
	return sum == crc32.ChecksumIEEE(f.out[f.start:]) && size == uint32(len(f.out)-f.start)
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

// fixed makes the tables that the format has for short texts.
func (f *inflater) fixed() bool {
	lengths := f.lengths[:]
	for i := range mostLiterals {
		switch {
		case i < 144:
			lengths[i] = 8
		case i < 256:
			lengths[i] = 9
		case i < 280:
			lengths[i] = 7
		default:
			lengths[i] = 8
		}
	}
	for i := range mostDistances {
		lengths[mostLiterals+i] = 5
	}
	return build(f.literals[:], lengths[:mostLiterals], literalBits, literalOf) &&
		build(f.distances[:], lengths[mostLiterals:][:mostDistances], distanceBits, distanceOf)
}

var codeOrder = [19]uint8{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}

// dynamic reads the tables of a block.
func (f *inflater) dynamic() bool {
	f.refill()
	literals, distances, codes := int(f.held&31)+257, int(f.held>>5&31)+1, int(f.held>>10&15)+4
	if !f.drop(14) || literals > 286 || distances > 30 {
		return false
	}
	var lengths [19]uint8
	for _, i := range codeOrder[:codes] {
		f.refill()
		lengths[i] = uint8(f.held & 7)
		if !f.drop(3) {
			return false
		}
	}
	if !build(f.codes[:], lengths[:], 7, codeLengthOf) || !f.codeLengths(literals+distances) {
		return false
	}
	return f.lengths[256] > 0 && build(f.literals[:], f.lengths[:literals], literalBits, literalOf) &&
		build(f.distances[:], f.lengths[literals:literals+distances], distanceBits, distanceOf)
}

// codeLengths reads the lengths of so many codes.
func (f *inflater) codeLengths(n int) bool {
	for i := 0; i < n; {
		f.refill()
		e := f.codes[f.held&127]
		if e.length() == 0 || !f.drop(e.length()) {
			return false
		}
		if e.value() < 16 {
			f.lengths[i] = uint8(e.value())
			i++
			continue
		}
		repeat, length, extra := 3, uint8(0), uint(3)
		switch e.value() {
		case 16:
			if i == 0 {
				return false
			}
			length, extra = f.lengths[i-1], 2
		case 18:
			repeat, extra = 11, 7
		}
		repeat += int(f.held & (1<<extra - 1))
		if !f.drop(extra) || i+repeat > n {
			return false
		}
		for range repeat {
			f.lengths[i] = length
			i++
		}
	}
	return true
}

// literalOf returns the entry of a literal, the end, or a length, without that of its code.
func literalOf(symbol int) (e entry, ok bool) {
	switch {
	case symbol < 256:
		return isLiteral | entry(symbol)<<16, true
	case symbol == 256:
		return isEnd, true
	case symbol < 265:
		return entry(symbol-254) << 16, true
	case symbol < 285:
		extra := (symbol - 261) / 4
		return entry(3+(4+(symbol-265)%4)<<extra)<<16 | entry(extra)<<8, true
	}
	return 258 << 16, symbol == 285
}

func distanceOf(symbol int) (e entry, ok bool) {
	if symbol < 4 {
		return entry(symbol+1) << 16, true
	}
	extra := symbol/2 - 1
	return entry(1+(2+symbol%2)<<extra)<<16 | entry(extra)<<8, symbol < 30
}

func codeLengthOf(symbol int) (e entry, ok bool) { return entry(symbol) << 16, true }

// build makes a table of codes with these lengths, which must be complete; there can also
// be no code, or one of a single bit.
func build(table []entry, lengths []uint8, index uint, of func(symbol int) (entry, bool)) bool {
	var counts, next [longestCode + 1]int
	for _, n := range lengths {
		counts[n]++
	}
	counts[0] = 0
	code := 0
	for n := 1; n <= longestCode; n++ {
		code = (code + counts[n-1]) << 1
		next[n] = code
	}
	table = table[:cap(table)]
	clear(table[:1<<index])
	all := code + counts[longestCode]
	if all == 0 {
		return true
	}
	if all != 1<<longestCode && (all != 1<<(longestCode-1) || counts[1] != 1) {
		return false
	}
	used := 1 << index
	for symbol, n := range lengths {
		if n == 0 {
			continue
		}
		e, ok := of(symbol)
		code := int(bits.Reverse16(uint16(next[n])) >> (16 - n))
		next[n]++
		if !ok {
			continue // it is no code, and an error if it is met
		}
		if used, ok = put(table, used, index, code, uint(n), e); !ok {
			return false
		}
	}
	return true
}

// put puts an entry wherever the table's index begins with a code of n bits. It returns
// how much of the table is used.
func put(table []entry, used int, index uint, code int, n uint, e entry) (int, bool) {
	if n <= index {
		for i := code; i < 1<<index; i += 1 << n {
			table[i] = e | entry(n)
		}
		return used, true
	}
	first, size := &table[code&(1<<index-1)], 1<<(longestCode-index)
	if *first == 0 {
		if used+size > len(table) {
			return used, false
		}
		*first = isSecond | entry(used)<<16 | entry(index)
		clear(table[used:][:size])
		used += size
	}
	second := table[first.value():][:size]
	for i := code >> index; i < size; i += 1 << (n - index) {
		second[i] = e | entry(n-index)
	}
	return used, true
}

// longestStep is what one step of block writes at most: a match, or three literals.
const longestStep = 258

// block inflates what the tables are for, up to the end of the block.
func (f *inflater) block() bool {
	out, end := f.out[:cap(f.out)], len(f.out)
	in, at, held, n := f.in, f.at, f.held, int(f.n) // n is negative after the end
	for n >= 0 {
		if at+8 <= len(in) { // as refill does
			held |= binary.LittleEndian.Uint64(in[at:]) << uint(n&63)
			at += (63 - n) >> 3
			n |= 56
		} else {
			for ; n < 56 && at < len(in); at++ {
				held |= uint64(in[at]) << uint(n)
				n += 8
			}
		}
		if end+longestStep > len(out) {
			if end > f.most {
				return false
			}
			out = slices.Grow(out[:end], longestStep+min(end, f.most-end))
			out = out[:cap(out)]
		}
		e := f.literals[held&(1<<literalBits-1)]
		if e&isLiteral != 0 { // 56 bits have three of them
			for i := 0; i < 3 && e&isLiteral != 0; i++ {
				out[end] = byte(e >> 16)
				end++
				held, n = held>>(e.length()&63), n-int(e.length())
				e = f.literals[held&(1<<literalBits-1)]
			}
			continue
		}
		if e&isSecond != 0 {
			held, n = held>>literalBits, n-literalBits
			e = f.literals[e.value()+int(held&(1<<(longestCode-literalBits)-1))]
		}
		held, n = held>>(e.length()&63), n-int(e.length())
		if e&isEnd != 0 && n >= 0 && end <= f.most {
			f.out, f.at, f.held, f.n = out[:end], at, held, uint(n)
			return true
		}
		if e&isLiteral != 0 {
			out[end] = byte(e >> 16)
			end++
			continue
		}
		length := e.value() + int(held&(1<<e.extra()-1))
		held, n = held>>e.extra(), n-int(e.extra())
		d := f.distances[held&(1<<distanceBits-1)]
		if d&isSecond != 0 {
			held, n = held>>distanceBits, n-distanceBits
			d = f.distances[d.value()+int(held&(1<<(longestCode-distanceBits)-1))]
		}
		held, n = held>>(d.length()&63), n-int(d.length())
		distance := d.value() + int(held&(1<<d.extra()-1))
		held, n = held>>d.extra(), n-int(d.extra())
		if e.length() == 0 || d.length() == 0 || e&isEnd != 0 || distance > end-f.start {
			return false
		}
		end = repeat(out, end, distance, length)
	}
	return false
}

// repeat appends so many bytes of those at a distance, which may be among them.
func repeat(out []byte, end, distance, length int) int {
	for length > 0 {
		n := copy(out[end:end+length], out[end-distance:end])
		end, length, distance = end+n, length-n, distance+n
	}
	return end
}
