// Package remote reads one file from a server: as a stream, which resumes with the
// missing bytes if a connection breaks, or in parts, or through a temporary file if the
// server does not support ranges.
//
// It is handed a Server, which makes the calls for the file and waits between them,
// and a Spec of what is known of the file. It knows HTTP, but neither GitLab nor what
// is in a file. It never joins bytes of two files: it proves that they are of one
// file, or returns an error.
package remote

import (
	"context"
	"io"
	"net/http"
	"net/url"

	"example.com/gitlabci/internal/rest"
)

// A Server makes the calls for one file.
type Server interface {
	// Request requests the file, or a part of it if the header says so. A URL is one in
	// the storage, which an earlier response came from; nil asks the server itself.
	Request(ctx context.Context, header http.Header, at *url.URL) (*rest.Response, error)

	// WaitToRetry waits before another attempt, after so many in a row that brought
	// nothing. Its error says why there is none: with broken, how the last attempt
	// ended, and with the end of the context, if that is why.
	WaitToRetry(ctx context.Context, failures int, broken error) error

	// Refused returns the status of an error of Request, and whether it is the storage's.
	// The status is 0 if there was no response.
	Refused(err error) (status int, storage bool)

	// Retries reports whether a failed attempt may be repeated at all.
	Retries() bool
}

// A Spec is what is known of a file before it is requested.
type Spec struct {
	Packed        bool // it may be compressed on its way, as net/http asks for it and unpacks it
	Fixed         bool // it is never replaced by another one
	Grows         bool // it may be longer when it is requested again
	AllowUnproven bool // an end that nothing proves is accepted

	Page, JSON  bool                    // it may be sent as an HTML page, or as JSON
	CheckHeader func(http.Header) error // says why a response is not the file, by its header; may be nil

	Progress func(done, total int64)                        // is called as bytes arrive, unless nil
	Length   func(context.Context) int64                    // asks elsewhere for the size, which may be -1; nil if nobody knows
	Ending   func(start, last []byte, size int64) Wholeness // judges a file by its first and last bytes

	// Copy has the bytes that were returned, to read them again. Parts are compared
	// with it and joined to it if Provable says that the whole copy can be checked
	// afterwards. Nil if there is none.
	Copy     io.ReaderAt
	Provable func(copy io.ReaderAt) bool // may be nil: then it cannot

	// Mirrored says that Copy has all bytes of one Read before the next. So a file that
	// is requested again is compared with it, and no checksum is needed for that.
	Mirrored bool
}
