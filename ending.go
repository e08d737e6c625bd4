package gitlabci

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"regexp"
)

// endingKept is how many bytes of a file's end are kept: room for an archive's end
// of central directory with the longest comment, and for its zip64 records.
const endingKept = 66 << 10

// An ending keeps parts of a body that ends where the connection ends, to find
// out whether it was truncated.
type ending struct {
	start  []byte // the first bytes
	last   []byte // at least endingKept bytes, or all
	size   int64
	packed bool // net/http unpacked it, which checks it unless it is empty
}

// endingOf returns an ending if the response has neither a length nor chunks nor
// the frames of HTTP/2. If net/http unpacked the body, it hides whether there was
// a length.
func endingOf(resp *http.Response) *ending {
	framed := resp.ContentLength >= 0 || len(resp.TransferEncoding) > 0 || resp.ProtoMajor != 1 && !resp.Close || resp.StatusCode != http.StatusOK
	if framed || resp.Uncompressed && !resp.Close {
		return nil
	}
	return &ending{packed: resp.Uncompressed}
}

func (e *ending) add(p []byte) {
	e.size += int64(len(p))
	if missing := len(zipMagic) - len(e.start); missing > 0 {
		e.start = append(e.start, p[:min(missing, len(p))]...)
	}
	if len(p) >= endingKept {
		e.last = append(e.last[:0], p[len(p)-endingKept:]...)
		return
	}
	if len(e.last)+len(p) > 2*endingKept {
		e.last = e.last[:copy(e.last, e.last[len(e.last)-endingKept:])]
	}
	e.last = append(e.last, p...)
}

func (e *ending) Write(p []byte) (int, error) {
	e.add(p)
	return len(p), nil
}

// A wholeness says whether a file is known to be complete.
type wholeness int

const (
	uncertain wholeness = iota
	whole
	short
)

// ofZip tells whether a zip archive is complete. Its last record says where the
// directory begins, and that matches only if nothing is missing. A gzip file
// cannot be checked so: it may be several files in sequence, and the last ones may
// be missing.
func (e *ending) ofZip() wholeness {
	if !bytes.Equal(e.start, zipMagic) && !bytes.Equal(e.start, emptyZipMagic) {
		return uncertain
	}
	_, found, fits := zipEnd(e.last, e.size)
	switch {
	case fits:
		return whole
	case found:
		return uncertain // there may be other data before the archive
	}
	return short
}

const (
	zipEndLen     = 22 // the end of the central directory, without a comment
	zip64PlaceLen = 20 // the locator of the zip64 end record
	zip64EndLen   = 56
)

// zipEnd looks for the end record in the last bytes of an archive of that size. It
// returns where the directory begins, whether there is an end record, and whether
// the directory ends exactly where that record begins.
func zipEnd(last []byte, size int64) (directory int64, found, fits bool) {
	for i := len(last) - zipEndLen; i >= 0; i-- {
		record := last[i:]
		if !bytes.HasPrefix(record, emptyZipMagic) || zipEndLen+int(binary.LittleEndian.Uint16(record[20:])) != len(record) {
			continue
		}
		found = true
		length, at := uint64(binary.LittleEndian.Uint32(record[12:])), uint64(binary.LittleEndian.Uint32(record[16:]))
		end := uint64(size) - uint64(len(record))
		if j := i - zip64PlaceLen - zip64EndLen; j >= 0 && bytes.HasPrefix(last[j:], []byte("PK\x06\x06")) && bytes.HasPrefix(last[i-zip64PlaceLen:], []byte("PK\x06\x07")) {
			length, at = binary.LittleEndian.Uint64(last[j+40:]), binary.LittleEndian.Uint64(last[j+48:])
			end -= zip64PlaceLen + zip64EndLen
		}
		if at <= end && length == end-at {
			return int64(at), true, true
		}
	}
	return 0, found, false
}

// lastLine matches a runner's verdict as the complete last line of a log, with the
// code that resets its color.
var lastLine = regexp.MustCompile(`(?m:^)` + logStamp + `(?:` + verdictText + `\n+|\x1b\[[1-9][0-9;]*m` + verdictText +
	`(?:\x1b\[0;?m\n|\n` + logStamp + `\x1b\[0;?m\n?))$`)

const verdictText = `(?:Job succeeded|ERROR: Job failed[^\n\x1b]*)`

// ofLog tells whether a log is complete.
func (e *ending) ofLog() wholeness {
	if lastLine.Match(e.last[max(0, len(e.last)-4<<10):]) {
		return whole
	}
	return uncertain
}

// finish decides whether a body that ended is the complete file.
func (m *mender) finish() {
	if m.ending == nil || m.ending.packed && m.read > 0 {
		m.over = io.EOF
		return
	}
	switch m.wholeness() {
	case whole:
		m.over = io.EOF
	case short:
		m.broken = io.ErrUnexpectedEOF
	default:
		m.over = m.unsure()
	}
}

// wholeness decides by the bytes of the file, or by its size in the job, which is
// requested once.
func (m *mender) wholeness() wholeness {
	if m.told != nil {
		m.known = m.told(m.ctx)
		m.told = nil
	}
	switch {
	case m.known == m.read:
		return whole
	case m.known > m.read:
		if !m.call.grows {
			m.size = m.known
		}
		return short
	case m.exceeds():
		return uncertain
	case m.call.grows:
		return m.ending.ofLog()
	}
	return m.ending.ofZip()
}

// exceeds reports whether more bytes arrived than the size in the job. A log may
// have grown.
func (m *mender) exceeds() bool { return m.known >= 0 && m.known < m.read && !m.call.grows }

// unsure returns the last error of a file that nothing proves to be complete.
func (m *mender) unsure() error {
	switch cause := m.ctx.Err(); {
	case cause != nil: // it may be why the job's size is unknown
		return m.fail(cause)
	case m.exceeds():
		return m.fail(fmt.Errorf("the job says that the file has %d bytes, but more arrived", m.known))
	case m.lax:
		return io.EOF
	}
	return m.fail(fmt.Errorf("the server sent neither the length nor the end of the file, so it may be cut short: %w", io.ErrUnexpectedEOF))
}

// sizeOf returns a function that requests the size of one of a job's files. The
// size is -1 if the job does not have it or cannot be read, as with a job token.
func (c *Client) sizeOf(project ProjectID, id JobID, kind ArtifactType) func(context.Context) int64 {
	return func(ctx context.Context) int64 {
		job, err := c.Jobs.Get(ctx, project, id)
		switch {
		case err != nil:
			return -1 // the error of the file says that its size is unknown
		case kind == ArtifactTypeArchive && job.ArtifactsFile != nil && job.ArtifactsFile.Size > 0:
			return job.ArtifactsFile.Size
		}
		size, files := int64(-1), 0
		for _, file := range job.Artifacts {
			if file.FileType == kind {
				size, files = file.Size, files+1
			}
		}
		if files != 1 || size < 1 {
			return -1
		}
		return size
	}
}
