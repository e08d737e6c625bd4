package gitlabci_test

import (
	"bufio"
	"crypto/tls"
	"encoding/binary"
	"encoding/pem"
	"io"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
)

// The HTTP/2 frames that a frameServer reads or writes; see RFC 9113, 6.
const (
	frameData     = 0
	frameHeaders  = 1
	frameReset    = 3
	frameSettings = 4
	framePing     = 6
	frameGoAway   = 7

	flagAck        = 1
	flagEndStream  = 1
	flagEndHeaders = 4
)

// HPACK header fields, RFC 7541: literal values for index 8 of the static table,
// which is :status.
var (
	status201 = []byte{8, 3, '2', '0', '1'}
	status103 = []byte{8, 3, '1', '0', '3'}
)

// A frameServer is a server that speaks HTTP/2 over TLS, frame by frame.
type frameServer struct {
	address, certificate string
	requests             atomic.Int64
	respond              func(c *frameConn, stream uint32, request int)
	protocols            func() []string // of the next connection; nil is HTTP/2
}

// A frameConn is one of its connections.
type frameConn struct{ net.Conn }

// newFrameServer starts a server that calls respond after each request; requests
// are counted from 1.
func newFrameServer(t *testing.T, respond func(c *frameConn, stream uint32, request int)) *frameServer {
	t.Helper()
	identity := httptest.NewUnstartedServer(nil)
	identity.StartTLS()
	certificates := identity.TLS.Certificates
	identity.Close()
	s := &frameServer{respond: respond, certificate: filepath.Join(t.TempDir(), "ca.pem")}
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificates[0].Certificate[0]})
	require.NoError(t, os.WriteFile(s.certificate, ca, 0o600))
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		Certificates: certificates,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			protocols := []string{"h2"}
			if s.protocols != nil {
				protocols = s.protocols()
			}
			return &tls.Config{Certificates: certificates, NextProtos: protocols}, nil
		},
	})
	require.NoError(t, err)
	t.Cleanup(func() { listener.Close() })
	s.address = "https://" + listener.Addr().String()
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { conn.Close() }) // the client of the test cannot be closed
			go s.serve(&frameConn{conn})
		}
	}()
	return s
}

// client returns a client with the default transport.
func (s *frameServer) client(t *testing.T, opts ...gitlabci.Option) *gitlabci.Client {
	t.Helper()
	envSet(t, map[string]string{"GITLAB_URL": s.address, "GITLAB_TOKEN": scriptToken, "CI_SERVER_TLS_CA_FILE": s.certificate})
	client, err := gitlabci.NewClientFromEnv(opts...)
	require.NoError(t, err)
	return client
}

// serve reads frames until the connection ends. A request is complete when its
// stream ends.
func (s *frameServer) serve(c *frameConn) {
	defer c.Close()
	r := bufio.NewReader(c)
	if start, err := r.Peek(3); err != nil || string(start) != "PRI" {
		s.requests.Add(int64(min(len(start), 1))) // of HTTP/1
		return
	}
	if _, err := io.CopyN(io.Discard, r, int64(len("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"))); err != nil {
		return
	}
	c.write(frameSettings, 0, 0, nil)
	for {
		header := make([]byte, 9)
		if _, err := io.ReadFull(r, header); err != nil {
			return
		}
		payload := make([]byte, int(header[0])<<16|int(header[1])<<8|int(header[2]))
		if _, err := io.ReadFull(r, payload); err != nil {
			return
		}
		kind, flags, stream := header[3], header[4], binary.BigEndian.Uint32(header[5:])
		switch {
		case kind == frameSettings && flags&flagAck == 0:
			c.write(frameSettings, flagAck, 0, nil)
		case kind == framePing && flags&flagAck == 0:
			c.write(framePing, flagAck, 0, payload)
		case (kind == frameHeaders || kind == frameData) && flags&flagEndStream != 0:
			s.respond(c, stream, int(s.requests.Add(1)))
		}
	}
}

// write ignores the error of a connection that the client has closed.
func (c *frameConn) write(kind, flags byte, stream uint32, payload []byte) {
	c.Write(frame(kind, flags, stream, payload))
}

func frame(kind, flags byte, stream uint32, payload []byte) []byte {
	n := len(payload)
	header := []byte{byte(n >> 16), byte(n >> 8), byte(n), kind, flags}
	return append(binary.BigEndian.AppendUint32(header, stream), payload...)
}

// succeed responds as GitLab does.
func (c *frameConn) succeed(stream uint32) { c.Write(success(stream)) }

func success(stream uint32) []byte {
	headers := frame(frameHeaders, flagEndHeaders, stream, status201)
	return append(headers, frame(frameData, flagEndStream, stream, []byte(`{"id":7}`))...)
}

// reset resets a stream.
func (c *frameConn) reset(stream, code uint32) {
	c.write(frameReset, 0, stream, binary.BigEndian.AppendUint32(nil, code))
}

// goAway sends a GOAWAY with the last stream that was processed.
func (c *frameConn) goAway(last, code uint32) {
	c.write(frameGoAway, 0, 0, binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, last), code))
}
