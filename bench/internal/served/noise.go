package served

import (
	"errors"
	"io"
	"math/rand/v2"
	"sync"
	"sync/atomic"
)

// Pattern is a MiB that does not deflate.
func Pattern() []byte { return pattern() }

var pattern = sync.OnceValue(func() []byte {
	text := make([]byte, 1<<20)
	rand.NewChaCha8([32]byte{1}).Read(text)
	return text
})

// A noise is a file of size bytes, of which only the pattern is in memory.
type noise struct {
	size, at int64
	read     *atomic.Int64
}

func (n *noise) Read(p []byte) (int, error) {
	if n.at >= n.size {
		return 0, io.EOF
	}
	text := pattern()
	read := copy(p, text[n.at%int64(len(text)):])
	read = int(min(int64(read), n.size-n.at))
	n.at += int64(read)
	n.read.Add(int64(read))
	return read, nil
}

func (n *noise) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += n.at
	case io.SeekEnd:
		offset += n.size
	}
	if offset < 0 {
		return n.at, errors.New("noise: a place before the start")
	}
	n.at = offset
	return offset, nil
}
