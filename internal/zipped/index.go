// Package zipped reads a zip archive that lies elsewhere, a part at a time: its
// directory, single files, a tree of them as [io/fs] sees it, and its extraction.
//
// It is handed a [Source] of the archive's bytes. What the directory says is held in
// memory; no file is. It never trusts a name, a size or a place that an archive
// states, never writes outside of the folder it extracts to, and knows nothing of
// where the bytes come from.
package zipped

import (
	"archive/zip"
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"slices"
	"strings"
	"time"
)

const (
	// maxDirectory is how much of an archive is read as its directory, which is
	// held in memory: that of 100,000 files has some 12 MiB.
	maxDirectory = 32 << 20

	// maxMembers is how many files and folders an archive may have.
	maxMembers = 1 << 19

	localHeader = 30 // bytes before a member, and then its name and extra fields
)

// A Source is where the bytes of an archive come from.
type Source interface {
	Section(ctx context.Context, first, end int64) io.ReadCloser
	Before(ctx context.Context, at int64, tail []byte) ([]byte, error) // the bytes from at to the tail
	Size() int64
	Label() (from, name string)
	io.Closer
}

// A block is a part of an archive in memory.
type block struct {
	at   int64
	data []byte
}

func (b block) end() int64 { return b.at + int64(len(b.data)) }

func (b block) covers(first, end int64) bool { return b.at <= first && end <= b.end() }

func (b block) reader(first, end int64) io.ReadCloser {
	return io.NopCloser(bytes.NewReader(b.data[first-b.at : end-b.at]))
}

// An Index is an archive whose directory has been read.
type Index struct {
	source  Source
	tail    block
	members []*member // as in the directory
}

// A member is an entry of an archive's directory.
type member struct {
	name         string
	mode         fs.FileMode
	modified     time.Time
	method       uint16
	flags        uint16
	crc          uint32
	packed, size int64
	start        int64 // of its local header
	next         int64 // of what follows in the archive
}

// Open reads the directory of an archive. Tail is its last bytes, as many as there
// are at hand. After an error, the source is closed.
func Open(ctx context.Context, source Source, tail []byte) (*Index, error) {
	z := newIndex(source, tail)
	if err := z.read(ctx); err != nil {
		return nil, errors.Join(err, source.Close())
	}
	return z, nil
}

func newIndex(source Source, tail []byte) *Index {
	return &Index{source: source, tail: block{source.Size() - int64(len(tail)), tail}}
}

// read reads the directory.
func (z *Index) read(ctx context.Context) error {
	d := &directory{ctx: ctx, zip: z}
	r, err := zip.NewReader(d, z.source.Size())
	if d.err != nil {
		return d.err
	}
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) { // which GODEBUG asks for, and names are judged here
		return z.fail(err)
	}
	if len(r.File) > maxMembers {
		return z.fail(fmt.Errorf("it has %d entries, and more than %d are not read", len(r.File), maxMembers))
	}
	d.probing = true
	for _, file := range r.File {
		at, err := file.DataOffset()
		if err != nil {
			return z.fail(err)
		}
		z.members = append(z.members, newMember(&file.FileHeader, at-localHeader))
	}
	z.arrange()
	return nil
}

func newMember(h *zip.FileHeader, start int64) *member {
	return &member{
		name:     h.Name,
		mode:     h.Mode(),
		modified: h.Modified.UTC(),
		method:   h.Method,
		flags:    h.Flags,
		crc:      h.CRC32,
		packed:   int64(min(h.CompressedSize64, math.MaxInt64)),
		size:     int64(min(h.UncompressedSize64, math.MaxInt64)),
		start:    start,
	}
}

// arrange tells each member where the next begins.
func (z *Index) arrange() {
	sorted := slices.SortedFunc(slices.Values(z.members), byStart)
	next, after := z.source.Size(), z.source.Size()
	for _, m := range slices.Backward(sorted) {
		if m.start < after {
			next, after = after, m.start
		}
		m.next = next
	}
}

func byStart(a, b *member) int { return cmp.Compare(a.start, b.start) }

func (z *Index) fail(err error) error {
	from, name := z.source.Label()
	return fmt.Errorf("%s: %s: %w", from, cmp.Or(name, "the archive"), err)
}

// section reads a part of the archive, from memory if it is there.
func (z *Index) section(ctx context.Context, first, end int64) io.ReadCloser {
	if z.tail.covers(first, end) {
		return z.tail.reader(first, end)
	}
	return z.source.Section(ctx, first, end)
}

// end is where a member ends at the latest, unless it lies about its place. What
// is between it and the next one need not be read.
func (m *member) end() int64 {
	return min(m.next, m.start+localHeader+int64(len(m.name))+math.MaxUint16+m.packed)
}

func (m *member) isDir() bool { return strings.HasSuffix(m.name, "/") || m.mode.IsDir() }

// problem is why a member cannot be unpacked, or nil.
func (m *member) problem() error {
	const encrypted = 1 | 1<<6 | 1<<13
	room := m.next - m.start - localHeader
	switch {
	case m.flags&encrypted != 0:
		return fmt.Errorf("it is encrypted: %w", errors.ErrUnsupported)
	case m.method != zip.Store && m.method != zip.Deflate:
		return fmt.Errorf("it is compressed by method %d: %w", m.method, zip.ErrAlgorithm)
	case m.start < 0 || room < m.packed:
		return fmt.Errorf("it overlaps what follows it, or the end: %w", zip.ErrFormat)
	case m.size == math.MaxInt64 || m.method == zip.Store && m.packed != m.size:
		return fmt.Errorf("the directory tells a size of %d, %d compressed: %w", m.size, m.packed, zip.ErrFormat)
	}
	return nil
}

// A directory is an archive as archive/zip sees it, which reads the end alone.
type directory struct {
	ctx     context.Context
	zip     *Index
	more    block // before the tail
	err     error // of the source
	probing bool
}

// ReadAt reads what is held, or lets it be fetched first. While probing, each
// member has an empty local header: so archive/zip tells where it begins.
func (d *directory) ReadAt(p []byte, at int64) (int, error) {
	if d.probing {
		return copy(p, "PK\x03\x04"+strings.Repeat("\x00", localHeader-4)), nil
	}
	tail := d.zip.tail
	if at < 0 || at > tail.end() {
		return 0, zip.ErrFormat
	}
	if at < tail.at && !d.more.covers(at, at) {
		if err := d.fetch(at); err != nil {
			return 0, err
		}
	}
	n := 0
	if at < tail.at {
		n = copy(p, d.more.data[at-d.more.at:])
		at += int64(n)
	}
	if at >= tail.at {
		n += copy(p[n:], tail.data[at-tail.at:])
	}
	if tooMany(p[:n]) {
		return 0, fmt.Errorf("it announces more than %d entries", maxMembers)
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// fetch reads what lies from at to the tail.
func (d *directory) fetch(at int64) error {
	size := d.zip.tail.at - at
	if size > maxDirectory {
		return fmt.Errorf("its directory has more than %d MiB", maxDirectory>>20)
	}
	d.more = block{at: at}
	d.more.data, d.err = d.zip.source.Before(d.ctx, at, d.zip.tail.data)
	return d.err
}

// tooMany reports whether data is the end of a zip64 directory that announces
// more entries than are read: archive/zip makes room for all of them.
func tooMany(data []byte) bool {
	const announced = 32
	return len(data) >= announced+8 && string(data[:4]) == "PK\x06\x06" && binary.LittleEndian.Uint64(data[announced:]) > maxMembers
}
