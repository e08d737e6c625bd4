package gitlabci

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"mime"
	"strings"

	"example.com/gitlabci/internal/remote"
)

// How a zip archive begins, an empty one too, and a gzip file.
var (
	zipMagic      = []byte("PK\x03\x04")
	emptyZipMagic = []byte("PK\x05\x06")
	gzipMagic     = []byte{0x1f, 0x8b}
)

// asReport looks at how a file begins: the archive in place of a report is
// refused, and a report packed by gzip is unpacked if that is wanted.
func asReport(file *ArtifactFile, opts *OpenOptions) (*ArtifactFile, error) {
	asked := opts.FileType != "" && opts.FileType != ArtifactTypeArchive
	if !asked && !opts.Gunzip {
		return file, nil
	}
	ahead := bufio.NewReader(file.source)
	start, err := ahead.Peek(len(zipMagic))
	switch {
	case err != nil && err != io.EOF: // a file may be shorter
		file.Close()
		return nil, err
	case asked && file.isArchive(opts.FileType, start):
		return nil, file.source.Refuse("%w: the server knows no file_type, and sends the archive in place of the %s report", errors.ErrUnsupported, opts.FileType)
	}
	file.body = ahead
	if opts.Gunzip && bytes.HasPrefix(start, gzipMagic) {
		err = file.unpack(ahead)
	}
	if err != nil && err != io.EOF {
		file.Close()
		return nil, err
	}
	return file, nil
}

// isArchive reports whether this is the archive and not a report. A type that
// GitLab keeps as zip, or that is not known here, may begin as an archive does;
// then only the name tells.
func (f *ArtifactFile) isArchive(asked ArtifactType, start []byte) bool {
	if asked == ArtifactTypeLSIF || asked == ArtifactTypeSCIP {
		return false
	}
	kind, _, _ := mime.ParseMediaType(f.ContentType) // "" if it makes no sense
	zipped := kind == "application/zip" || bytes.HasPrefix(start, zipMagic) || bytes.HasPrefix(start, emptyZipMagic)
	return strings.EqualFold(f.Name, "artifacts.zip") || zipped && asked.Downloadable()
}

// unpack makes the file what is packed in it.
func (f *ArtifactFile) unpack(packed io.Reader) error {
	u := &unpacked{source: f.source}
	var err error
	if u.Reader, err = gzip.NewReader(packed); err != nil {
		return u.explain(err)
	}
	f.body, f.Name, f.Size = u, strings.TrimSuffix(f.Name, ".gz"), -1
	return nil
}

// An unpacked file is what a gzip file has in it.
type unpacked struct {
	*gzip.Reader
	source *remote.File
}

func (u *unpacked) Read(p []byte) (int, error) {
	n, err := u.Reader.Read(p)
	return n, u.explain(err)
}

// explain says that the gzip file is damaged. What went wrong in getting it
// says so itself.
func (u *unpacked) explain(err error) error {
	if err == nil || err == io.EOF || err == u.source.Err() {
		return err
	}
	return fmt.Errorf("gitlabci: %s: the gzip file is damaged: %w", u.source.From(), err)
}
