package zipped

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"slices"

	"example.com/gitlabci/internal/cause"
)

const (
	// maxDirectory is how much of an archive is read as its directory, which is
	// held in memory: that of 100,000 files has some 12 MiB.
	maxDirectory = 32 << 20

	// maxMembers is how many files and folders an archive may have.
	maxMembers = 1 << 19
)

const (
	endLen     = 22       // the end record of the directory, without a comment
	end64Len   = 56       // the end record of zip64, which comes before that
	place64Len = 20       // what says where that is, between the two
	endMost    = 65 << 10 // where the end record is looked for

	endMagic     = "PK\x05\x06"
	end64Magic   = "PK\x06\x06"
	place64Magic = "PK\x06\x07"
)

// A record is one of a directory's, whose numbers it reads.
type record []byte

func (r record) short(at int) uint16 { return binary.LittleEndian.Uint16(r[at:]) }
func (r record) long(at int) uint32  { return binary.LittleEndian.Uint32(r[at:]) }
func (r record) huge(at int) uint64  { return binary.LittleEndian.Uint64(r[at:]) }

func (r record) is(magic string) bool { return len(r) >= len(magic) && string(r[:len(magic)]) == magic }

// A directory reads an archive's directory from what is held of the archive's end, and
// lets what is missing be fetched. It accepts the same archives as archive/zip, with the
// same result.
type directory struct {
	ctx    context.Context
	source Source
	tail   block
	more   block // before the tail
	err    error // of the source
}

// An ending is what the end records say of a directory.
type ending struct {
	at      int64 // of the first of the records
	entries uint64
	size    uint64
	start   uint64 // from where the archive begins, which need not be where the file does
}

// members reads the directory. There are as many entries as there are: their number
// is only compared, as far as all writers agree on it.
func (d *directory) members() (all []*member, err error) {
	e, err := d.ending()
	if err != nil {
		return nil, err
	}
	base, err := d.base(e)
	if err != nil {
		return nil, err
	}
	start := base + int64(e.start)
	r, list := entryReader{src: d.from(start)}, newMemberList(e, d.source.Size()-start)
	for {
		if err := checkContext(d.ctx, list.count()); err != nil {
			return nil, err
		}
		m := list.add()
		name, err := r.next(m)
		if err == errFormat || err == io.ErrUnexpectedEOF {
			all := list.finish()
			if uint16(len(all)) != uint16(e.entries) {
				return nil, err
			}
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		if list.count() == maxMembers {
			return nil, fmt.Errorf("it has more than %d entries", maxMembers)
		}
		m.start += base
		list.keep(name)
	}
}

// namesKept is how many bytes of names become one text. A caller that keeps one name keeps
// all of that text.
const namesKept = 16 << 10

// A memberList takes the members of an archive as they are read. They, and their names,
// are in few pieces of memory: each piece has an overhead, and there may be hundreds of
// thousands of members.
type memberList struct {
	all   []*member // without the one that was added last
	free  []member  // room for those to come
	names []byte    // of the last of all, which have no name yet
	ends  []int     // of those names
}

// newMemberList has room for as many members as a directory of at most that size can have,
// and says that it has.
func newMemberList(e *ending, size int64) *memberList {
	n := min(e.entries, uint64(size)/entryHeader, maxMembers) + 1 // and the one that is not there
	return &memberList{all: make([]*member, 0, n), free: make([]member, n)}
}

func (l *memberList) count() int { return len(l.all) }

// add returns a new member. It is not in the list before keep, and forgotten without it.
func (l *memberList) add() *member {
	if len(l.free) == 0 { // the archive says less than it has
		l.free = make([]member, 1+len(l.all)/4)
	}
	l.free[0] = member{}
	return &l.free[0]
}

// keep puts the new member into the list.
func (l *memberList) keep(name []byte) {
	l.all = append(l.all, &l.free[0])
	l.free = l.free[1:]
	l.names = append(l.names, name...)
	l.ends = append(l.ends, len(l.names))
	if len(l.names) >= namesKept {
		l.name()
	}
}

// name gives their names to the members that have none.
func (l *memberList) name() {
	text, start := string(l.names), 0
	for i, m := range l.all[len(l.all)-len(l.ends):] {
		m.name = text[start:l.ends[i]]
		start = l.ends[i]
	}
	l.names, l.ends = l.names[:0], l.ends[:0]
}

// finish returns the members.
func (l *memberList) finish() []*member {
	l.name()
	return l.all
}

// checkContext returns the error of a context that has ended, every now and then: an archive may
// have so many members that each loop over them takes a while.
func checkContext(ctx context.Context, i int) error {
	if i%1024 != 0 {
		return nil
	}
	return cause.Of(ctx)
}

// An entryReader reads one entry of a directory after the other.
type entryReader struct {
	src    io.Reader
	header [entryHeader]byte
	text   []byte
}

// next reads the next entry into m, and returns its name, which is valid until the next
// call. The error is errFormat if there is none.
func (r *entryReader) next(m *member) (name []byte, err error) {
	if _, err := io.ReadFull(r.src, r.header[:]); err != nil {
		return nil, err
	}
	header := record(r.header[:])
	if !header.is(entryMagic) {
		return nil, errFormat
	}
	named, extra, comment := int(header.short(28)), int(header.short(30)), int(header.short(32))
	size := named + extra + comment
	r.text = slices.Grow(r.text[:0], size)[:size]
	if _, err := io.ReadFull(r.src, r.text); err != nil {
		return nil, err
	}
	return r.text[:named], m.read(header, r.text[:named], r.text[named:named+extra])
}

// ending finds the end record, the last one whose comment fits, and reads it.
func (d *directory) ending() (*ending, error) {
	data := make([]byte, min(d.source.Size(), endMost))
	at := d.source.Size() - int64(len(data))
	if _, err := d.ReadAt(data, at); err != nil && err != io.EOF {
		return nil, err
	}
	i := bytes.LastIndex(data[:max(0, len(data)-endLen+len(endMagic))], []byte(endMagic))
	if i < 0 {
		return nil, errFormat
	}
	found := record(data[i:])
	if endLen+int(found.short(20)) > len(found) {
		return nil, errFormat
	}
	e := &ending{
		at:      at + int64(i),
		entries: uint64(found.short(10)),
		size:    uint64(found.long(12)),
		start:   uint64(found.long(16)),
	}
	const small = math.MaxUint16 // for the size too: so archive/zip decides
	if e.entries == small || e.size == small || e.start == math.MaxUint32 {
		if err := d.ending64(e); err != nil {
			return nil, err
		}
	}
	if e.size > math.MaxInt64 || e.start > math.MaxInt64 {
		return nil, errFormat
	}
	return e, nil
}

// ending64 reads the end record of zip64, if there is one.
func (d *directory) ending64(e *ending) error {
	at := e.at - place64Len
	if at < 0 {
		return nil
	}
	place := make(record, place64Len)
	if _, err := d.ReadAt(place, at); err != nil {
		return err
	}
	at = int64(place.huge(8))
	if disk, disks := place.long(4), place.long(16); !place.is(place64Magic) || disk != 0 || disks != 1 || at < 0 {
		return nil
	}
	end := make(record, end64Len)
	if _, err := d.ReadAt(end, at); err != nil {
		return err
	}
	if !end.is(end64Magic) {
		return errFormat
	}
	*e = ending{at, end.huge(32), end.huge(40), end.huge(48)}
	if e.entries > maxMembers {
		return fmt.Errorf("it announces more than %d entries", maxMembers)
	}
	return nil
}

// base is where the archive begins: after other data, perhaps, so that the directory
// ends where its end record begins. If there is an entry where the directory would be
// without other data, the record is wrong about its size.
func (d *directory) base(e *ending) (int64, error) {
	base := e.at - int64(e.size) - int64(e.start)
	if at := base + int64(e.start); at < 0 || at >= d.source.Size() {
		return 0, errFormat
	}
	if base > 0 {
		probe := entryReader{src: d.from(int64(e.start))}
		if _, err := probe.next(&member{}); err == nil {
			return 0, nil
		}
	}
	return base, nil
}

// from reads what is from at to the end of the archive.
func (d *directory) from(at int64) io.Reader {
	return io.NewSectionReader(d, at, d.source.Size()-at)
}

// ReadAt reads what is held, or lets it be fetched first.
func (d *directory) ReadAt(p []byte, at int64) (n int, err error) {
	if at < 0 || at > d.tail.end() {
		return 0, errFormat
	}
	if at < d.tail.at {
		if err := d.fetch(at); err != nil {
			return 0, err
		}
		n = copy(p, d.more.data[at-d.more.at:])
		at += int64(n)
	}
	if at >= d.tail.at {
		n += copy(p[n:], d.tail.data[at-d.tail.at:])
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// fetch gets what lies from at to the tail, unless it is held.
func (d *directory) fetch(at int64) error {
	if d.more.data != nil && d.more.at <= at {
		return nil
	}
	if d.tail.at-at > maxDirectory {
		return fmt.Errorf("its directory has more than %d MiB", maxDirectory>>20)
	}
	data, err := d.source.Before(d.ctx, at, d.tail.data)
	if err != nil {
		d.err = err
		return err
	}
	d.more = block{at, data}
	return nil
}

// End looks for the end record in the last bytes of an archive of that size. It
// returns where the directory begins, whether there is an end record, and whether
// the directory ends exactly where that record begins.
func End(last []byte, size int64) (directory int64, found, fits bool) {
	for i := len(last) - endLen; i >= 0; i-- {
		end := record(last[i:])
		if !end.is(endMagic) || endLen+int(end.short(20)) != len(end) {
			continue
		}
		found = true
		length, at, until := uint64(end.long(12)), uint64(end.long(16)), uint64(size)-uint64(len(end))
		if j := i - place64Len - end64Len; j >= 0 && record(last[j:]).is(end64Magic) && record(last[i-place64Len:]).is(place64Magic) {
			length, at = record(last[j:]).huge(40), record(last[j:]).huge(48)
			until -= place64Len + end64Len
		}
		if at <= until && length == until-at {
			return int64(at), true, true
		}
	}
	return 0, found, false
}
