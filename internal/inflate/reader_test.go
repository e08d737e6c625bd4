package inflate_test

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci/internal/inflate"
	"example.com/gitlabci/internal/testkit"
)

// stream inflates a body as it arrives.
func stream(body io.Reader) ([]byte, error) {
	return io.ReadAll(inflate.New(io.NopCloser(body), -1))
}

// pieces reads at most so many bytes in one step, at random.
type pieces struct {
	io.Reader
	*rand.Rand
	most int
}

func (p pieces) Read(to []byte) (int, error) {
	return p.Reader.Read(to[:min(len(to), p.IntN(p.most+1))])
}

// A body is the same, in whatever pieces it arrives and is read.
func TestStream(t *testing.T) {
	testkit.NotUnderRace(t)
	random := rand.New(rand.NewPCG(5, 6))
	for _, text := range texts() {
		for _, level := range []int{gzip.HuffmanOnly, 0, 1, 6, 9} {
			data := append(zip(t, level, text), zip(t, 6, []byte("and another file"))...)
			for _, body := range []io.Reader{
				bytes.NewReader(data), iotest.DataErrReader(bytes.NewReader(data)),
				pieces{bytes.NewReader(data), random, 20}, pieces{bytes.NewReader(data), random, 5000},
			} {
				got, err := io.ReadAll(pieces{inflate.New(io.NopCloser(body), -1), random, 100_000})
				require.NoError(t, err)
				require.True(t, string(got) == string(text)+"and another file", "%d bytes, level %d", len(text), level)
			}
		}
	}
}

// A script is a body that arrives piece by piece. There must be no read after the last one.
type script struct {
	t      *testing.T
	pieces [][]byte
}

func (s *script) Read(p []byte) (int, error) {
	require.NotEmpty(s.t, s.pieces, "this would wait")
	n := copy(p, s.pieces[0])
	s.pieces = s.pieces[1:]
	return n, nil
}

// What a server flushes is read without waiting for more.
func TestStreamIsPrompt(t *testing.T) {
	var data bytes.Buffer
	w, body := gzip.NewWriter(&data), &script{t: t}
	r := inflate.New(io.NopCloser(body), -1)
	for range 3 {
		_, err := w.Write([]byte(`{"id":1,"name":"valve"},`))
		require.NoError(t, err)
		require.NoError(t, w.Flush())
		body.pieces = append(body.pieces, bytes.Clone(data.Bytes()))
		data.Reset()
		text := make([]byte, 24)
		_, err = io.ReadFull(r, text)
		require.NoError(t, err)
		require.Equal(t, `{"id":1,"name":"valve"},`, string(text))
	}
}

// A file with a name is read, and so are those around it.
func TestStreamOfNamedFiles(t *testing.T) {
	var data bytes.Buffer
	for _, name := range []string{"", "report.json", ""} {
		w := gzip.NewWriter(&data)
		w.Name = name
		_, err := w.Write([]byte("file " + name + ";"))
		require.NoError(t, err)
		require.NoError(t, w.Close())
	}
	for _, body := range []io.Reader{bytes.NewReader(data.Bytes()), iotest.OneByteReader(bytes.NewReader(data.Bytes()))} {
		got, err := stream(body)
		require.NoError(t, err)
		require.Equal(t, "file ;file report.json;file ;", string(got))
	}
}

// A header with texts or other additions, which may be cut off or changed anywhere, is read as
// the standard library reads it.
func TestStreamsWithLongHeaders(t *testing.T) {
	longest := strings.Repeat("n", 511)
	for _, header := range []gzip.Header{
		{Name: longest}, {Name: longest + "n"}, {Comment: longest}, {Comment: longest + "n"},
		{Name: "name", Comment: "comment"}, {Name: longest, Comment: longest}, {Name: "name", Comment: "comment", Extra: []byte("ex\x00tra")},
	} {
		var data bytes.Buffer
		w := gzip.NewWriter(&data)
		w.Header = header
		_, err := w.Write([]byte("text"))
		require.NoError(t, err)
		require.NoError(t, w.Close())
		checkStream(t, append(bytes.Clone(data.Bytes()), data.Bytes()...))
		for i := range min(data.Len(), 40) {
			checkStream(t, data.Bytes()[:i])
			changed := bytes.Clone(data.Bytes())
			changed[i] ^= byte(1 << (i % 8))
			checkStream(t, changed)
		}
		for bit := range 8 {
			changed := bytes.Clone(data.Bytes())
			changed[3] ^= 1 << bit
			checkStream(t, changed)
		}
	}
}

// A body that is cut off or changed anywhere is refused, after nothing but what the standard
// library finds in it.
func TestBrokenStreams(t *testing.T) {
	data := zip(t, 6, []byte(strings.Repeat(`{"id":1,"name":"valve"},`, 40)+"\x00\x01\x02 the end"))
	for i := range data {
		for _, body := range [][]byte{data[:i], append(bytes.Clone(data[:i]), data[i]^byte(1<<(i%8))), append(append(bytes.Clone(data[:i]), data[i]^byte(1<<(i%8))), data[i+1:]...)} {
			checkStream(t, body)
		}
	}
	_, err := stream(bytes.NewReader(data[:len(data)-3]))
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	data[len(data)-8] ^= 1
	_, err = stream(bytes.NewReader(data))
	require.ErrorIs(t, err, gzip.ErrChecksum)
	_, err = stream(io.MultiReader(bytes.NewReader(data[:11]), bytes.NewReader([]byte{0xff, 0xff, 0xff}), bytes.NewReader(make([]byte, 1000))))
	_, corrupt := errors.AsType[flate.CorruptInputError](err)
	require.True(t, corrupt, "%v", err)
	data[len(data)-8] ^= 1
	for _, broken := range []error{errors.New("broken off"), io.ErrUnexpectedEOF} { // the latter is that of net/http
		for i := range len(data) + 1 {
			_, err := stream(io.MultiReader(bytes.NewReader(data[:i]), iotest.ErrReader(broken)))
			require.ErrorIs(t, err, broken, "after %d bytes", i)
		}
	}
}

// checkStream compares what is in a body, which may be broken, with the standard library.
func checkStream(t *testing.T, body []byte) {
	want, wantErr := standard(bytes.NewReader(body), 1<<30)
	for _, from := range []io.Reader{
		bytes.NewReader(body), iotest.OneByteReader(bytes.NewReader(body)),
		iotest.DataErrReader(bytes.NewReader(body)), iotest.DataErrReader(iotest.HalfReader(bytes.NewReader(body))),
	} {
		got, err := stream(from)
		got = append([]byte("before:"), got...)
		require.Equal(t, wantErr == nil, err == nil, "%v, want %v", err, wantErr)
		if err == nil {
			require.Equal(t, want, got)
			continue
		}
		n := min(len(got), len(want)) // one may have found out earlier
		require.Equal(t, want[:n], got[:n])
	}
}

// Whatever arrives, it is what package compress/gzip reads.
func FuzzStream(f *testing.F) {
	for _, text := range texts() {
		for _, level := range []int{gzip.HuffmanOnly, 0, 1, 6, 9} {
			f.Add(zip(f, level, text[:min(len(text), 5000)]))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, err := standard(bytes.NewReader(data), limit); len(data) < 1<<16 || err != nil {
			checkStream(t, data)
		}
	})
}

// A reader that was in use reads other data.
func TestReset(t *testing.T) {
	r := inflate.NewReader(nil)
	for i, text := range texts() {
		data := deflate(t, 6, text)
		for _, part := range [][]byte{data[:len(data)/2], data} {
			r.Reset(bytes.NewReader(part))
			got, err := io.ReadAll(r)
			if len(part) < len(data) {
				require.ErrorIs(t, err, io.ErrUnexpectedEOF)
				continue
			}
			require.NoError(t, err)
			require.True(t, string(got) == string(text), "text %d", i)
		}
	}
}
