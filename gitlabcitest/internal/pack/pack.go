// Package pack builds and reads the files that GitLab keeps for a job: zip archives
// with their index, and gzip.
//
// It is handed files or bytes, and returns bytes or the members of an archive. It
// never knows whose files they are or where they are kept.
package pack

import (
	"archive/zip"
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"math"
	"slices"
	"strings"
	"time"
)

// Gzip compresses a file.
func Gzip(content []byte) []byte {
	file := append([]byte("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"), deflate(content)...)
	file = binary.LittleEndian.AppendUint32(file, crc32.ChecksumIEEE(content))
	return binary.LittleEndian.AppendUint32(file, uint32(len(content)))
}

// ZipOne puts one file into an archive.
func ZipOne(name string, content []byte) []byte {
	var buffer bytes.Buffer
	archive := newArchive(&buffer)
	w, _ := archive.Create(name) // a buffer takes everything
	w.Write(content)
	archive.Close()
	return buffer.Bytes()
}

func newArchive(buffer *bytes.Buffer) *zip.Writer {
	archive := zip.NewWriter(buffer)
	archive.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return &deflater{to: w}, nil })
	return archive
}

// Zip puts all of a file system into an archive. Files without a time are
// from the moment at.
func Zip(files fs.FS, at time.Time) ([]byte, error) {
	var buffer bytes.Buffer
	archive := newArchive(&buffer)
	err := fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || name == "." {
			return err
		}
		return addMember(archive, files, name, entry, at)
	})
	if err != nil {
		return nil, err
	}
	err = archive.Close()
	return buffer.Bytes(), err
}

func addMember(archive *zip.Writer, files fs.FS, name string, entry fs.DirEntry, at time.Time) error {
	info, err := entry.Info()
	if err != nil {
		return err
	}
	header, err := zip.FileInfoHeader(info)
	if err != nil {
		return err
	}
	header.Name, header.Method = name, zip.Deflate
	header.Modified = info.ModTime().UTC()
	if header.Modified.IsZero() {
		header.Modified = at.UTC()
	}
	if info.IsDir() {
		header.Name, header.Method = name+"/", zip.Store
	}
	header.SetMode(usualMode(info.Mode()))
	content, err := memberContent(files, name, info.Mode())
	if err != nil {
		return err
	}
	w, err := archive.CreateHeader(header)
	if err != nil {
		return err
	}
	_, err = w.Write(content)
	return err
}

func memberContent(files fs.FS, name string, mode fs.FileMode) ([]byte, error) {
	switch mode.Type() {
	case 0:
		return fs.ReadFile(files, name)
	case fs.ModeDir:
		return nil, nil
	case fs.ModeSymlink:
		target, err := fs.ReadLink(files, name)
		return []byte(target), err
	}
	return nil, fmt.Errorf("%s is neither a file nor a folder nor a link", name)
}

// usualMode is a mode with permissions. Files made in a test often have none,
// and file systems that make up their folders let nobody write there.
func usualMode(mode fs.FileMode) fs.FileMode {
	perm := mode.Perm()
	switch {
	case mode.IsDir() && (perm == 0 || perm == 0o555):
		return mode | 0o755
	case perm == 0:
		return mode | 0o644
	}
	return mode
}

// Read lists the files and folders of an archive.
func Read(data []byte) ([]*zip.File, error) {
	archive, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, err
	}
	return archive.File, nil
}

// A Member is a file in an archive, as far as it could be read.
type Member struct {
	Content []byte
	Size    uint64 // that the archive says
}

// MemberOf unpacks a file of an archive, or returns nil if there is no such file
// or it does not even begin well.
func MemberOf(files []*zip.File, name string) *Member {
	for _, file := range files {
		if file.Name != name || file.Mode().IsDir() {
			continue
		}
		r, err := file.Open()
		if err != nil {
			return nil
		}
		defer r.Close()
		most := int64(min(file.UncompressedSize64, math.MaxInt64))
		content, _ := io.ReadAll(io.LimitReader(r, most)) // what is missing shows in the size
		return &Member{content, file.UncompressedSize64}
	}
	return nil
}

// Folder lists what is in a folder of an archive, folders first. The top is "".
func Folder(files []*zip.File, name string, recursive bool) (found []*zip.File, ok bool) {
	prefix := ""
	if name = strings.TrimSuffix(name, "/"); name != "" {
		prefix = name + "/"
	}
	for _, file := range files {
		below, inside := strings.CutPrefix(file.Name, prefix)
		ok = ok || inside
		direct := !strings.Contains(strings.TrimSuffix(below, "/"), "/")
		if inside && below != "" && (recursive || direct) {
			found = append(found, file)
		}
	}
	slices.SortFunc(found, func(a, b *zip.File) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), strings.Compare(a.Name, b.Name))
	})
	return found, ok || prefix == ""
}

func rank(file *zip.File) int {
	if file.Mode().IsDir() {
		return 0
	}
	return 1
}

// Index is the list of an archive's members as GitLab writes it.
func Index(files []*zip.File) []byte {
	var text bytes.Buffer
	text.WriteString("GitLab Build Artifacts Metadata 0.0.2\n{}\n")
	for _, file := range files {
		fmt.Fprintf(&text, "%s\x00{\"mode\":%q,\"size\":%d}\x00", file.Name, Octal(file.Mode()), file.UncompressedSize64)
	}
	return text.Bytes()
}

// Octal is a mode in the six digits that Unix has for it.
func Octal(mode fs.FileMode) string {
	kind := 0o100000
	switch mode.Type() {
	case fs.ModeDir:
		kind = 0o040000
	case fs.ModeSymlink:
		kind = 0o120000
	}
	return fmt.Sprintf("%06o", kind|int(mode.Perm()))
}
