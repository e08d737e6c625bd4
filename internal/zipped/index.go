// Package zipped reads a remote zip archive in parts: its directory, single files, and
// all files as an [io/fs.FS]. It also extracts it.
//
// It is handed a [Source] of the archive's bytes. It holds the directory in memory,
// but no file. It never trusts a name, a size or an offset in an archive, never writes
// outside of the folder it extracts to, and does not know where the bytes come from.
package zipped

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
)

// A Source reads an archive, wherever it is. Section reads the bytes from first to before
// end. Before returns the bytes between at and the tail, if they are of the same archive
// as the tail. Label says for errors where the archive is from and what it is called.
type Source interface {
	Section(ctx context.Context, first, end int64) io.ReadCloser
	Before(ctx context.Context, at int64, tail []byte) ([]byte, error)
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

// Open reads the directory of an archive, of which the last bytes are already in tail.
// After an error, the source is closed.
func Open(ctx context.Context, source Source, tail []byte) (*Index, error) {
	z := newIndex(source, tail)
	if err := z.read(ctx); err != nil {
		return nil, errors.Join(err, source.Close())
	}
	return z, nil
}

// OpenLocal reads the directory of an archive that is at hand. From is for errors.
func OpenLocal(ctx context.Context, r io.ReaderAt, size int64, from string) (*Index, error) {
	source := named{local{r, size}, from}
	tail, err := source.tail()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", from, err)
	}
	return Open(ctx, source, tail)
}

// A named archive is a local one with a name for errors.
type named struct {
	local
	from string
}

func (n named) Label() (from, name string) { return n.from, "" }

func newIndex(source Source, tail []byte) *Index {
	return &Index{source: source, tail: block{source.Size() - int64(len(tail)), tail}}
}

// read reads the directory.
func (z *Index) read(ctx context.Context) (err error) {
	d := &directory{ctx: ctx, source: z.source, tail: z.tail}
	z.members, err = d.members()
	if d.err != nil {
		return d.err
	}
	if err != nil {
		return z.fail(err)
	}
	z.arrange()
	return nil
}

// arrange notes of each member where the next one begins.
func (z *Index) arrange() {
	sorted := z.members
	if !slices.IsSortedFunc(sorted, byStart) { // which most archives are
		sorted = slices.Clone(sorted)
		slices.SortFunc(sorted, byStart)
	}
	next, after := z.source.Size(), z.source.Size()
	for _, m := range slices.Backward(sorted) {
		if m.start < after {
			next, after = after, m.start
		}
		m.next = next
	}
}

func (z *Index) fail(err error) error {
	from, name := z.source.Label()
	return fmt.Errorf("%s: %s: %w", from, cmp.Or(name, "the archive"), err)
}

// section reads a part of the archive, from memory if possible.
func (z *Index) section(ctx context.Context, first, end int64) io.ReadCloser {
	if z.tail.covers(first, end) {
		return z.tail.reader(first, end)
	}
	return z.source.Section(ctx, first, end)
}

// An archiveError matches the error of archive/zip that has the same text. That package
// is not imported: its compressor would become part of every program, unused.
type archiveError string

const (
	errFormat    archiveError = "zip: not a valid zip file"
	errAlgorithm archiveError = "zip: unsupported compression algorithm"
	errChecksum  archiveError = "zip: checksum error"
)

func (e archiveError) Error() string { return string(e) }

func (e archiveError) Is(target error) bool { return target != nil && target.Error() == string(e) }
