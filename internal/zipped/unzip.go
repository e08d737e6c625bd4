package zipped

import (
	"bytes"
	"cmp"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
	"sync"

	"example.com/gitlabci/internal/inflate"
)

// memberBuffer is how much of a member is read at a time.
const memberBuffer = 64 << 10

// A feed reads members from a part of an archive, one after the other, and never beyond
// the bytes that it is allowed.
type feed struct {
	src        io.Reader
	at         int64 // in the archive, of the first byte in buf
	buf        []byte
	r, open, w int   // in buf: up to r is consumed, up to open allowed, up to w filled
	left       int64 // how many bytes are allowed that are not in buf yet
}

func newFeed(src io.Reader, at int64, buf []byte) *feed {
	return &feed{src: src, at: at, buf: buf}
}

func (f *feed) pos() int64 { return f.at + int64(f.r) }

// allow allows n bytes from here on.
func (f *feed) allow(n int64) {
	f.open, f.left = f.r, n
	f.widen()
}

func (f *feed) widen() {
	n := min(int64(f.w-f.open), f.left)
	f.open += int(n)
	f.left -= n
}

// fill reads more when all of buf is consumed.
func (f *feed) fill() error {
	if f.left == 0 {
		return io.EOF
	}
	f.at += int64(f.w)
	f.r, f.open, f.w = 0, 0, 0
	n, err := f.src.Read(f.buf)
	f.w = n
	f.widen()
	if n > 0 {
		return nil
	}
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

func (f *feed) Read(p []byte) (int, error) {
	if f.r == f.open {
		if err := f.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(p, f.buf[f.r:f.open])
	f.r += n
	return n, nil
}

func (f *feed) skip(n int64) error {
	f.allow(n)
	for f.left > 0 || f.r < f.open {
		f.r = f.open
		if f.left > 0 {
			if err := f.fill(); err != nil {
				return err
			}
		}
	}
	return nil
}

// enter skips to a member, which must not begin before this position, and allows its
// data.
func (f *feed) enter(m *member) error {
	if m.start < f.pos() {
		return fmt.Errorf("it overlaps what is before it: %w", errFormat)
	}
	if err := f.skip(m.start - f.pos()); err != nil {
		return err
	}
	header := make(record, localHeader)
	f.allow(localHeader)
	if _, err := io.ReadFull(f, header); err != nil {
		return err
	}
	if !header.is(localMagic) {
		return fmt.Errorf("it is not where the directory says: %w", errFormat)
	}
	more := int64(header.short(26)) + int64(header.short(28))
	if f.pos()+more+m.packed > m.next {
		return fmt.Errorf("it overlaps what follows it: %w", errFormat)
	}
	if err := f.skip(more); err != nil {
		return err
	}
	f.allow(m.packed)
	return nil
}

var inflaters = sync.Pool{New: func() any { return inflate.NewReader(nil) }}

// A member of at most so many bytes is inflated in one go.
const (
	mostPacked = 128 << 10
	mostPlain  = 512 << 10
)

// A whole is a small member in memory.
type whole struct {
	packed, plain []byte
	bytes.Reader  // of plain
}

var wholes = sync.Pool{New: func() any { return new(whole) }}

// An unpacker reads the content of a member, and checks its size and its CRC against the
// directory.
type unpacker struct {
	member  *member
	src     io.Reader
	inflate *inflate.Reader // from the pool, or nil
	whole   *whole          // the same
	sum     uint32
	done    int64
	err     error
}

// start begins another member. The feed is at its beginning, or before.
func (u *unpacker) start(f *feed, m *member) error {
	u.member, u.src, u.sum, u.done, u.err = m, f, 0, 0, nil
	u.err = m.problem()
	if u.err != nil {
		return u.err
	}
	u.err = f.enter(m)
	if u.err != nil || m.method == stored {
		return u.err
	}
	if m.packed <= mostPacked && m.size <= mostPlain {
		u.inOneGo(f)
	} else {
		u.asRead(f)
	}
	return u.err
}

// inOneGo inflates a small member, which needs no window beside it. If that fails, the
// member is inflated as it is read, which finds what is wrong, and where.
func (u *unpacker) inOneGo(f *feed) {
	if u.whole == nil {
		u.whole = wholes.Get().(*whole)
	}
	w := u.whole
	w.packed = slices.Grow(w.packed[:0], int(u.member.packed))[:u.member.packed]
	n, err := io.ReadFull(f, w.packed)
	if err == nil {
		if plain, ok := inflate.Deflated(w.plain[:0], w.packed, int(u.member.size)); ok {
			w.plain = plain
			w.Reset(plain)
			u.src = w
			return
		}
	}
	u.asRead(io.MultiReader(bytes.NewReader(w.packed[:n]), broken{err}))
}

// asRead inflates a member as it is read.
func (u *unpacker) asRead(packed io.Reader) {
	if u.inflate == nil {
		u.inflate = inflaters.Get().(*inflate.Reader)
	}
	u.inflate.Reset(packed)
	u.src = u.inflate
}

// A broken reader is at its end, or fails if there is an error.
type broken struct{ err error }

func (b broken) Read([]byte) (int, error) { return 0, cmp.Or(b.err, io.EOF) }

func (u *unpacker) Read(p []byte) (int, error) {
	if u.err != nil {
		return 0, u.err
	}
	n, err := u.src.Read(p)
	u.done += int64(n)
	if u.done > u.member.size {
		u.err = fmt.Errorf("it unpacks to more than the %d bytes that the directory states: %w", u.member.size, errFormat)
		return 0, u.err
	}
	u.sum = crc32.Update(u.sum, crc32.IEEETable, p[:n])
	if u.done == u.member.size && n > 0 && err == nil {
		err = u.finish()
	}
	u.err = err
	if err == io.EOF {
		u.err = u.check()
	}
	switch {
	case u.err == io.EOF && n > 0:
		return n, nil
	case u.err != nil:
		return 0, u.err // without bytes: io.ReadFull ignores an error once it has all of them
	}
	return n, nil
}

// finish looks for the end of a member as soon as all of its bytes are read: a caller who
// knows the size may stop there, and must not get bytes that are wrong.
func (u *unpacker) finish() error {
	var more [1]byte
	n, err := io.ReadFull(u.src, more[:])
	if n > 0 {
		return fmt.Errorf("it unpacks to more than the %d bytes that the directory states: %w", u.member.size, errFormat)
	}
	return err
}

// check returns io.EOF at the end of a member, or what is wrong with it.
func (u *unpacker) check() error {
	switch {
	case u.done < u.member.size:
		return fmt.Errorf("it unpacks to %d bytes, and the directory states %d: %w", u.done, u.member.size, io.ErrUnexpectedEOF)
	case u.sum != u.member.crc:
		return errChecksum
	}
	return io.EOF
}

// release returns what is from the pools.
func (u *unpacker) release() {
	if u.whole != nil {
		wholes.Put(u.whole)
		u.whole = nil
	}
	if u.inflate != nil {
		u.inflate.Reset(nil)
		inflaters.Put(u.inflate)
		u.inflate = nil
	}
}
