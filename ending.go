package gitlabci

import (
	"bytes"
	"context"
	"encoding/binary"
	"regexp"

	"example.com/gitlabci/internal/remote"
)

// endOfZip tells whether a zip archive is complete. Its last record says where the
// directory begins, and that matches only if nothing is missing. A gzip file
// cannot be checked so: it may be several files in sequence, and the last ones may
// be missing.
func endOfZip(start, last []byte, size int64) remote.Wholeness {
	if !bytes.Equal(start, zipMagic) && !bytes.Equal(start, emptyZipMagic) {
		return remote.Uncertain
	}
	_, found, fits := zipEnd(last, size)
	switch {
	case fits:
		return remote.Whole
	case found:
		return remote.Uncertain // there may be other data before the archive
	}
	return remote.Short
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

// endOfLog tells whether a log is complete.
func endOfLog(_, last []byte, _ int64) remote.Wholeness {
	if lastLine.Match(last[max(0, len(last)-4<<10):]) {
		return remote.Whole
	}
	return remote.Uncertain
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
