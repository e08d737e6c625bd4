package inflate

import "math/bits"

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
