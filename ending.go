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

// endingKept is how much of a file's end is kept: an archive's end of central
// directory with the longest comment, and before that its zip64 records.
const endingKept = 66 << 10

// An ending is what is kept of a body whose end only the connection tells, to
// find out whether it was cut off.
type ending struct {
	start  []byte // the first bytes
	last   []byte // at least endingKept bytes, or all
	size   int64
	packed bool // whether net/http unpacked it, and so checked it unless it is empty
}

// endingOf returns the ending of a response that has neither a length nor
// chunks nor the frames of HTTP/2, so that net/http closes its connection. Of
// what net/http unpacked it hides whether there was a length.
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

// A wholeness is what is known of whether a file is whole.
type wholeness int

const (
	uncertain wholeness = iota
	whole
	short
)

// ofZip tells whether an archive is whole: its last record says where the
// directory before it begins, which fits only if nothing is missing. A gzip
// file has no such end: it may be several, one after the other, of which some
// are missing.
func (e *ending) ofZip() wholeness {
	if !bytes.Equal(e.start, zipMagic) && !bytes.Equal(e.start, emptyZipMagic) {
		return uncertain
	}
	_, found, fits := zipEnd(e.last, e.size)
	switch {
	case fits:
		return whole
	case found:
		return uncertain // something may stand before the archive
	}
	return short
}

const (
	zipEndLen     = 22 // the end of the central directory, without a comment
	zip64PlaceLen = 20 // what tells where that of zip64 is
	zip64EndLen   = 56
)

// zipEnd looks for the end of an archive's directory in the last bytes of one
// of that size. It returns where the directory begins, and whether it ends
// where the end begins.
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

// lastLine is a runner's verdict as the whole last line of a log, with the end
// of its colour.
var lastLine = regexp.MustCompile(`(?m:^)` + logStamp + `(?:` + verdictText + `\n+|\x1b\[[1-9][0-9;]*m` + verdictText +
	`(?:\x1b\[0;?m\n|\n` + logStamp + `\x1b\[0;?m\n?))$`)

const verdictText = `(?:Job succeeded|ERROR: Job failed[^\n\x1b]*)`

// ofLog tells whether a log is whole.
func (e *ending) ofLog() wholeness {
	if lastLine.Match(e.last[max(0, len(e.last)-4<<10):]) {
		return whole
	}
	return uncertain
}

// finish decides whether a body that ended is the whole file.
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

// wholeness is what the bytes tell of the file, or the job, which is asked for
// its size once.
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

// exceeds reports whether more came than the job says there is. A log may have
// grown.
func (m *mender) exceeds() bool { return m.known >= 0 && m.known < m.read && !m.call.grows }

// unsure is what a file ends with that nothing proves to be whole.
func (m *mender) unsure() error {
	switch cause := m.ctx.Err(); {
	case cause != nil: // perhaps only for that the job did not tell
		return m.fail(cause)
	case m.exceeds():
		return m.fail(fmt.Errorf("the job says that it has %d bytes", m.known))
	case m.lax:
		return io.EOF
	}
	return m.fail(fmt.Errorf("the server sent neither the length of the file nor its end, so it may be cut short: %w", io.ErrUnexpectedEOF))
}

// sizeOf returns what asks a job for the size of one of its files. That is -1
// if the job does not tell, or cannot be read: a job token may not.
func (c *Client) sizeOf(project ProjectID, id JobID, kind ArtifactType) func(context.Context) int64 {
	return func(ctx context.Context) int64 {
		job, err := c.Jobs.Get(ctx, project, id)
		switch {
		case err != nil:
			return -1 // the file's own error says that nothing told its size
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
