package zipped

import (
	"bytes"
	"encoding/binary"
)

var endMagic = []byte("PK\x05\x06")

const (
	endLen        = 22 // the end of the central directory, without a comment
	end64PlaceLen = 20 // the locator of the zip64 end record
	end64Len      = 56
)

// End looks for the end record in the last bytes of an archive of that size. It
// returns where the directory begins, whether there is an end record, and whether
// the directory ends exactly where that record begins.
func End(last []byte, size int64) (directory int64, found, fits bool) {
	for i := len(last) - endLen; i >= 0; i-- {
		record := last[i:]
		if !bytes.HasPrefix(record, endMagic) || endLen+int(binary.LittleEndian.Uint16(record[20:])) != len(record) {
			continue
		}
		found = true
		length, at := uint64(binary.LittleEndian.Uint32(record[12:])), uint64(binary.LittleEndian.Uint32(record[16:]))
		end := uint64(size) - uint64(len(record))
		if j := i - end64PlaceLen - end64Len; j >= 0 && bytes.HasPrefix(last[j:], []byte("PK\x06\x06")) && bytes.HasPrefix(last[i-end64PlaceLen:], []byte("PK\x06\x07")) {
			length, at = binary.LittleEndian.Uint64(last[j+40:]), binary.LittleEndian.Uint64(last[j+48:])
			end -= end64PlaceLen + end64Len
		}
		if at <= end && length == end-at {
			return int64(at), true, true
		}
	}
	return 0, found, false
}
