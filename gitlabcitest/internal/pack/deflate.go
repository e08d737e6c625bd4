package pack

import (
	"bytes"
	"compress/flate"
	"io"
	"sync"
)

// What is remembered of what was compressed.
const (
	rememberedSize  = 4 << 10
	rememberedFiles = 1000
)

// remembered has small files, compressed, by content. To begin a compression takes far
// longer than to compress a small file, and tests make the same few files for one server
// after the other.
var remembered = struct {
	sync.Mutex
	files map[string][]byte
}{files: map[string][]byte{}}

// deflate compresses a file. Nobody may change the result.
func deflate(content []byte) []byte {
	if len(content) > rememberedSize {
		return compress(content)
	}
	remembered.Lock()
	defer remembered.Unlock()
	packed, found := remembered.files[string(content)]
	if !found {
		if len(remembered.files) == rememberedFiles {
			clear(remembered.files)
		}
		packed = compress(content)
		remembered.files[string(content)] = packed
	}
	return packed
}

// compressors are kept: to make one takes a MiB.
var compressors = sync.Pool{New: func() any {
	w, _ := flate.NewWriter(nil, flate.DefaultCompression) // fails for unknown levels only
	return w
}}

func compress(content []byte) []byte {
	var buffer bytes.Buffer
	w := compressors.Get().(*flate.Writer)
	defer compressors.Put(w)
	w.Reset(&buffer)
	w.Write(content) // a buffer takes everything
	w.Close()
	return buffer.Bytes()
}

// A deflater compresses a member of an archive when the member is complete.
type deflater struct {
	to      io.Writer
	content bytes.Buffer
}

func (d *deflater) Write(p []byte) (int, error) { return d.content.Write(p) }

func (d *deflater) Close() error {
	_, err := d.to.Write(deflate(d.content.Bytes()))
	return err
}
