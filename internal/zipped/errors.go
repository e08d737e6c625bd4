package zipped

// An archiveError matches the error of archive/zip that has the same text. That package
// is not imported: its compressor would become part of every program, unused.
type archiveError string

const (
	errFormat    archiveError = "zip: not a valid zip file"
	errAlgorithm archiveError = "zip: unsupported compression algorithm"
	errChecksum  archiveError = "zip: checksum error"
)

func (e archiveError) Error() string { return string(e) }

func (e archiveError) Is(target error) bool { return target != nil && target.Error() == string(e) }
