package inflate

import "encoding/binary"

// A window is what was read from the data and not used. As a value it stays in
// registers, which is why steps does not work on the inflater's own.
type window struct {
	held uint64 // the next bit lowest
	n    uint   // how many bits
	at   int    // in the data
}

// refill holds at least 56 bits. There must be eight more bytes.
func (w window) refill(in []byte) window {
	w.held |= binary.LittleEndian.Uint64(in[w.at:]) << (w.n & 63)
	w.at += int((63 - w.n) >> 3)
	w.n |= 56
	return w
}

// drop drops the code of an entry.
func (w window) drop(e entry) window {
	return window{w.held >> e.length(), w.n - e.length(), w.at}
}

// dropExtra drops the bits that follow the code.
func (w window) dropExtra(e entry) window {
	return window{w.held >> e.extra(), w.n - e.extra(), w.at}
}

// valueOf is the value of an entry with the bits that follow its code.
func (w window) valueOf(e entry) int { return e.value() + int(w.held&(1<<e.extra()-1)) }

// literal looks up the entry of the next code.
func (w window) literal(f *inflater) entry { return f.literals[w.held&(1<<literalBits-1)] }

// distance looks up the entry of the next code as one of a distance.
func (w window) distance(f *inflater) entry { return f.distances[w.held&(1<<distanceBits-1)] }

// rest looks up the rest of a code that is longer than the index of the table.
func (w window) rest(f *inflater, e entry) (entry, window) {
	w = w.drop(e)
	return f.literals[e.value()+int(w.held&(1<<(longestCode-literalBits)-1))], w
}

// restOfDistance does the same for a distance.
func (w window) restOfDistance(f *inflater, e entry) (entry, window) {
	w = w.drop(e)
	return f.distances[e.value()+int(w.held&(1<<(longestCode-distanceBits)-1))], w
}

// put appends one or two literals, for which there must be room. It returns the new end.
func put(out []byte, end int, e entry) int {
	binary.LittleEndian.PutUint16(out[end:], uint16(e.value()))
	return end + 1 + int(e.extra())
}

// block inflates what the tables are for, up to the end of the block.
func (f *inflater) block() status {
	for {
		if s := f.steps(); s != more {
			return s
		}
		if s := f.step(); s != more {
			return s
		}
	}
}

// steps inflates while there is so much data and so much room that no step has to check
// them: 16 bytes, which are read at most, and the longest step.
func (f *inflater) steps() status {
	in, out, end, w := f.in, f.out[:cap(f.out)], len(f.out), window{f.held, f.n, f.at}
	for limit := min(len(out)-longestStep, f.most); w.at+16 <= len(in) && end <= limit; {
		w = w.refill(in)
		e := w.literal(f)
		if e&isLiteral != 0 {
			end, w = put(out, end, e), w.drop(e)
			if e = w.literal(f); e&isLiteral != 0 {
				end, w = put(out, end, e), w.drop(e)
				e = w.literal(f)
			}
			w = w.refill(in) // a match has up to 48 bits
		}
		if e&isSecond != 0 {
			e, w = w.rest(f, e)
		}
		w = w.drop(e)
		if e&isLiteral != 0 {
			end = put(out, end, e)
			continue
		}
		length := w.valueOf(e)
		if e&isEnd != 0 {
			return f.leave(out[:end], w, done)
		}
		w = w.dropExtra(e)
		d := w.distance(f)
		if d&isSecond != 0 {
			d, w = w.restOfDistance(f, d)
		}
		w = w.drop(d)
		distance := w.valueOf(d)
		w = w.dropExtra(d)
		if length == 0 || uint(distance-1) >= uint(end-f.start) { // one that is no code is 0
			return f.leave(out[:end], w, broken)
		}
		end = repeat(out, end, distance, length)
	}
	return f.leave(out[:end], w, more)
}

func (f *inflater) leave(out []byte, w window, s status) status {
	f.out, f.held, f.n, f.at = out, w.held, w.n, w.at
	return s
}

// repeat appends so many bytes of those at a distance, which may be among them. It copies
// 32 bytes in one step if they are few, which is faster than to copy exactly those.
func repeat(out []byte, end, distance, length int) int {
	if length <= 32 && distance >= 16 {
		from, to := (*[32]byte)(out[end-distance:]), (*[32]byte)(out[end:])
		*(*[16]byte)(to[:16]) = [16]byte(from[:16])
		*(*[16]byte)(to[16:]) = [16]byte(from[16:])
		return end + length
	}
	for length > 0 {
		n := copy(out[end:end+length], out[end-distance:end])
		end, length, distance = end+n, length-n, distance+n
	}
	return end
}

// step inflates what one code stands for, unless the data ends within that: then nothing has
// happened.
func (f *inflater) step() status {
	if len(f.out) > f.most || cap(f.out)-len(f.out) < longestStep {
		return full
	}
	f.refill()
	w := window{f.held, f.n, f.at}
	e := w.literal(f)
	if e&isSecond != 0 {
		e, w = w.rest(f, e)
	}
	w = w.drop(e)
	length, distance := w.valueOf(e), 0
	if e&(isLiteral|isEnd) == 0 && length > 0 {
		w = w.dropExtra(e)
		d := w.distance(f)
		if d&isSecond != 0 {
			d, w = w.restOfDistance(f, d)
		}
		w = w.drop(d)
		distance, w = w.valueOf(d), w.dropExtra(d)
	}
	s := more
	switch known := int(w.n) >= 0; { // what is missing counts as zeros
	case known && e&isLiteral != 0:
		f.out = f.out[:put(f.out[:cap(f.out)], len(f.out), e)]
	case known && e&isEnd != 0:
		s = done
	case !known, !f.final && distance == 0 && f.n < mostBits:
		return short
	case distance == 0 || distance > len(f.out)-f.start:
		return broken
	default:
		f.out = f.out[:repeat(f.out[:cap(f.out)], len(f.out), distance, length)]
	}
	return f.leave(f.out, w, s)
}

// mostBits is how many bits a match has: two codes, and what follows them.
const mostBits = 15 + 5 + 15 + 13
