package inflate

import (
	"compress/flate"
	"io"
	"math"
)

const (
	history  = 32 << 10 // how far back a match reaches at most
	mostRead = 16 << 10 // bytes of the data that are held
	mostHeld = 8        // bytes of them that may be given back
)

// A Reader inflates deflated data as it arrives. It waits for more data only when all that
// can be inflated was read.
type Reader struct {
	from io.Reader
	last error // of from
	f    inflater
	in   []byte
	past int64 // bytes before in
	room []byte
	seen int   // bytes of the inflater's out that were read
	err  error // after them
}

// NewReader returns a reader of what is in deflated data.
func NewReader(from io.Reader) *Reader {
	r := &Reader{in: make([]byte, 0, mostRead), room: make([]byte, 0, 2*history+longestStep)}
	r.Reset(from)
	return r
}

// Reset begins with other data.
func (r *Reader) Reset(from io.Reader) {
	r.from, r.last, r.in, r.past = from, nil, r.in[:0], 0
	r.f.in, r.f.at = r.in, 0
	r.begin()
}

// begin begins with deflated data at the present offset.
func (r *Reader) begin() {
	r.f.out, r.f.most, r.seen, r.err = r.room[:0], math.MaxInt, 0, nil
	r.f.begin()
}

// Read reads more of what is inflated.
func (r *Reader) Read(p []byte) (int, error) {
	for r.seen == len(r.f.out) && r.err == nil {
		r.inflate()
	}
	n := copy(p, r.f.out[r.seen:])
	if r.seen += n; n == 0 && len(p) > 0 {
		return 0, r.err
	}
	return n, nil
}

// inflate inflates more, once the last of it was read.
func (r *Reader) inflate() {
	f := &r.f
	if cap(f.out)-len(f.out) < history {
		f.out = f.out[:copy(f.out, f.out[len(f.out)-history:])]
		r.seen = len(f.out)
	}
	switch f.run() {
	case done:
		r.err = io.EOF
	case short:
		if r.seen == len(f.out) {
			r.err = r.fill()
		}
	case broken:
		r.err = flate.CorruptInputError(r.past + int64(f.at))
	}
}

// fill reads more data, behind what is left of the last, or finds out that there is none.
func (r *Reader) fill() error {
	used := max(r.f.at-mostHeld, 0)
	r.past += int64(used)
	r.f.at -= used
	r.in = r.in[:copy(r.in, r.in[used:])]
	r.f.in = r.in
	for tries := 0; r.last == nil; tries++ {
		n, err := r.from.Read(r.in[len(r.in):cap(r.in)])
		r.in, r.last = r.in[:len(r.in)+n], err
		r.f.in = r.in
		if n > 0 {
			return nil
		}
		if tries == 100 {
			return io.ErrNoProgress
		}
	}
	switch {
	case r.last != io.EOF:
		return r.last
	case r.f.final:
		return io.ErrUnexpectedEOF
	}
	r.f.final = true
	return nil
}

// need waits until there are so many bytes after the present offset.
func (r *Reader) need(n int) ([]byte, error) {
	for len(r.in)-r.f.at < n {
		if err := r.fill(); err != nil {
			return r.in[r.f.at:], err
		}
	}
	return r.in[r.f.at:], nil
}
