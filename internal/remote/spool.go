package remote

import (
	"context"
	"errors"
	"io"
	"os"

	"example.com/gitlabci/internal/rest"
	"example.com/gitlabci/internal/secret"
)

// A Spool is an archive in a temporary file, because its server sends it only as a
// whole.
type Spool struct {
	file       *os.File
	nameless   bool // the file has no name any more
	size       int64
	from, name string
}

// NewSpool reads a file to its end, and returns its copy and the end of that. A file
// of more than so many bytes is not copied; tooLarge is the error. The copy has no name
// where a file can do without: if the process is killed, the system removes it.
func NewSpool(f *File, most int64, tooLarge error) (*Spool, []byte, error) {
	if f.Size() > most {
		return nil, nil, f.Fail(tooLarge)
	}
	file, err := os.CreateTemp("", "gitlabci-*.zip")
	if err != nil {
		return nil, nil, rest.Errorf("%s: a temporary file: %w", f.from, err)
	}
	sp := &Spool{file: file, from: f.from, name: secret.Redact(f.name, f.secrets)}
	sp.nameless = os.Remove(file.Name()) == nil
	tail, err := sp.fill(f, most, tooLarge)
	if err != nil {
		return nil, nil, errors.Join(err, sp.Close())
	}
	return sp, tail, nil
}

// fill copies the file, and returns the copy's end.
func (sp *Spool) fill(f *File, most int64, tooLarge error) (_ []byte, err error) {
	limited := &io.LimitedReader{R: f, N: most}
	sp.size, err = io.Copy(sp.file, limited)
	if err != nil {
		return nil, err
	}
	if limited.N == 0 { // one byte more, or the error that it is cut short
		if n, err := io.ReadFull(f, make([]byte, 1)); n > 0 {
			return nil, f.Fail(tooLarge)
		} else if err != io.EOF {
			return nil, err
		}
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
	if sp.nameless {
		return sp.file.Close()
	}
	return errors.Join(sp.file.Close(), os.Remove(sp.file.Name()))
}
