package remote

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"slices"
	"strings"

	"example.com/gitlabci/internal/rest"
)

// joinOverlap is how many bytes are requested again before the missing part, if
// only comparing bytes can show that it belongs to the same file.
const joinOverlap = 64 << 10

// joinEnd is how much of a file's end is read in one response if parts are joined by
// comparing bytes: an archive's directory is there, which must be of one archive.
const joinEnd = 3 << 19

// errUnproven means that nothing proves a part to belong to the same file.
var errUnproven = errors.New("nothing proves that it is the same file")

// validatorOf returns the validator of a response's bytes as they are read. If
// net/http unpacked them, the header's validator is that of the packed bytes.
func validatorOf(resp *rest.Response) string {
	if resp.Uncompressed {
		return ""
	}
	return strongValidator(resp.Header)
}

// hasETag reports whether the file has a strong ETag.
func (f *File) hasETag() bool { return isTag(f.validator) }

// provenByETag reports whether a strong ETag says that the bytes of the file are the same, so
// that they need not be compared.
func (f *File) provenByETag() bool { return f.hasETag() && !f.spec.Grows }

// isSummed reports whether a checksum is kept of the bytes, to compare them with.
func (f *File) isSummed() bool { return !f.provenByETag() && !f.spec.Mirrored }

// missing returns the header that requests the missing part, and the offset where
// that begins. A nil header requests the whole file. A date proves nothing: the
// archives of two jobs can have the same one. So without a strong ETag, a part is
// requested only of the archive of one job, which is never replaced, and only if
// the complete file is checked.
func (f *File) missing() (from int64, header http.Header) {
	if f.read == 0 || !f.ranges {
		return 0, nil
	}
	from = f.read
	if !f.hasETag() {
		if !f.spec.Fixed || f.size < 0 || !f.provable() {
			return 0, nil
		}
		from = min(f.read-joinOverlap, f.size-joinEnd)
	}
	if from <= 0 {
		return 0, nil
	}
	header = http.Header{"Range": {fmt.Sprintf("bytes=%d-", from)}, "Accept-Encoding": {identity}}
	if f.validator != "" {
		header.Set("If-Range", f.validator)
	}
	return from, header
}

// provable reports whether the complete copy can be checked.
func (f *File) provable() bool {
	return f.spec.Copy != nil && f.spec.Provable != nil && f.spec.Provable(f.spec.Copy)
}

// check returns an error if a response cannot continue the bytes that were read.
// Otherwise it notes the size of the response.
func (f *File) check(resp *rest.Response, partly bool) error {
	if err := f.accept(resp, partly); err != nil {
		return err
	}
	if resp.StatusCode == http.StatusPartialContent {
		return f.checkPart(resp)
	}
	return f.checkWhole(resp)
}

// checkPart checks that a 206 is of this file and begins at the requested byte.
// The error is errUnproven if it may be of another file.
func (f *File) checkPart(resp *rest.Response) error {
	r, err := parseContentRange(resp.Header.Get("Content-Range"))
	if err == nil {
		err = f.checkRange(r)
	}
	switch {
	case err != nil:
		return err
	case f.contradicts(resp.Header):
		return f.Changed("it has another ETag or date now")
	case !f.repeats(resp.Header), r.last < f.read:
		return errUnproven
	}
	f.size, f.end = max(f.size, r.total), r.last+1
	f.ending = nil
	return nil
}

// checkRange checks that a range begins at the requested byte, and is of a file of the
// same size.
func (f *File) checkRange(r contentRange) error {
	switch {
	case r.first != f.partStart:
		return fmt.Errorf("the bytes from %d on were requested, but the response begins at byte %d", f.partStart, r.first)
	case r.total >= 0 && f.size >= 0 && r.total != f.size:
		return f.Changed("it has %d bytes now", r.total)
	case r.total < 0 && (f.size < 0 || !f.hasETag()):
		return errors.New("the server does not say which part of the file this is: its Content-Range has no size")
	}
	return nil
}

// checkWhole checks that a 200 can be this file. Its bytes are compared by skip.
func (f *File) checkWhole(resp *rest.Response) error {
	size := resp.ContentLength
	switch {
	case size >= 0 && !f.fits(size):
		return f.Changed("it has %d bytes now", size)
	case f.read > 0 && !f.spec.Grows && f.contradicts(resp.Header):
		return f.Changed("it has another ETag or date now")
	case f.read > 0 && f.provenByETag() && validatorOf(resp) != f.validator:
		return errors.New("the response has no strong ETag, and the first one had, so nothing proves that it is the same file")
	}
	f.next, f.ending = validatorOf(resp), endingOf(resp)
	if size >= 0 || f.spec.Grows {
		f.size = size
	}
	f.end = f.size
	return nil
}

// fits reports whether the file can have this size now.
func (f *File) fits(size int64) bool {
	if f.size >= 0 && !f.spec.Grows {
		return size == f.size
	}
	return size >= max(f.size, f.read)
}

// Changed is the error of a file that is not the same any more. The format says how
// that is known.
func (f *File) Changed(format string, args ...any) error {
	return fmt.Errorf("the file has changed meanwhile: "+format, args...)
}

// contradicts reports whether the header's validator is that of another file.
func (f *File) contradicts(header http.Header) bool {
	now := header.Get("Last-Modified")
	if f.hasETag() {
		now = header.Get("ETag")
	}
	return f.validator != "" && now != "" && !strings.HasPrefix(now, "W/") && now != f.validator
}

// repeats reports whether a 206 has the strong ETag of the whole file or, if
// parts are joined by comparing bytes, its date and no new strong ETag.
func (f *File) repeats(header http.Header) bool {
	if f.hasETag() {
		return header.Get("ETag") == f.validator
	}
	return !isTag(header.Get("ETag")) && (f.validator == "" || header.Get("Last-Modified") == f.validator)
}

// castagnoli is the CRC for which processors have an instruction.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// A checksum is the CRC-32C of what is written to it.
type checksum uint32

func (c *checksum) Write(p []byte) (int, error) {
	*c = checksum(crc32.Update(uint32(*c), castagnoli, p))
	return len(p), nil
}

var errDifferent = errors.New("the bytes are different")

// A mirror compares what is written to it with a copy. Its error is errDifferent, or says
// why the copy cannot be read.
type mirror struct {
	copy io.ReaderAt
	at   int64
	old  []byte
	err  error
}

func (m *mirror) Write(p []byte) (int, error) {
	m.old = slices.Grow(m.old[:0], len(p))[:len(p)]
	if n, err := m.copy.ReadAt(m.old, m.at); n < len(p) {
		m.err = err
		return 0, err
	}
	if !bytes.Equal(m.old, p) {
		m.err = errDifferent
		return 0, errDifferent
	}
	m.at += int64(len(p))
	return len(p), nil
}

// skip reads past the bytes that were already returned, and compares them, unless a
// strong ETag proves them. Only a difference is an error: if the body is interrupted, it is
// requested again.
func (f *File) skip() error {
	var sum checksum
	same := mirror{copy: f.spec.Copy}
	w := io.Discard
	switch {
	case f.isSummed():
		w = &sum
	case !f.provenByETag():
		w = &same
	}
	if f.ending != nil {
		w = io.MultiWriter(w, f.ending)
	}
	n, err := io.CopyN(w, f.bodies.body, f.read)
	switch {
	case same.err == errDifferent:
		return f.isDifferent()
	case same.err != nil:
		return f.isUnreadable(same.err)
	case err == io.EOF && f.size < 0 && f.ending == nil:
		return f.Fail(f.Changed("it has %d bytes now", n))
	case err != nil:
		return interrupted(err, f.secrets)
	case f.isSummed() && uint32(sum) != f.sum:
		return f.isDifferent()
	}
	f.validator, f.seam = f.next, 0 // nothing is joined any more: all bytes are of this response
	return nil
}

func (f *File) isDifferent() error {
	return f.Fail(f.Changed("its first %d bytes are different now", f.read))
}

// isUnreadable is the error of a copy that has not the bytes that were written to it. It
// is no io.EOF, which would be the end of what is read.
func (f *File) isUnreadable(err error) error {
	if err == io.EOF {
		err = errors.New("the file is shorter now")
	}
	return f.Fail(fmt.Errorf("what was written cannot be read again: %w", err))
}

// join compares the bytes of a part that overlap those already returned. As in
// skip, only a difference is an error.
func (f *File) join() error {
	if f.partStart == f.read {
		return nil
	}
	again, old := make([]byte, joinOverlap), make([]byte, joinOverlap)
	for at := f.partStart; at < f.read; {
		n := min(f.read-at, joinOverlap)
		if _, err := f.spec.Copy.ReadAt(old[:n], at); err != nil {
			return f.isUnreadable(err)
		}
		if _, err := io.ReadFull(f.bodies.body, again[:n]); err != nil {
			return interrupted(err, f.secrets)
		}
		if !bytes.Equal(again[:n], old[:n]) {
			return f.Fail(f.Changed("its bytes from %d to %d are different now", at, at+n))
		}
		at += n
	}
	f.seam = f.partStart
	return nil
}
