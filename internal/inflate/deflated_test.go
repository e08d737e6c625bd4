package inflate_test

import (
	"bytes"
	"compress/flate"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci/internal/inflate"
	"example.com/gitlabci/internal/testkit"
)

func deflate(t testing.TB, level int, text []byte) []byte {
	var data bytes.Buffer
	w, err := flate.NewWriter(&data, level)
	require.NoError(t, err)
	_, err = w.Write(text)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return data.Bytes()
}

func TestDeflated(t *testing.T) {
	before := []byte("before:")
	for i, text := range texts() {
		for _, level := range []int{flate.HuffmanOnly, 0, 1, 6, 9} {
			if !testkit.Sampled(i+level+2, 2) {
				continue
			}
			data := deflate(t, level, text)
			got, ok := inflate.Deflated(before, data, len(text))
			require.True(t, ok, "text %d, level %d", i, level)
			require.True(t, string(got) == "before:"+string(text), "text %d, level %d", i, level)

			_, ok = inflate.Deflated(nil, append(data, "more"...), len(text))
			require.True(t, ok, "what follows is ignored")
			_, ok = inflate.Deflated(nil, data[:len(data)-1], len(text))
			require.False(t, ok, "the end is missing")
			if len(text) > 0 {
				got, ok = inflate.Deflated(before, data, len(text)-1)
				require.False(t, ok, "there is too much")
				require.Equal(t, before, got)
			}
		}
	}
}

// Whatever the data, the text is that of package compress/flate, and what that refuses is
// refused.
func FuzzDeflated(f *testing.F) {
	for i, text := range texts() {
		for _, level := range []int{flate.HuffmanOnly, 0, 1, 6, 9} {
			f.Add(deflate(f, level, text[:min(len(text), 5000)]), uint16(i*1000))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte, most uint16) {
		want, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(data)), int64(most)+1))
		got, ok := inflate.Deflated([]byte{}, data, int(most))
		require.Equal(t, err == nil && len(want) <= int(most), ok)
		if ok {
			require.Equal(t, want, got)
		}
	})
}
