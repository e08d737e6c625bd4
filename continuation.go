package gitlabci

import (
	"bytes"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"net/http"
	"strings"

	"example.com/gitlabci/internal/rest"
	"example.com/gitlabci/internal/secret"
)

// joinOverlap is how many bytes are requested again before the missing part, if
// only comparing bytes can show that it belongs to the same file.
const joinOverlap = 64 << 10

// joinEnd is how much of an archive's end is read in one response if parts are
// joined by comparing bytes: it holds the directory, which must be of one archive.
const joinEnd = zipTail

// errUnproven means that nothing proves a part to belong to the same file.
var errUnproven = errors.New("nothing proves that it is the same file")

// validatorOf returns the validator of a response's bytes as they are read. If
// net/http unpacked them, the header's validator is that of the packed bytes.
func validatorOf(resp *http.Response) string {
	if resp.Uncompressed {
		return ""
	}
	return strongValidator(resp.Header)
}

// tagged reports whether the file has a strong ETag.
func (m *mender) tagged() bool { return isTag(m.validator) }

// rest returns the header that requests the missing part, and the offset where
// that begins. A nil header requests the whole file. A date proves nothing: the
// archives of two jobs can have the same one. So without a strong ETag, a part is
// requested only of the archive of one job, which is never replaced, and only if
// the complete file is checked.
func (m *mender) rest() (from int64, header http.Header) {
	if m.read == 0 || !m.ranges {
		return 0, nil
	}
	if from = m.read; !m.tagged() {
		if !m.call.fixed || m.size < 0 || !m.copiesZip() {
			return 0, nil
		}
		from = min(m.read-joinOverlap, m.size-joinEnd)
	}
	if from <= 0 {
		return 0, nil
	}
	header = http.Header{"Range": {fmt.Sprintf("bytes=%d-", from)}, "Accept-Encoding": {identity}}
	if m.validator != "" {
		header.Set("If-Range", m.validator)
	}
	return from, header
}

// copiesZip reports whether the complete file can be checked: it is a zip archive
// that Save writes unchanged.
func (m *mender) copiesZip() bool {
	if m.copied == nil {
		return false
	}
	start := make([]byte, len(zipMagic))
	_, err := m.copied.ReadAt(start, 0)
	return err == nil && bytes.Equal(start, zipMagic)
}

// check returns an error if a response cannot continue the bytes that were read.
// Otherwise it notes the size of the response.
func (m *mender) check(resp *http.Response, partly bool) error {
	switch err := encoded(resp); {
	case err != nil:
		return err
	case partly && resp.StatusCode == http.StatusPartialContent:
		return m.checkRest(resp)
	case resp.StatusCode == http.StatusOK:
		return m.checkWhole(resp)
	}
	return fmt.Errorf("%s is not a whole file", rest.StatusLine(resp.StatusCode))
}

// checkRest checks that a 206 is of this file and begins at the requested byte.
// The error is errUnproven if it may be of another file.
func (m *mender) checkRest(resp *http.Response) error {
	r, err := parseContentRange(resp.Header.Get("Content-Range"))
	switch {
	case err != nil:
		return err
	case r.first != m.asked:
		return fmt.Errorf("the bytes from %d on were requested, but the response begins at byte %d", m.asked, r.first)
	case r.total >= 0 && m.size >= 0 && r.total != m.size:
		return m.changed("it has %d bytes now", r.total)
	case r.total < 0 && (m.size < 0 || !m.tagged()):
		return errors.New("the server does not say which part of the file this is: its Content-Range has no size")
	case m.contradicts(resp.Header):
		return m.changed("it has another ETag or date now")
	case !m.repeats(resp.Header) || r.last < m.read:
		return errUnproven
	}
	m.size, m.end = max(m.size, r.total), r.last+1
	m.ending = nil
	return nil
}

// checkWhole checks that a 200 can be this file. Its bytes are compared by skip.
func (m *mender) checkWhole(resp *http.Response) error {
	size := resp.ContentLength
	switch {
	case rest.IsPage(resp.Header.Get("Content-Type")) && !m.page:
		return fmt.Errorf("the response has content type %q: this is a page", resp.Header.Get("Content-Type"))
	case size >= 0 && !m.fits(size):
		return m.changed("it has %d bytes now", size)
	case m.read > 0 && !m.call.grows && m.contradicts(resp.Header):
		return m.changed("it has another ETag or date now")
	}
	m.next, m.ending = validatorOf(resp), endingOf(resp)
	if size >= 0 || m.call.grows {
		m.size = size
	}
	m.end = m.size
	return nil
}

// fits reports whether the file can have this size now.
func (m *mender) fits(size int64) bool {
	if m.size >= 0 && !m.call.grows {
		return size == m.size
	}
	return size >= max(m.size, m.read)
}

func (m *mender) changed(format string, args ...any) error {
	return fmt.Errorf("the file has changed meanwhile: "+format, args...)
}

// contradicts reports whether the header's validator is that of another file.
func (m *mender) contradicts(header http.Header) bool {
	now := header.Get("Last-Modified")
	if m.tagged() {
		now = header.Get("ETag")
	}
	return m.validator != "" && now != "" && !strings.HasPrefix(now, "W/") && now != m.validator
}

// repeats reports whether a 206 has the strong ETag of the whole file or, if
// parts are joined by comparing bytes, its date and no new strong ETag.
func (m *mender) repeats(header http.Header) bool {
	if m.tagged() {
		return header.Get("ETag") == m.validator
	}
	return !isTag(header.Get("ETag")) && (m.validator == "" || header.Get("Last-Modified") == m.validator)
}

// skip reads past the bytes that were already handed out, and compares them. Only
// a difference is an error: if the body is interrupted, it is requested again.
// The hash has a secret seed, so a server cannot construct a collision. It is
// faster than a network; SHA-256 is not.
func (m *mender) skip() error {
	var again maphash.Hash
	again.SetSeed(m.sum.Seed())
	var w io.Writer = &again
	if m.ending != nil {
		w = io.MultiWriter(w, m.ending)
	}
	n, err := io.CopyN(w, m.body, m.read)
	switch {
	case err == io.EOF && m.size < 0 && m.ending == nil:
		return m.fail(m.changed("it has %d bytes now", n))
	case err == io.EOF:
		m.broken = io.ErrUnexpectedEOF
	case err != nil:
		m.broken = secret.ScrubError(rest.Bare(err), m.secrets)
	case again.Sum64() != m.sum.Sum64():
		return m.fail(m.changed("its first %d bytes are different now", m.read))
	default:
		m.validator, m.seam = m.next, 0 // nothing is joined any more: all bytes are of this response
	}
	return nil
}

// join compares the bytes of a part that overlap those already handed out. As in
// skip, only a difference is an error.
func (m *mender) join() error {
	if m.asked == m.read {
		return nil
	}
	again, old := make([]byte, joinOverlap), make([]byte, joinOverlap)
	for at := m.asked; at < m.read; {
		n := min(m.read-at, joinOverlap)
		if _, err := m.copied.ReadAt(old[:n], at); err != nil {
			return m.fail(err)
		}
		if _, err := io.ReadFull(m.body, again[:n]); err == io.EOF || err == io.ErrUnexpectedEOF {
			m.broken = io.ErrUnexpectedEOF
			return nil
		} else if err != nil {
			m.broken = secret.ScrubError(rest.Bare(err), m.secrets)
			return nil
		}
		if !bytes.Equal(again[:n], old[:n]) {
			return m.fail(m.changed("its bytes from %d to %d are different now", at, at+n))
		}
		at += n
	}
	m.seam = m.asked
	return nil
}
