package zipped

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// An oracle lets archive/zip read a directory. Once the directory is read, each member
// has an empty local header there, so that archive/zip says where it begins.
type oracle struct {
	io.ReaderAt
	probing bool
}

func (o *oracle) ReadAt(p []byte, at int64) (int, error) {
	if o.probing {
		return copy(p, localMagic+strings.Repeat("\x00", localHeader-4)), nil
	}
	return o.ReaderAt.ReadAt(p, at)
}

// oracleMembers are the members that archive/zip finds in an archive.
func oracleMembers(t *testing.T, data []byte) (all []*member, err error) {
	o := &oracle{ReaderAt: bytes.NewReader(data)}
	r, err := zip.NewReader(o, int64(len(data)))
	if err != nil {
		return nil, err
	}
	o.probing = true
	all = []*member{}
	for _, file := range r.File {
		at, err := file.DataOffset()
		require.NoError(t, err)
		all = append(all, &member{
			name:   file.Name,
			mode:   file.Mode(),
			ticks:  ticksOf(file.Modified),
			stamp:  uint32(file.ModifiedDate)<<16 | uint32(file.ModifiedTime),
			method: file.Method,
			traits: traitsOf(file.Flags),
			crc:    file.CRC32,
			packed: int64(min(file.CompressedSize64, math.MaxInt64)),
			size:   int64(min(file.UncompressedSize64, math.MaxInt64)),
			start:  at - localHeader,
		})
		require.True(t, file.Modified.Equal(all[len(all)-1].modified()), "%v", file.Modified)
		if hasMode(file.CreatorVersion>>8, file.ExternalAttrs) {
			all[len(all)-1].traits |= withMode
		}
		if !writtenAt(file.Extra).IsZero() {
			all[len(all)-1].traits |= withZone
		}
	}
	return all, nil
}

func readMembers(data []byte, tail int) ([]*member, error) {
	source := local{bytes.NewReader(data), int64(len(data))}
	d := &directory{ctx: context.Background(), source: source}
	d.tail = block{int64(len(data) - tail), data[len(data)-tail:]}
	return d.members()
}

// requireSame compares with the result of archive/zip for an archive, of whose end some
// bytes are held. What archive/zip refuses must be refused.
func requireSame(t *testing.T, data []byte, tail int) {
	want, refused := oracleMembers(t, data)
	got, err := readMembers(data, min(tail, len(data)))
	if refused != nil {
		require.Error(t, err, "archive/zip: %v", refused)
		if errors.Is(refused, zip.ErrFormat) && !limited(err) {
			require.ErrorIs(t, err, zip.ErrFormat)
		}
		return
	}
	if limited(err) { // archive/zip knows no limits
		return
	}
	require.NoError(t, err)
	require.Equal(t, want, got)
}

func limited(err error) bool { return err != nil && strings.Contains(err.Error(), "more than") }

var order = binary.LittleEndian

func field(id uint16, data ...byte) []byte {
	return append(order.AppendUint16(order.AppendUint16(nil, id), uint16(len(data))), data...)
}

func numbers(all ...uint64) (data []byte) {
	for _, n := range all {
		data = order.AppendUint64(data, n)
	}
	return data
}

// headers are entries of all kinds that an archive of ours may have.
func headers() (all []*zip.FileHeader) {
	written := time.Date(2024, 5, 6, 7, 8, 9, 0, time.FixedZone("", 3600))
	ntfs := append(field(9, 1, 2), field(1, numbers(133594560000000000, 0, 0)...)...)
	for i, extra := range [][]byte{
		nil,
		field(0x5455, 1, 1, 2, 3, 4),
		field(0x5455, 1, 1, 2),
		field(0x5455, 2, 1, 2, 3, 4),
		field(0x000d, 1, 2, 3, 4, 5, 6, 7, 8),
		field(0x5855, 1, 2, 3, 4, 5, 6, 7, 0xff),
		field(0x5855, 1, 2, 3, 4, 5, 6, 7),
		field(0x000a, append([]byte{0, 0, 0, 0}, ntfs...)...),
		field(0x000a, append([]byte{0, 0, 0, 0}, ntfs[:20]...)...),
		field(0x000a, 0, 0, 0),
		field(0x000a, append([]byte{0, 0, 0, 0}, field(1, numbers(1<<63+12345, 0, 0)...)...)...),
		append(field(0x5455, 1, 1, 2, 3, 4), 0x55, 0x54, 5, 0, 1),
		append(field(0x5455, 1, 1, 2, 3, 4), field(0x000d, 1, 2, 3, 4, 5, 6, 7, 8)...),
		append(field(77), field(0x5455, 1, 1, 2, 3, 4)...),
	} {
		all = append(all, &zip.FileHeader{Name: fmt.Sprint("extra", i), Extra: extra})
	}
	for system := range uint16(21) {
		all = append(all, &zip.FileHeader{Name: fmt.Sprint("system", system), CreatorVersion: system << 8, ExternalAttrs: 0xa1ff<<16 | 0x11})
	}
	for kind := range uint32(1 << 4) {
		all = append(all, &zip.FileHeader{Name: fmt.Sprint("kind", kind), CreatorVersion: 3 << 8, ExternalAttrs: (kind<<12 | kind<<8 | 0o53*kind) << 16})
	}
	for _, name := range []string{"", "/", "d/", "d/", "ü", "\xff", "a\\b", "../x", strings.Repeat("n", 9999)} {
		all = append(all, &zip.FileHeader{Name: name, Comment: "a comment", Modified: written, NonUTF8: len(name)%2 == 0})
	}
	for _, size := range []uint64{math.MaxUint32 - 1, math.MaxUint32, math.MaxUint32 + 1, 1 << 62, 1 << 63, math.MaxUint64} {
		all = append(all, &zip.FileHeader{Name: "packed", CompressedSize64: size, Method: zip.Deflate},
			&zip.FileHeader{Name: "size", UncompressedSize64: size, Method: 99, Flags: 1 << 3, CRC32: 7})
	}
	all[3].SetMode(fs.ModeSymlink | 0o777)
	return all
}

func archiveOf(t testing.TB, comment string, headers ...*zip.FileHeader) []byte {
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, h := range headers {
		one, err := w.CreateRaw(h)
		require.NoError(t, err)
		if !strings.HasSuffix(h.Name, "/") {
			_, err = io.WriteString(one, strings.Repeat("x", len(headers)%5))
		}
		require.NoError(t, err)
	}
	require.NoError(t, w.SetComment(comment))
	require.NoError(t, w.Close())
	return out.Bytes()
}

// zip64 puts the records of zip64 before the end record, which refers to them.
func zip64(data []byte, entries, start, at uint64, disk, disks uint32) []byte {
	i := bytes.LastIndex(data, []byte(endMagic))
	end := bytes.Clone(data[i:])
	size := uint64(order.Uint32(end[12:]))
	first := uint64(order.Uint32(end[16:]))
	data = append(bytes.Clone(data[:i]), end64Magic...)
	data = append(data, numbers(44)...)
	data = append(data, make([]byte, 12)...)
	data = append(data, numbers(entries, entries, size, first+start)...)
	data = order.AppendUint32(append(data, place64Magic...), disk)
	data = append(data, numbers(uint64(i)+at)...)
	data = order.AppendUint32(data, disks)
	for i := 8; i < 20; i++ {
		end[i] = 0xff
	}
	return append(data, end...)
}

// seeds are archives that are as they should be, and some that are not quite.
func seeds(t testing.TB) (all [][]byte) {
	whole := archiveOf(t, "", headers()...)
	small := archiveOf(t, "a comment", headers()[:3]...)
	all = append(all, whole, small, archiveOf(t, "empty"), nil, []byte("no archive"), []byte(endMagic), whole[:len(whole)/2])
	all = append(all, append([]byte("#!/bin/sh\nother data before the archive"), small...), append(bytes.Clone(small), "and after"...))
	all = append(all, archiveOf(t, endMagic+strings.Repeat("\x00", 16)+"\xff\xff"), archiveOf(t, endMagic+strings.Repeat("\x00", 22)))
	all = append(all, archiveOf(t, strings.Repeat("c", math.MaxUint16), headers()[:1]...))
	for _, h := range headers() {
		all = append(all, archiveOf(t, "", h))
	}
	for _, args := range [][3]uint64{{3, 0, 0}, {2, 0, 0}, {3, 1, 0}, {3, 0, 1}, {3, 1 << 63, 0}, {3, 0, 1 << 63}, {3, 0, 1 << 30}, {3 + 1<<16, 0, 0}} {
		all = append(all, zip64(small, args[0], args[1], args[2], 0, 1))
	}
	return append(all, zip64(small, 3, 0, 0, 1, 1), zip64(small, 3, 0, 0, 0, 2))
}

func TestDirectoryAsArchiveZip(t *testing.T) {
	for i, data := range seeds(t) {
		for _, tail := range []int{0, 1, 30, 100, 5000, len(data)} {
			t.Run(fmt.Sprint(i, "/", tail), func(t *testing.T) { requireSame(t, data, tail) })
		}
	}
}

// TestDirectoryChangedAsArchiveZip changes archives a little, mostly where their
// directory is. Each run has one of five series of changes.
func TestDirectoryChangedAsArchiveZip(t *testing.T) {
	first, end := uint64(0), uint64(5)
	if os.Getenv("GITLABCI_TEST_ALL") == "" {
		first = rand.Uint64N(end)
		end = first + 1
	}
	all := seeds(t)
	for series := first; series < end; series++ {
		t.Run(fmt.Sprint(series), func(t *testing.T) { requireChangedSame(t, all, rand.New(rand.NewPCG(1, series))) })
	}
}

func requireChangedSame(t *testing.T, all [][]byte, random *rand.Rand) {
	for range 4000 {
		data := bytes.Clone(all[random.IntN(len(all))])
		for range random.IntN(4) + 1 {
			if len(data) == 0 {
				break
			}
			at := random.IntN(min(len(data), 200))
			if random.IntN(4) > 0 {
				at = len(data) - 1 - at
			}
			data[at] = []byte{0, 1, 0xff, 'P', 'K', byte(random.Int())}[random.IntN(6)]
			if random.IntN(8) == 0 {
				data = append(data[:at], data[at+1:]...)
			}
		}
		requireSame(t, data, random.IntN(len(data)+1))
	}
}

func FuzzDirectory(f *testing.F) {
	for _, data := range seeds(f) {
		f.Add(data, 100)
	}
	f.Fuzz(func(t *testing.T, data []byte, tail int) {
		requireSame(t, data, max(0, tail))
	})
}

func TestDirectoryTooLarge(t *testing.T) {
	small := archiveOf(t, "", headers()[:1]...)
	_, err := readMembers(zip64(small, maxMembers+1, 0, 0, 0, 1), 0)
	require.ErrorContains(t, err, "announces more than 524288 entries")

	i := bytes.LastIndex(small, []byte(endMagic))
	first := int(order.Uint32(small[i+16:]))
	many := append(bytes.Clone(small[:first]), bytes.Repeat(small[first:i], maxMembers+1)...)
	many = append(many, small[i:]...)
	order.PutUint32(many[len(many)-10:], uint32(len(many)-endLen-first))
	_, err = readMembers(many, len(many))
	require.ErrorContains(t, err, "more than 524288 entries")

	large := append(bytes.Clone(small[:first]), make([]byte, maxDirectory+100)...)
	large = append(large, small[first:]...)
	end := len(large) - endLen
	order.PutUint32(large[end+12:], uint32(end-first))
	_, err = readMembers(large, 100)
	require.ErrorContains(t, err, "more than 32 MiB")
}

// TestErrorsOfArchiveZip sees that callers can still compare with its errors.
func TestErrorsOfArchiveZip(t *testing.T) {
	for ours, theirs := range map[error]error{errFormat: zip.ErrFormat, errAlgorithm: zip.ErrAlgorithm, errChecksum: zip.ErrChecksum} {
		require.EqualError(t, ours, theirs.Error())
		require.ErrorIs(t, fmt.Errorf("x: %w", ours), theirs)
		require.NotErrorIs(t, ours, io.EOF)
	}
	require.NotErrorIs(t, errFormat, zip.ErrChecksum)
}

// An archive may have more members than it says. Each keeps its name.
func TestMembersBeyondTheirNumber(t *testing.T) {
	for _, announced := range []uint64{0, 3, 1 << 40} {
		list := newMemberList(&ending{entries: announced}, 1<<20)
		name := func(i int) string { return fmt.Sprintf("folder/%d/%s", i, strings.Repeat("x", i%50)) }
		for i := range 5000 {
			m := list.add()
			m.start = -1
			m = list.add() // that one was not kept
			require.Zero(t, m.start)
			m.start = int64(i)
			list.keep([]byte(name(i)))
		}
		all := list.finish()
		require.Len(t, all, 5000)
		for i, m := range all {
			require.Equal(t, name(i), m.name)
			require.EqualValues(t, i, m.start)
		}
	}
}
