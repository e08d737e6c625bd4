package zipped

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
)

// ErrUnproven means that an archive cannot be checked.
var ErrUnproven = errors.New("nothing proves that it is one archive")

// Prove checks every byte of an archive in a file against its directory. The
// directory must be from one response, which began at seam, and there must be no gaps
// between the members. The error is ErrUnproven if the archive cannot be checked.
func Prove(ctx context.Context, file io.ReaderAt, size, seam int64) error {
	source := local{file, size}
	tail, err := source.tail()
	if err != nil {
		return err
	}
	begin, _, fits := End(tail, size)
	z := newIndex(source, tail)
	if !fits || begin < seam || z.read(ctx) != nil || !repeatsHeaders(file, begin, size) {
		return ErrUnproven
	}
	var u unpacker
	defer u.release()
	f := newFeed(io.NewSectionReader(file, 0, begin), 0, make([]byte, memberBuffer))
	room := int64(0) // how many bytes may be between two members
	for _, m := range slices.SortedFunc(slices.Values(z.members), byStart) {
		m.next = min(m.next, begin)
		if gap := m.start - f.pos(); m.problem() != nil || gap < 0 || gap > room {
			return ErrUnproven
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
		return ErrUnproven
	}
	return nil
}

// repeatsHeaders reports whether what stands before and after each member of an
// archive is what the directory, which begins at begin, says of it. Nothing else
// proves these bytes. An archive larger than 4 GiB says it elsewhere.
func repeatsHeaders(file io.ReaderAt, begin, size int64) bool {
	directory := make([]byte, min(size-begin, maxDirectory))
	if _, err := file.ReadAt(directory, begin); err != nil {
		return false
	}
	for bytes.HasPrefix(directory, []byte("PK\x01\x02")) && len(directory) >= directoryHeader {
		number := func(at int) int { return int(binary.LittleEndian.Uint16(directory[at:])) }
		named, extra := number(28), number(30)
		next := directoryHeader + named + extra + number(32)
		if next > len(directory) {
			return false
		}
		at := int64(binary.LittleEndian.Uint32(directory[42:]))
		local := make([]byte, localHeader+named+extra)
		if _, err := file.ReadAt(local, at); err != nil || !repeatsHeader(local, directory) {
			return false
		}
		after := make([]byte, 16) // a record with its own mark
		behind := at + int64(len(local)) + int64(binary.LittleEndian.Uint32(directory[20:]))
		if _, err := file.ReadAt(after, behind); number(8)&hasDescriptor != 0 &&
			(err != nil || !bytes.HasPrefix(after, []byte("PK\x07\x08")) || !bytes.Equal(after[4:], directory[16:28])) {
			return false
		}
		directory = directory[next:]
	}
	return true
}

// directoryHeader is how many bytes of the directory's header of a member come
// before its name.
const directoryHeader = 46

// repeatsHeader compares a member's own header with that in the directory: flags,
// method, time, lengths, name and extra fields, and the CRC and sizes unless those
// follow the member.
func repeatsHeader(local, directory []byte) bool {
	sizes := local[14:26]
	told := bytes.Equal(sizes, directory[16:28])
	if binary.LittleEndian.Uint16(directory[8:])&hasDescriptor != 0 {
		told = told || bytes.Equal(sizes, make([]byte, len(sizes)))
	}
	return told && bytes.Equal(local[6:14], directory[8:16]) && bytes.Equal(local[26:30], directory[28:32]) &&
		bytes.Equal(local[localHeader:], directory[directoryHeader:directoryHeader+len(local)-localHeader])
}

const (
	hasDescriptor  = 1 << 3 // a flag: a record after the member repeats its size and CRC
	descriptorMost = 24     // bytes
)

// prove reads a member to its end.
func (u *unpacker) prove(ctx context.Context, f *feed, m *member) error {
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
