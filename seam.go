package gitlabci

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
)

// proveJoined checks an archive whose parts were joined only by comparing bytes.
// The error is errUnproven if the archive cannot be checked; otherwise it says that
// the archive has changed.
func (m *mender) proveJoined(file *os.File) error {
	if m.seam == 0 {
		return nil
	}
	err := proveZip(m.ctx, &spool{file: file, size: m.read}, m.seam)
	if err == nil || err == errUnproven || m.ctx.Err() != nil {
		return err
	}
	return m.fail(m.changed("the parts before and after an interruption do not match: %w", err))
}

// proveZip checks every byte of an archive against its directory. The directory
// must be from one response, which began at seam, and there must be no gaps between
// the members.
func proveZip(ctx context.Context, sp *spool, seam int64) error {
	tail, err := sp.tail()
	if err != nil {
		return err
	}
	begin, _, fits := zipEnd(tail.data, sp.size)
	z := &zipArchive{source: sp, tail: tail}
	if !fits || begin < seam || z.index(ctx) != nil {
		return errUnproven
	}
	var u unpacker
	defer u.release()
	f := newFeed(io.NewSectionReader(sp.file, 0, begin), 0, make([]byte, memberBuffer))
	room := int64(0) // how many bytes may be between two members
	for _, m := range slices.SortedFunc(slices.Values(z.members), byStart) {
		m.next = min(m.next, begin)
		if gap := m.start - f.pos(); m.problem() != nil || gap < 0 || gap > room {
			return errUnproven
		}
		if err := u.prove(ctx, f, m); err != nil {
			return fmt.Errorf("%q: %w", m.name, err)
		}
		room = 0
		if m.flags&hasDescriptor != 0 {
			room = descriptorMost
		}
	}
	if begin-f.pos() > room {
		return errUnproven
	}
	return nil
}

const (
	hasDescriptor  = 1 << 3 // a flag: a record after the member repeats its size and CRC
	descriptorMost = 24     // bytes
)

// prove reads a member to its end.
func (u *unpacker) prove(ctx context.Context, f *feed, m *zipMember) error {
	if err := u.start(f, m); err != nil {
		return err
	}
	plain := make([]byte, memberBuffer)
	for {
		_, err := u.Read(plain)
		switch {
		case err == io.EOF:
			return f.drained()
		case err != nil:
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		}
	}
}

// drained reports whether a member's data was read to its last byte.
func (f *feed) drained() error {
	if f.left > 0 || f.r < f.open {
		return errors.New("there is more data after its end")
	}
	return nil
}
