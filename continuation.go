package gitlabci

import (
	"bytes"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"net/http"
	"strings"
)

// joinOverlap is how many bytes are requested again before a part that nothing
// but its bytes tells to be of the same file.
const joinOverlap = 64 << 10

// joinEnd is how much of an archive's end comes in one response if parts are
// joined by their bytes: it has the directory, which must be of one archive.
const joinEnd = zipTail

// errUnproven is that nothing proves a part to be of the same file.
var errUnproven = errors.New("nothing proves that it is the same file")

// validatorOf is the validator of a response's bytes as they are read. What
// net/http unpacked has that of other bytes.
func validatorOf(resp *http.Response) string {
	if resp.Uncompressed {
		return ""
	}
	return strongValidator(resp.Header)
}

// tagged reports whether the file has a strong ETag.
func (m *mender) tagged() bool { return isTag(m.validator) }

// rest is what to ask for the rest by, and where that begins; nil is to ask for
// the whole file. A date proves nothing: the archives of two jobs can have the
// same one. So without a strong ETag a part is only requested of the archive of
// one job, which is never replaced, and only if the file is checked in the end.
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

// copiesZip reports whether the file can be checked in the end: it is an
// archive that Save writes as it is.
func (m *mender) copiesZip() bool {
	if m.copied == nil {
		return false
	}
	start := make([]byte, len(zipMagic))
	_, err := m.copied.ReadAt(start, 0)
	return err == nil && bytes.Equal(start, zipMagic)
}

// check reports why a response cannot follow what was handed out, and else
// takes from it how much will come.
func (m *mender) check(resp *http.Response, partly bool) error {
	switch err := encoded(resp); {
	case err != nil:
		return err
	case partly && resp.StatusCode == http.StatusPartialContent:
		return m.checkRest(resp)
	case resp.StatusCode == http.StatusOK:
		return m.checkWhole(resp)
	}
	return fmt.Errorf("%s is not a whole file", statusLine(resp.StatusCode))
}

// checkRest checks a 206: that it is of this file, and begins where it must.
// The error is errUnproven if it can be of another one.
func (m *mender) checkRest(resp *http.Response) error {
	r, err := parseContentRange(resp.Header.Get("Content-Range"))
	switch {
	case err != nil:
		return err
	case r.first != m.asked:
		return fmt.Errorf("the bytes from %d on were asked for, and those from %d on came", m.asked, r.first)
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

// checkWhole checks a 200: whether it can be this file. The bytes themselves
// are compared by skip.
func (m *mender) checkWhole(resp *http.Response) error {
	size := resp.ContentLength
	switch {
	case isPage(resp.Header.Get("Content-Type")) && !m.page:
		return fmt.Errorf("the answer has content type %q: this is a page", resp.Header.Get("Content-Type"))
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

// fits reports whether the file can have come to this size.
func (m *mender) fits(size int64) bool {
	if m.size >= 0 && !m.call.grows {
		return size == m.size
	}
	return size >= max(m.size, m.read)
}

func (m *mender) changed(format string, args ...any) error {
	return fmt.Errorf("the file has changed meanwhile: "+format, args...)
}

// contradicts reports whether the response is one about another file.
func (m *mender) contradicts(header http.Header) bool {
	now := header.Get("Last-Modified")
	if m.tagged() {
		now = header.Get("ETag")
	}
	return m.validator != "" && now != "" && !strings.HasPrefix(now, "W/") && now != m.validator
}

// repeats reports whether a 206 has what the whole file had: its strong ETag,
// or, where parts are joined by their bytes, its date and no new ETag.
func (m *mender) repeats(header http.Header) bool {
	if m.tagged() {
		return header.Get("ETag") == m.validator
	}
	return !isTag(header.Get("ETag")) && (m.validator == "" || header.Get("Last-Modified") == m.validator)
}

// skip reads past what was handed out before, and compares it with that. Only
// a difference is an error: a body that breaks off is asked for once more. The
// hash has a seed that nobody else knows, so no server can make two files look
// alike, and it is faster than a network; SHA-256 is not.
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
		m.broken = scrubError(bare(err), m.secrets)
	case again.Sum64() != m.sum.Sum64():
		return m.fail(m.changed("its first %d bytes are others now", m.read))
	default:
		m.validator, m.seam = m.next, 0 // whatever was joined: it is all of this response
	}
	return nil
}

// join compares the first bytes of a part with those that were handed out, if
// it begins before their end. As in skip, only a difference is an error.
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
			m.broken = scrubError(bare(err), m.secrets)
			return nil
		}
		if !bytes.Equal(again[:n], old[:n]) {
			return m.fail(m.changed("its bytes from %d to %d are others now", at, at+n))
		}
		at += n
	}
	m.seam = m.asked
	return nil
}
