package zipped

import (
	"context"
	"io"
)

// A local archive is in a file that is somebody else's to close.
type local struct {
	io.ReaderAt
	size int64
}

// localTail is how much of it is read at first.
const localTail = 3 << 19

func (l local) tail() ([]byte, error) {
	at := max(0, l.size-localTail)
	return l.read(at, l.size)
}

func (l local) read(first, end int64) ([]byte, error) {
	data := make([]byte, end-first)
	if _, err := l.ReadAt(data, first); err != nil && err != io.EOF {
		return nil, err
	}
	return data, nil
}

func (l local) Section(_ context.Context, first, end int64) io.ReadCloser {
	return io.NopCloser(io.NewSectionReader(l, first, end-first))
}

func (l local) Before(_ context.Context, at int64, tail []byte) ([]byte, error) {
	return l.read(at, l.size-int64(len(tail)))
}

func (l local) Size() int64                { return l.size }
func (l local) Label() (from, name string) { return "", "" }
func (l local) Close() error               { return nil }
