package zipped

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"math"
	"strings"
	"time"
)

const (
	localHeader = 30 // bytes before a member, and then its name and extra fields
	entryHeader = 46 // bytes of its entry in the directory, and then the same and a comment

	localMagic      = "PK\x03\x04"
	entryMagic      = "PK\x01\x02"
	descriptorMagic = "PK\x07\x08"

	stored   = 0 // methods of compression
	deflated = 8
)

// A member is an entry of an archive's directory. There may be hundreds of thousands: its
// fields are few, and in an order that leaves no gaps.
type member struct {
	name         string
	packed, size int64
	start        int64  // of its local header
	next         int64  // of what follows in the archive
	ticks        int64  // when it was modified, as NTFS counts
	stamp        uint32 // the date and time of the header, in the writer's time zone
	mode         fs.FileMode
	crc          uint32
	method       uint16
	traits       traits
}

// Traits are what is or is not so of a member.
type traits uint16

const (
	encrypted      traits = 1 << iota
	withDescriptor        // its sizes and CRC come after it, too
	withMode              // the archive has the mode
	withZone              // the archive has the time zone of modified, which is UTC
)

func (m *member) has(t traits) bool { return m.traits&t != 0 }

// A tick is what NTFS counts time in, from ticksBegin on.
const ticksOfSecond = 1e7

var ticksBegin = time.Date(1601, time.January, 1, 0, 0, 0, 0, time.UTC).Unix()

func ticksOf(at time.Time) int64 {
	return (at.Unix()-ticksBegin)*ticksOfSecond + int64(at.Nanosecond()/100)
}

func timeOf(ticks int64) time.Time {
	return time.Unix(ticksBegin+ticks/ticksOfSecond, ticks%ticksOfSecond*100)
}

// read reads an entry of the directory, except for its name: its header and its extra
// fields.
func (m *member) read(header record, name []byte, extra record) error {
	m.stamp = uint32(header.short(14))<<16 | uint32(header.short(12))
	m.method, m.crc = header.short(10), header.long(16)
	system, attributes := header.short(4)>>8, header.long(38)
	m.mode, m.traits = modeOf(name, system, attributes), traitsOf(header.short(8))
	if hasMode(system, attributes) {
		m.traits |= withMode
	}
	at := dosTime(header.short(14), header.short(12))
	if written := writtenAt(extra); !written.IsZero() {
		at = written
		m.traits |= withZone
	}
	m.ticks = ticksOf(at)
	return m.place(header.long(20), header.long(24), header.long(42), extra)
}

// traitsOf are the traits in the flags of an entry.
func traitsOf(flags uint16) (all traits) {
	if flags&(1|1<<6|1<<13) != 0 { // by three methods
		all |= encrypted
	}
	if flags&hasDescriptor != 0 {
		all |= withDescriptor
	}
	return all
}

// modified is when a member was written last, as the archive says it.
func (m *member) modified() time.Time { return timeOf(m.ticks).UTC() }

// place sets the sizes of a member and where it is. Numbers that are too large for a
// header are in an extra field. Without one, only the size may have the value that says
// so.
func (m *member) place(packed, size, start uint32, extra record) error {
	numbers := [...]uint64{uint64(size), uint64(packed), uint64(start)} // in the field's order
	elsewhere := func(n uint64) bool { return n == math.MaxUint32 }
	if data, found := zip64Field(extra); found {
		for i, n := range numbers {
			if !elsewhere(n) {
				continue
			}
			if len(data) < 8 {
				return errFormat
			}
			numbers[i], data = data.huge(0), data[8:]
		}
	} else if elsewhere(numbers[1]) || elsewhere(numbers[2]) {
		return errFormat
	}
	m.size, m.packed = int64(min(numbers[0], math.MaxInt64)), int64(min(numbers[1], math.MaxInt64))
	m.start = int64(numbers[2])
	return nil
}

// fields goes through the extra fields of an entry, as far as they are well-formed.
func fields(extra record) iter.Seq2[uint16, record] {
	return func(yield func(uint16, record) bool) {
		for len(extra) >= 4 {
			id, size := extra.short(0), int(extra.short(2))
			extra = extra[4:]
			if size > len(extra) || !yield(id, extra[:size]) {
				return
			}
			extra = extra[size:]
		}
	}
}

func zip64Field(extra record) (record, bool) {
	for id, data := range fields(extra) {
		if id == 1 {
			return data, true
		}
	}
	return nil, false
}

// writtenAt is when a file was written last, by the last extra field that says so, or
// zero. Those fields, unlike the header, have seconds and mean UTC.
func writtenAt(extra record) (at time.Time) {
	for id, data := range fields(extra) {
		switch {
		case id == 0x000a:
			if ticks, found := ntfsTime(data); found {
				at = ticks
			}
		case (id == 0x000d || id == 0x5855) && len(data) >= 8: // Unix
			at = time.Unix(int64(data.long(4)), 0)
		case id == 0x5455 && len(data) >= 5 && data[0]&1 != 0: // the extended timestamp
			at = time.Unix(int64(data.long(1)), 0)
		}
	}
	return at
}

// ntfsTime reads the field of NTFS, in which times are counted by 100 ns.
func ntfsTime(data record) (at time.Time, found bool) {
	if len(data) < 4 {
		return at, false
	}
	for id, times := range fields(data[4:]) {
		if id == 1 && len(times) == 24 {
			at, found = timeOf(int64(times.huge(0))), true
		}
	}
	return at, found
}

func dosTime(date, clock uint16) time.Time {
	return time.Date(1980+int(date>>9), time.Month(date>>5&0xf), int(date&0x1f),
		int(clock>>11), int(clock>>5&0x3f), int(clock&0x1f*2), 0, time.UTC)
}

// modeOf is the mode of a member that a program on such a system has written.
func modeOf(name []byte, system uint16, attributes uint32) (mode fs.FileMode) {
	switch system {
	case 3, 19: // Unix and macOS
		mode = unixMode(attributes >> 16)
	case 0, 11, 14: // FAT, NTFS and VFAT
		mode = 0o666
		if attributes&0x10 != 0 {
			mode = fs.ModeDir | 0o777
		}
		if attributes&1 != 0 { // read-only
			mode &^= 0o222
		}
	}
	if bytes.HasSuffix(name, []byte("/")) {
		mode |= fs.ModeDir
	}
	return mode
}

// hasMode reports whether there is a mode at all: many writers leave it at zero.
func hasMode(system uint16, attributes uint32) bool {
	switch system {
	case 3, 19:
		return attributes>>16 != 0
	case 0, 11, 14:
		return attributes != 0
	}
	return false
}

var (
	unixTypes = [16]fs.FileMode{
		0x1: fs.ModeNamedPipe,
		0x2: fs.ModeDevice | fs.ModeCharDevice,
		0x4: fs.ModeDir,
		0x6: fs.ModeDevice,
		0xa: fs.ModeSymlink,
		0xc: fs.ModeSocket,
	}
	unixBits = [...]fs.FileMode{fs.ModeSticky, fs.ModeSetgid, fs.ModeSetuid} // from bit 9 on
)

func unixMode(m uint32) fs.FileMode {
	mode := fs.FileMode(m&0o777) | unixTypes[m>>12&0xf]
	for i, bit := range unixBits {
		if m>>(9+i)&1 != 0 {
			mode |= bit
		}
	}
	return mode
}

func byStart(a, b *member) int { return cmp.Compare(a.start, b.start) }

// end returns where a member ends at the latest if its place is right. What is between
// that and the next one need not be read.
func (m *member) end() int64 {
	return min(m.next, m.start+localHeader+int64(len(m.name))+math.MaxUint16+m.packed)
}

// path is where a member goes below the folder of the extraction: "." for the folder
// itself. Many writers begin each name with "./".
func (m *member) path() string {
	name := m.name
	for strings.HasPrefix(name, "./") {
		name = name[2:]
	}
	if name == "" && m.name != "" {
		return "."
	}
	return strings.TrimSuffix(name, "/")
}

// perm is the mode that a member gets on the disk: that of the archive, but never wider
// than what is usual.
func (m *member) perm() fs.FileMode {
	switch {
	case m.has(withMode):
		return m.mode.Perm() & 0o755
	case m.isDir():
		return 0o755
	}
	return 0o644
}

// written is when a member was written last, for the disk, or zero. As with unzip, a
// time without a zone is local, and one with a zone that seems to be after 2038 is
// before 1970 unless the header's own date is after 2038, too.
func (m *member) written() time.Time {
	at, modified := dosTime(uint16(m.stamp>>16), uint16(m.stamp)), m.modified()
	switch {
	case m.has(withZone) && modified.Unix() > math.MaxInt32 && modified.Unix() <= math.MaxUint32 && at.Year() < 2038:
		return modified.Add(-1 << 32 * time.Second)
	case m.has(withZone):
		return modified
	case m.stamp>>16 == 0:
		return time.Time{}
	}
	return time.Date(at.Year(), at.Month(), at.Day(), at.Hour(), at.Minute(), at.Second(), 0, time.Local)
}

func (m *member) isLink() bool { return m.mode&fs.ModeSymlink != 0 }

func (m *member) isDir() bool { return strings.HasSuffix(m.name, "/") || m.mode.IsDir() }

// problem returns why a member cannot be unpacked, or nil.
func (m *member) problem() error {
	room := m.next - m.start - localHeader
	switch {
	case m.has(encrypted):
		return fmt.Errorf("it is encrypted: %w", errors.ErrUnsupported)
	case m.method != stored && m.method != deflated:
		return fmt.Errorf("it is compressed by method %d: %w", m.method, errAlgorithm)
	case m.start < 0 || room < m.packed:
		return fmt.Errorf("it overlaps what follows it, or the end: %w", errFormat)
	case m.size == math.MaxInt64 || m.method == stored && m.packed != m.size:
		return fmt.Errorf("the directory states a size of %d, %d compressed: %w", m.size, m.packed, errFormat)
	}
	return nil
}
