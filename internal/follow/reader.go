package follow

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"example.com/gitlabci/internal/remote"
	"example.com/gitlabci/internal/rest"
	"example.com/gitlabci/internal/secret"
)

const (
	// doubtsNeeded is how often in a row a log must look rewritten before that is
	// believed: a response that was cut off looks so, too.
	doubtsNeeded = 8

	// agreementNeeded is how many bytes of the overlap must be the same to believe
	// it of everything before them.
	agreementNeeded = 64

	// longestSlice is the most bytes that GitLab sends by byte_limit.
	longestSlice = 512_000

	// shortestSliced is the size of a log from which on only what is new is requested.
	shortestSliced = 2 * mostOverlap
)

// A serving is what a server sends of a log that is requested by byte_offset.
type serving int

const (
	unknownLogs serving = iota
	logOffsets          // the part that was requested
	wholeLogs           // all of it: the server is older than 19.1
)

// A reader copies what is new of a log.
type reader struct {
	server    Server
	rewritten func(from int64)

	copied logCopy
	read   int64 // bytes, of this poll
	doubts int   // how often in a row the log looked rewritten

	serves    serving
	rangeless bool // a server of whole logs has ignored Range, too

	more     bool // the last response had as many bytes as it may have
	unframed bool // it may have been cut off without an error
}

// readNew copies what is new. If the log was rewritten, it goes back to the first byte that
// differs.
func (r *reader) readNew(ctx context.Context) error {
	for {
		r.more = false
		agreed, err := r.request(ctx)
		switch {
		case err != nil:
			return err
		case r.more:
			continue
		case r.doubts < doubtsNeeded:
			return nil
		}
		r.doubts = 0
		if err := r.copied.goBack(agreed, r.rewritten); err != nil {
			return err
		}
	}
}

// request requests the log once. It copies what follows the overlap if that is the
// same. Otherwise there is one more doubt, and it returns how much of the overlap agreed.
func (r *reader) request(ctx context.Context) (agreed int, err error) {
	part, err := r.open(ctx)
	if err != nil {
		return 0, err
	}
	defer part.Close()
	agreed, same, err := r.compare(part)
	if err != nil {
		return 0, err
	}
	if !same {
		r.doubts++
		if r.serves == logOffsets {
			r.serves = unknownLogs // an older server may have sent the whole log
		}
		return agreed, nil
	}
	r.doubts = 0
	r.unframed = part.resp != nil && !remote.IsFramed(part.resp)
	_, err = io.Copy(&r.copied, part)
	if err != nil && !isWriteError(err) {
		err = part.broken()
	}
	r.more = err == nil && part.full
	return agreed, err
}

// compare reads the overlap, and returns how much of it is as it was copied, and
// whether that is all of it.
func (r *reader) compare(part *part) (agreed int, same bool, err error) {
	again := make([]byte, r.copied.overlap())
	n := 0
	if _, err = io.CopyN(io.Discard, part, r.from()-part.start); err == nil {
		n, err = io.ReadFull(part, again)
	}
	if err != nil && part.broken() != nil {
		return 0, false, part.broken()
	}
	agreed, same = r.copied.agrees(again[:n])
	if !same && agreed < agreementNeeded && r.from() > 0 {
		agreed = 0
	}
	return agreed, same, nil
}

// from is the byte at which the overlap begins.
func (r *reader) from() int64 { return r.copied.size - r.copied.overlap() }

// open requests the log from the overlap on, as far as the server supports that.
func (r *reader) open(ctx context.Context) (*part, error) {
	from := r.from()
	switch {
	case from == 0, r.copied.size < shortestSliced && r.serves != wholeLogs:
		return r.get(ctx, nil, 0)
	case r.serves == unknownLogs:
		return r.probe(ctx)
	case r.serves == logOffsets:
		return r.slice(ctx, from)
	}
	return r.get(ctx, nil, from)
}

// slice requests fewer bytes than were copied. While GitLab is upgraded, a server that
// does not know byte_offset may respond with the whole log, and where the lines of a log
// are the same, they do not show which part of it they are. But the whole log is longer.
func (r *reader) slice(ctx context.Context, from int64) (*part, error) {
	limit := min(r.copied.size-1, longestSlice)
	part, err := r.get(ctx, url.Values{"byte_offset": {strconv.FormatInt(from, 10)}, "byte_limit": {strconv.FormatInt(limit, 10)}}, from)
	if err != nil || part.resp == nil {
		return part, err
	}
	size := part.resp.ContentLength
	if size < 0 {
		if size, err = part.measure(limit + 1); err != nil {
			part.Close()
			return nil, err
		}
	}
	part.full = size == limit
	if size > limit {
		part.start, r.serves = 0, unknownLogs
	}
	return part, nil
}

// measure reads up to most bytes, which are read again, and returns how many there are.
func (p *part) measure(most int64) (size int64, err error) {
	var ahead bytes.Buffer
	size, err = io.CopyN(&ahead, p, most)
	*p.read -= size // they are read again
	if err != nil && p.broken() != nil {
		return 0, p.broken()
	}
	p.Reader = io.MultiReader(&ahead, p.Reader)
	return size, nil
}

// probe requests one byte. A server that does not support that sends the whole log,
// which is then used.
func (r *reader) probe(ctx context.Context) (*part, error) {
	part, err := r.get(ctx, url.Values{"byte_offset": {"0"}, "byte_limit": {"1"}}, 0)
	if err != nil {
		return nil, err
	}
	if part.resp == nil {
		return part, nil
	}
	n, err := part.measure(2)
	switch {
	case err != nil:
		part.Close()
		return nil, err
	case n == 0: // there is no log
		return part, nil
	case n == 1:
		part.Close()
		r.serves = logOffsets
		return r.open(ctx)
	}
	r.serves = wholeLogs
	return part, nil
}

// get requests the log by a query, or from a byte on by a Range. The part that it
// returns begins there, or at another byte if it says so, or is the whole log.
func (r *reader) get(ctx context.Context, query url.Values, from int64) (*part, error) {
	var span http.Header
	if query == nil && from > 0 && !r.rangeless {
		span = http.Header{"Range": {fmt.Sprintf("bytes=%d-", from)}}
	}
	resp, err := r.server.Open(ctx, query, span)
	if err != nil {
		if (span != nil || query != nil) && r.endsBefore(err) {
			return &part{Reader: http.NoBody, Closer: http.NoBody, start: from, read: &r.read}, nil
		}
		return nil, err
	}
	p := &part{Reader: resp.Body, Closer: resp.Body, start: from, read: &r.read, resp: resp}
	if err := p.check(); err != nil {
		resp.Body.Close()
		return nil, p.fail(err)
	}
	if query == nil && resp.StatusCode == http.StatusOK {
		p.start, r.rangeless = 0, r.rangeless || span != nil
	}
	return p, nil
}

// endsBefore reports whether an error says that a part begins at the end of the log or
// behind it: the part of a Range, or of one that newer servers derive from byte_offset
// for their storage.
func (r *reader) endsBefore(err error) bool {
	return r.server.Explain(err).Status == http.StatusRequestedRangeNotSatisfiable
}

// A part is what a response has of a log: everything from the byte start on.
type part struct {
	io.Reader
	io.Closer
	start int64
	read  *int64
	full  bool           // it has as many bytes as it may have
	resp  *rest.Response // nil if the log ends before the part
	err   error          // of the last Read
}

func (p *part) Read(b []byte) (int, error) {
	n, err := p.Reader.Read(b)
	*p.read += int64(n)
	p.err = err
	return n, err
}

// broken returns why there is no more, unless that is the end.
func (p *part) broken() error {
	if p.err == nil || p.err == io.EOF {
		return nil
	}
	return p.fail(fmt.Errorf("after %d bytes: %w", *p.read, rest.Bare(p.err)))
}

// fail makes an error that of the response, without the secrets of its request.
func (p *part) fail(err error) error {
	return rest.Errorf("%s: %w", p.resp.From, secret.ScrubError(err, p.resp.Secrets))
}

// check refuses a response that is not the requested part of a log.
func (p *part) check() error {
	if err := remote.Accept(p.resp, "log"); err != nil {
		return err
	}
	sent := p.resp.Header.Get("Content-Range")
	if p.resp.StatusCode == http.StatusPartialContent && !strings.HasPrefix(sent, fmt.Sprintf("bytes %d-", p.start)) {
		return fmt.Errorf("the part of the log has the Content-Range %s, not from byte %d on", remote.QuotedRange(sent), p.start)
	}
	return nil
}
