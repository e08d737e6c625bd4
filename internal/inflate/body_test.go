package inflate_test

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci/internal/inflate"
	"example.com/gitlabci/internal/testkit"
)

const limit = 1 << 20

// gunzip inflates a body in one go.
func gunzip(body io.Reader, limit int64) ([]byte, error) {
	return inflate.New(io.NopCloser(body), -1).AppendTo([]byte("before:"), limit)
}

// standard does the same by the standard library.
func standard(body io.Reader, limit int64) ([]byte, error) {
	r, err := gzip.NewReader(body)
	if err == io.EOF { // no body is empty
		return []byte("before:"), nil
	}
	if err != nil {
		return []byte("before:"), err
	}
	text, err := io.ReadAll(io.LimitReader(r, limit+1))
	return append([]byte("before:"), text...), err
}

func zip(t testing.TB, level int, text []byte) []byte {
	var data bytes.Buffer
	w, err := gzip.NewWriterLevel(&data, level)
	require.NoError(t, err)
	_, err = w.Write(text)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return data.Bytes()
}

// texts are empty, short, alike, random and long.
var texts = sync.OnceValue(func() [][]byte {
	random := rand.New(rand.NewPCG(1, 2))
	noise := make([]byte, 100_000)
	for i := range noise {
		noise[i] = byte(random.IntN(256))
	}
	var page, skewed strings.Builder
	for i := range 3000 {
		fmt.Fprintf(&page, `{"id":%d,"sha":"%016x","status":"%s"},`, i, random.Uint64(), []string{"success", "failed"}[random.IntN(2)])
	}
	for i := range 24 { // so that some codes are long
		skewed.WriteString(strings.Repeat(string(rune('a'+i)), 1<<min(i, 15)))
	}
	shuffled := []byte(skewed.String())
	random.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
	return [][]byte{nil, []byte("a"), []byte("abcabcabc"), bytes.Repeat([]byte("a"), 70_000), bytes.Repeat([]byte("0123456789"), 9_000), noise, []byte(page.String()), shuffled}
})

func TestGunzip(t *testing.T) {
	for n, text := range texts() {
		for level := gzip.HuffmanOnly; level <= gzip.BestCompression; level++ {
			if !testkit.Sampled(n+level+2, 2) {
				continue
			}
			data := zip(t, level, text)
			for _, body := range []io.Reader{bytes.NewReader(data), iotest.HalfReader(bytes.NewReader(data)), iotest.DataErrReader(bytes.NewReader(data))} {
				got, err := gunzip(body, limit)
				require.NoError(t, err)
				require.True(t, string(got) == "before:"+string(text), "%d bytes, level %d", len(text), level)
			}
			got, err := io.ReadAll(inflate.New(io.NopCloser(bytes.NewReader(data)), -1))
			require.NoError(t, err)
			require.True(t, string(got) == string(text))
		}
	}
}

// Several files in a row are one text, as in package compress/gzip.
func TestSeveralFiles(t *testing.T) {
	data := append(zip(t, 6, []byte("one, ")), zip(t, 6, []byte("one, and two"))...)
	got, err := gunzip(bytes.NewReader(data), limit)
	require.NoError(t, err)
	require.Equal(t, "before:one, one, and two", string(got))
}

// A body that is cut off or changed anywhere is refused as the standard library does.
func TestBrokenBodies(t *testing.T) {
	data := zip(t, 6, []byte(strings.Repeat(`{"id":1,"name":"valve"},`, 40)+"\x00\x01\x02 the end"))
	for i := range data {
		for _, body := range [][]byte{data[:i], append(bytes.Clone(data[:i]), data[i]^byte(1<<(i%8))), append(append(bytes.Clone(data[:i]), data[i]^byte(1<<(i%8))), data[i+1:]...)} {
			want, wantErr := standard(bytes.NewReader(body), limit)
			got, err := gunzip(bytes.NewReader(body), limit)
			require.Equal(t, wantErr, err, i)
			require.Equal(t, want, got, i)
		}
	}
	broken := errors.New("broken off")
	_, err := gunzip(io.MultiReader(bytes.NewReader(data[:20]), iotest.ErrReader(broken)), limit)
	require.ErrorIs(t, err, broken)
}

// A plain file needs nothing of package compress/gzip, which takes 40 kB.
func TestInOneGo(t *testing.T) {
	testkit.NotUnderRace(t)
	for i, text := range texts() {
		data := zip(t, gzip.DefaultCompression, text)
		to := make([]byte, 0, len(text)+1000)
		allocated := uint64(math.MaxUint64)
		for range 30 { // a collection may empty the pools, and the race detector does at random
			allocated = min(allocated, testkit.Allocated(func() {
				got, err := inflate.New(io.NopCloser(bytes.NewReader(data)), int64(len(data))).AppendTo(to, limit)
				require.NoError(t, err)
				require.Len(t, got, len(text))
			}))
		}
		require.Less(t, allocated, uint64(20_000), i)
	}
}

// A text that is larger than wanted is not inflated to its end, and neither is more than a
// little of a large body kept.
func TestLimit(t *testing.T) {
	testkit.NotUnderRace(t)
	bomb := zip(t, 9, make([]byte, 16<<20))
	for _, most := range []int64{0, 1, 1000, limit} {
		got, err := gunzip(bytes.NewReader(bomb), most)
		require.NoError(t, err)
		require.Len(t, got, len("before:")+int(most)+1)
	}
	binary.LittleEndian.PutUint32(bomb[len(bomb)-4:], 7) // what it says of its size
	got, err := gunzip(bytes.NewReader(bomb), 100)
	require.NoError(t, err)
	require.Len(t, got, len("before:")+101)

	noise := make([]byte, 3<<20)
	for i := range noise {
		noise[i] = byte(rand.IntN(256))
	}
	large := zip(t, 1, noise)
	got, err = gunzip(bytes.NewReader(large), 5<<20)
	require.NoError(t, err)
	require.True(t, string(got[len("before:"):]) == string(noise))
	read := &counter{Reader: bytes.NewReader(large)}
	_, err = gunzip(read, 1000)
	require.NoError(t, err)
	require.Less(t, read.n, 1100<<10)
}

type counter struct {
	io.Reader
	n int
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n += n
	return n, err
}

// Whatever arrives, the text or the error is that of package compress/gzip.
func FuzzGunzip(f *testing.F) {
	for i, text := range texts() {
		for _, level := range []int{gzip.HuffmanOnly, 0, 1, 6, 9} {
			if data := zip(f, level, text[:min(len(text), 5000)]); len(data) > 0 {
				f.Add(data, uint16(i*1000))
			}
		}
	}
	f.Fuzz(func(t *testing.T, data []byte, limit uint16) {
		want, wantErr := standard(bytes.NewReader(data), int64(limit))
		got, err := gunzip(bytes.NewReader(data), int64(limit))
		require.Equal(t, wantErr, err)
		require.Equal(t, want, got)
	})
}

func BenchmarkGunzip(b *testing.B) {
	text := texts()[6]
	data := zip(b, 6, text)
	b.Run("here", func(b *testing.B) {
		b.SetBytes(int64(len(text)))
		var to []byte
		for b.Loop() {
			to, _ = inflate.New(io.NopCloser(bytes.NewReader(data)), int64(len(data))).AppendTo(to[:0], limit)
		}
	})
	b.Run("standard", func(b *testing.B) {
		b.SetBytes(int64(len(text)))
		var r gzip.Reader
		to := make([]byte, len(text))
		for b.Loop() {
			require.NoError(b, r.Reset(bytes.NewReader(data)))
			_, err := io.ReadFull(&r, to)
			require.NoError(b, err)
		}
	})
}
