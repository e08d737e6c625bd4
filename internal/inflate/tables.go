package inflate

import "math/bits"

const (
	literalBits  = 11 // that are looked up in one step
	distanceBits = 8
	codeBits     = 7
	longestCode  = 15

	mostLiterals  = 288
	mostDistances = 32
)

// An entry of a table says what a code stands for. Bits 0 to 3 are the length of the code,
// which is 0 if it is none, 8 to 12 how many bits follow it, and those from 16 on a byte,
// or the beginning of a range of lengths or distances. For codes that are longer than the
// index of the table, they are where the second table of these begins. One entry may stand
// for two literals: it then has the length of both codes, both bytes, the first one lower,
// and 1 in bit 8.
type entry uint32

const (
	isLiteral entry = 1 << 15 // a byte stands for itself
	isSecond  entry = 1 << 14
	isEnd     entry = 1 << 13 // of the block
)

func (e entry) length() uint { return uint(e & longestCode) }
func (e entry) extra() uint  { return uint(e>>8) & 0x1f }
func (e entry) value() int   { return int(e >> 16) }

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
	return build(f.literals[:], lengths[:mostLiterals], literalBits, literalEntries[:]) && f.pair() &&
		build(f.distances[:], lengths[mostLiterals:][:mostDistances], distanceBits, distanceEntries[:])
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
	if !build(f.codes[:], lengths[:], codeBits, lengthEntries[:]) || !f.codeLengths(literals+distances) {
		return false
	}
	return f.lengths[256] > 0 && build(f.literals[:], f.lengths[:literals], literalBits, literalEntries[:]) && f.pair() &&
		build(f.distances[:], f.lengths[literals:literals+distances], distanceBits, distanceEntries[:])
}

// codeLengths reads the lengths of so many codes.
func (f *inflater) codeLengths(n int) bool {
	for i := 0; i < n; {
		f.refill()
		e := f.codes[f.held&(1<<codeBits-1)]
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

// What the codes stand for, without their lengths. An entry that is 0 is of no code, and an
// error if it is met.
var (
	literalEntries = func() (table [mostLiterals]entry) {
		for symbol := range 256 {
			table[symbol] = isLiteral | entry(symbol)<<16
		}
		table[256] = isEnd
		for symbol := 257; symbol < 285; symbol++ {
			table[symbol] = entry(symbol-254) << 16
			if extra := (symbol - 261) / 4; extra > 0 {
				table[symbol] = entry(3+(4+(symbol-265)%4)<<extra)<<16 | entry(extra)<<8
			}
		}
		table[285] = 258 << 16
		return table
	}()
	distanceEntries = func() (table [mostDistances]entry) {
		for symbol := range 30 {
			table[symbol] = entry(symbol+1) << 16
			if extra := symbol/2 - 1; extra > 0 {
				table[symbol] = entry(1+(2+symbol%2)<<extra)<<16 | entry(extra)<<8
			}
		}
		return table
	}()
	lengthEntries = func() (table [19]entry) {
		for symbol := range table {
			table[symbol] = isLiteral | entry(symbol)<<16
		}
		return table
	}()
)

// build makes a table of codes with these lengths, which must be complete; there can also
// be no code, or one of a single bit.
func build(table []entry, lengths []uint8, index int, entries []entry) bool {
	var counts, first [longestCode + 2]int // of the symbols in order of their lengths
	for _, n := range lengths {
		counts[n]++
	}
	counts[0] = 0
	all := 0
	for n := 1; n <= longestCode; n++ {
		first[n+1] = first[n] + counts[n]
		all += counts[n] << (longestCode - n)
	}
	if all != 1<<longestCode && all != 0 && (all != 1<<(longestCode-1) || counts[1] != 1) {
		return false
	}
	var symbols [mostLiterals]uint16
	next := first
	for symbol, n := range lengths {
		if n > 0 {
			symbols[next[n]] = uint16(symbol)
			next[n]++
		}
	}
	return fill(table[:cap(table)], &counts, symbols[:first[longestCode+1]], index, entries)
}

// fill fills a table with codes of the symbols, which are in the order of their lengths.
// Where it is filled with all codes of up to n bits, it repeats itself after 1<<n entries.
func fill(table []entry, counts *[longestCode + 2]int, symbols []uint16, index int, entries []entry) bool {
	table[0] = 0
	code, used := uint16(0), 1<<index
	for n := 1; n <= longestCode; n++ {
		code <<= 1
		if n <= index {
			copy(table[1<<(n-1):1<<n], table[:1<<(n-1)])
		}
		for _, symbol := range symbols[:counts[n]] {
			reversed := int(bits.Reverse16(code) >> (16 - n))
			code++
			e := entries[symbol]
			switch {
			case n > index:
				var ok bool
				if used, ok = second(table, used, index, reversed, n, e); !ok {
					return false
				}
			case e != 0:
				table[reversed] = e | entry(n)
			}
		}
		symbols = symbols[counts[n]:]
	}
	return true
}

// second puts an entry into the second table of a code that is longer than the index, which
// is made if there is none yet. It returns how much of the whole table is used.
func second(table []entry, used, index, code, n int, e entry) (int, bool) {
	first, size := &table[code&(1<<index-1)], 1<<(longestCode-index)
	if *first == 0 {
		if used+size > len(table) {
			return used, false
		}
		*first = isSecond | entry(used)<<16 | entry(index)
		clear(table[used:][:size])
		used += size
	}
	if e == 0 {
		return used, true
	}
	rest := table[first.value():][:size]
	for i := code >> index; i < size; i += 1 << (n - index) {
		rest[i] = e | entry(n-index)
	}
	return used, true
}

// pair has entries stand for two literals where the index has the codes of both. The second
// one is looked up in a lower entry, which therefore still stands for one.
func (f *inflater) pair() bool {
	table := (*[1 << literalBits]entry)(f.literals[:])
	for i := len(table) - 1; i >= 0; i-- {
		e := table[i]
		if e&isLiteral == 0 {
			continue
		}
		next := table[i>>e.length()]
		if n := e.length() + next.length(); next&isLiteral != 0 && n <= literalBits {
			table[i] = isLiteral | entry(n) | 1<<8 | entry(e.value())<<16 | entry(next.value())<<24
		}
	}
	return true
}
