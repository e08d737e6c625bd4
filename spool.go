package gitlabci

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"example.com/gitlabci/internal/secret"
)

// A zipSource is where the bytes of an archive come from.
type zipSource interface {
	section(ctx context.Context, first, end int64) io.ReadCloser
	before(ctx context.Context, at int64, tail block) ([]byte, error) // the bytes from at to the tail
	length() int64
	label() (from, name string)
	io.Closer
}

// A spool is an archive in a temporary file, since its server sends it only as
// a whole.
type spool struct {
	file       *os.File
	size       int64
	from, name string
}

func newSpool(ctx context.Context, s *ArtifactsService, project ProjectID, src ArtifactSource) (*spool, block, error) {
	remote, err := s.Open(ctx, project, src, nil)
	if err != nil {
		return nil, block{}, err
	}
	defer remote.Close()
	file, err := os.CreateTemp("", "gitlabci-*.zip")
	if err != nil {
		return nil, block{}, fmt.Errorf("gitlabci: %s: a temporary file: %w", remote.source.from, err)
	}
	sp := &spool{file: file, from: remote.source.from, name: secret.Scrub(remote.Name, remote.source.secrets)}
	tail, err := sp.fill(remote)
	if err != nil {
		return nil, block{}, errors.Join(err, sp.Close())
	}
	return sp, tail, nil
}

func (sp *spool) fill(remote *ArtifactFile) (_ block, err error) {
	if sp.size, err = io.Copy(sp.file, remote); err != nil {
		return block{}, err
	}
	return sp.tail()
}

// tail reads the end of the archive, which includes its directory if that is
// small.
func (sp *spool) tail() (block, error) {
	tail := block{at: max(0, sp.size-zipTail)}
	tail.data = make([]byte, sp.size-tail.at)
	if _, err := sp.file.ReadAt(tail.data, tail.at); err != nil && err != io.EOF {
		return block{}, err
	}
	return tail, nil
}

func (sp *spool) section(_ context.Context, first, end int64) io.ReadCloser {
	return io.NopCloser(io.NewSectionReader(sp.file, first, end-first))
}

// before reads the bytes from at to the tail.
func (sp *spool) before(_ context.Context, at int64, tail block) ([]byte, error) {
	data := make([]byte, tail.at-at)
	_, err := sp.file.ReadAt(data, at)
	return data, err
}

func (sp *spool) length() int64              { return sp.size }
func (sp *spool) label() (from, name string) { return sp.from, sp.name }

// Close removes the file.
func (sp *spool) Close() error {
	return errors.Join(sp.file.Close(), os.Remove(sp.file.Name()))
}
