package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"example.com/gitlabci/internal/secret"
)

// A Spool is an archive in a temporary file, because its server sends it only as a
// whole.
type Spool struct {
	file       *os.File
	size       int64
	from, name string
}

// NewSpool reads a file to its end, and returns its copy and the end of that. The
// pattern is that of os.CreateTemp.
func NewSpool(f *File, pattern string) (*Spool, []byte, error) {
	file, err := os.CreateTemp("", pattern)
	if err != nil {
		return nil, nil, fmt.Errorf("gitlabci: %s: a temporary file: %w", f.from, err)
	}
	sp := &Spool{file: file, from: f.from, name: secret.Scrub(f.name, f.secrets)}
	tail, err := sp.fill(f)
	if err != nil {
		return nil, nil, errors.Join(err, sp.Close())
	}
	return sp, tail, nil
}

// fill copies the file, and returns the copy's end.
func (sp *Spool) fill(f *File) (_ []byte, err error) {
	if sp.size, err = io.Copy(sp.file, f); err != nil {
		return nil, err
	}
	at := max(0, sp.size-tailSize)
	tail := make([]byte, sp.size-at)
	if _, err := sp.file.ReadAt(tail, at); err != nil && err != io.EOF {
		return nil, err
	}
	return tail, nil
}

// Section reads a part.
func (sp *Spool) Section(_ context.Context, first, end int64) io.ReadCloser {
	return io.NopCloser(io.NewSectionReader(sp.file, first, end-first))
}

// Before reads the bytes from at to the tail.
func (sp *Spool) Before(_ context.Context, at int64, tail []byte) ([]byte, error) {
	data := make([]byte, sp.size-int64(len(tail))-at)
	_, err := sp.file.ReadAt(data, at)
	return data, err
}

// Size is how many bytes the archive has.
func (sp *Spool) Size() int64 { return sp.size }

// Label returns the endpoint that the archive is from, and what the server calls it.
func (sp *Spool) Label() (from, name string) { return sp.from, sp.name }

// Close removes the file.
func (sp *Spool) Close() error {
	return errors.Join(sp.file.Close(), os.Remove(sp.file.Name()))
}
