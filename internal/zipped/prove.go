package zipped

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"example.com/gitlabci/internal/cause"
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
		return cmp.Or(cause.Of(ctx), ErrUnproven)
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
		if m.has(withDescriptor) {
			room = descriptorMost
		}
	}
	if begin-f.pos() > room {
		return ErrUnproven
	}
	return nil
}

// repeatsHeaders reports whether the headers and descriptors of all members repeat what
// the directory says, which begins at begin. No checksum covers them. In archives of more
// than 4 GiB, the numbers are elsewhere, and the result is false.
func repeatsHeaders(file io.ReaderAt, begin, size int64) bool {
	directory := make(record, min(size-begin, maxDirectory))
	if _, err := file.ReadAt(directory, begin); err != nil {
		return false
	}
	for directory.is(entryMagic) && len(directory) >= entryHeader {
		named, extra := int(directory.short(28)), int(directory.short(30))
		next := entryHeader + named + extra + int(directory.short(32))
		if next > len(directory) {
			return false
		}
		at := int64(directory.long(42))
		local := make(record, localHeader+named+extra)
		if _, err := file.ReadAt(local, at); err != nil || !repeatsHeader(local, directory) {
			return false
		}
		after := make(record, 16) // a descriptor
		behind := at + int64(len(local)) + int64(directory.long(20))
		if _, err := file.ReadAt(after, behind); directory.short(8)&hasDescriptor != 0 &&
			(err != nil || !after.is(descriptorMagic) || !bytes.Equal(after[4:], directory[16:28])) {
			return false
		}
		directory = directory[next:]
	}
	return true
}

// repeatsHeader compares a member's own header with that in the directory: flags,
// method, time, lengths, name and extra fields, and the CRC and sizes unless those
// follow the member.
func repeatsHeader(local, directory record) bool {
	sizes := local[14:26]
	told := bytes.Equal(sizes, directory[16:28])
	if directory.short(8)&hasDescriptor != 0 {
		told = told || bytes.Equal(sizes, make([]byte, len(sizes)))
	}
	return told && bytes.Equal(local[6:14], directory[8:16]) && bytes.Equal(local[26:30], directory[28:32]) &&
		bytes.Equal(local[localHeader:], directory[entryHeader:entryHeader+len(local)-localHeader])
}

const (
	hasDescriptor  = 1 << 3 // a flag: a record after the member repeats its sizes and CRC
	descriptorMost = 24     // bytes of that record
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
			return cause.Of(ctx)
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

// A local archive is in a file, which the caller closes.
type local struct {
	io.ReaderAt
	size int64
}

// localTail is how much of its end is read first.
const localTail = 256 << 10

func (l local) tail() ([]byte, error) {
	at := max(0, l.size-localTail)
	return l.read(at, l.size)
}

func (l local) read(first, end int64) ([]byte, error) {
	data := make([]byte, end-first)
	if _, err := l.ReadAt(data, first); err != nil && err != io.EOF {
		return nil, err
	}
	return data, nil
}

func (l local) Section(_ context.Context, first, end int64) io.ReadCloser {
	return io.NopCloser(io.NewSectionReader(l, first, end-first))
}

func (l local) Before(_ context.Context, at int64, tail []byte) ([]byte, error) {
	return l.read(at, l.size-int64(len(tail)))
}

func (l local) Size() int64                { return l.size }
func (l local) Label() (from, name string) { return "", "" }
func (l local) Close() error               { return nil }
