package zipped

import (
	"compress/flate"
	"fmt"
	"hash/crc32"
	"io"
	"sync"
)

// A feed reads members off a part of an archive, one after the other. It is
// not read beyond the part that it is open for.
type feed struct {
	src        io.Reader
	at         int64 // in the archive, of the first byte in buf
	buf        []byte
	r, open, w int   // what was read, what may be read, what there is
	left       int64 // what may be read beyond what there is
}

func newFeed(src io.Reader, at int64, buf []byte) *feed {
	return &feed{src: src, at: at, buf: buf}
}

func (f *feed) pos() int64 { return f.at + int64(f.r) }

// allow opens the feed for n bytes from here on.
func (f *feed) allow(n int64) {
	f.open, f.left = f.r, n
	f.widen()
}

func (f *feed) widen() {
	n := min(int64(f.w-f.open), f.left)
	f.open += int(n)
	f.left -= n
}

// fill gets more when all that there is has been read.
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

// ReadByte lets flate read no more than it needs.
func (f *feed) ReadByte() (byte, error) {
	for f.r == f.open {
		if err := f.fill(); err != nil {
			return 0, err
		}
	}
	b := f.buf[f.r]
	f.r++
	return b, nil
}

func (f *feed) skip(n int64) error {
	f.allow(n)
	for f.left > 0 || f.r < f.open {
		if f.r = f.open; f.left > 0 {
			if err := f.fill(); err != nil {
				return err
			}
		}
	}
	return nil
}

// enter goes to a member, which is not before this place, and opens the feed
// for its data.
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

var inflaters = sync.Pool{New: func() any { return flate.NewReader(nil) }}

// An unpacker reads what a member unpacks to, and checks it against what the
// directory tells of it.
type unpacker struct {
	member  *member
	src     io.Reader
	inflate io.ReadCloser // from the pool, or nil
	sum     uint32
	done    int64
	err     error
}

// start unpacks another member. The feed is at it, or before it.
func (u *unpacker) start(f *feed, m *member) error {
	u.member, u.src, u.sum, u.done, u.err = m, f, 0, 0, nil
	if u.err = m.problem(); u.err != nil {
		return u.err
	}
	if u.err = f.enter(m); u.err != nil || m.method == stored {
		return u.err
	}
	if u.inflate == nil {
		u.inflate = inflaters.Get().(io.ReadCloser)
	}
	u.src = u.inflate
	u.err = u.inflate.(flate.Resetter).Reset(f, nil)
	return u.err
}

func (u *unpacker) Read(p []byte) (int, error) {
	if u.err != nil {
		return 0, u.err
	}
	n, err := u.src.Read(p)
	u.done += int64(n)
	if u.done > u.member.size {
		u.err = fmt.Errorf("it unpacks to more than the %d bytes that the directory tells: %w", u.member.size, errFormat)
		return 0, u.err
	}
	u.sum = crc32.Update(u.sum, crc32.IEEETable, p[:n])
	if u.done == u.member.size && n > 0 && err == nil {
		err = u.finish()
	}
	if u.err = err; err == io.EOF {
		u.err = u.check()
	}
	switch {
	case u.err == io.EOF && n > 0:
		return n, nil
	case u.err != nil:
		return 0, u.err // io.ReadFull does not look at the error once it has all bytes
	}
	return n, nil
}

// finish looks for the end of a member whose bytes have all been read: whoever
// knows its size may not read on, and must not be handed bytes that are wrong.
func (u *unpacker) finish() error {
	var more [1]byte
	n, err := io.ReadFull(u.src, more[:])
	if n > 0 {
		return fmt.Errorf("it unpacks to more than the %d bytes that the directory tells: %w", u.member.size, errFormat)
	}
	return err
}

// check is what becomes of a member at its end.
func (u *unpacker) check() error {
	switch {
	case u.done < u.member.size:
		return fmt.Errorf("it unpacks to %d bytes, and the directory tells %d: %w", u.done, u.member.size, io.ErrUnexpectedEOF)
	case u.sum != u.member.crc:
		return errChecksum
	}
	return io.EOF
}

// release gives back what is shared.
func (u *unpacker) release() {
	if u.inflate != nil {
		inflaters.Put(u.inflate)
		u.inflate = nil
	}
}
