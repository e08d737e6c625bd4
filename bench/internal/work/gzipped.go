package work

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

// newGzipped returns net/http's own transport, connected to a server in memory that
// responds to each request with the same body, gzipped as GitLab sends it.
func newGzipped(body []byte) (http.RoundTripper, error) {
	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	if _, err := w.Write(body); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	head := fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n", zipped.Len())
	response := append([]byte(head), zipped.Bytes()...)
	connect := func(context.Context, string, string) (net.Conn, error) {
		c := &canned{response: response}
		c.more.L = &c.mu
		return c, nil
	}
	// A connection that is made for TLS is taken as it is.
	return &http.Transport{DialContext: connect, DialTLSContext: connect}, nil
}

// canned is a connection to a server that responds to each request with the same
// bytes.
type canned struct {
	response []byte

	mu     sync.Mutex
	more   sync.Cond
	left   []byte // of the response
	closed bool
}

func (c *canned) Write(request []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if bytes.HasSuffix(request, []byte("\r\n\r\n")) { // the end of a GET
		c.left = c.response
		c.more.Signal()
	}
	return len(request), nil
}

func (c *canned) Read(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.left) == 0 && !c.closed {
		c.more.Wait()
	}
	if c.closed {
		return 0, net.ErrClosed
	}
	n := copy(p, c.left)
	c.left = c.left[n:]
	return n, nil
}

func (c *canned) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	c.more.Broadcast()
	return nil
}

func (c *canned) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (c *canned) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (c *canned) SetDeadline(time.Time) error      { return nil }
func (c *canned) SetReadDeadline(time.Time) error  { return nil }
func (c *canned) SetWriteDeadline(time.Time) error { return nil }
