package testkit

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
)

// The HTTP/2 frames that a FrameServer reads or writes; see RFC 9113, 6.
const (
	frameData     = 0
	FrameHeaders  = 1
	frameReset    = 3
	frameSettings = 4
	framePing     = 6
	frameGoAway   = 7

	flagAck        = 1
	flagEndStream  = 1
	FlagEndHeaders = 4
)

// HPACK header fields, RFC 7541: literal values for index 8 of the static table,
// which is :status.
var (
	status201 = []byte{8, 3, '2', '0', '1'}
	Status103 = []byte{8, 3, '1', '0', '3'}
)

// A FrameServer is a server that speaks HTTP/2 over TLS, frame by frame.
type FrameServer struct {
	address, certificate string
	Requests             atomic.Int64
	respond              func(c *FrameConn, stream uint32, request int)
	Protocols            func() []string // of the next connection; nil is HTTP/2
}

// A FrameConn is one of its connections.
type FrameConn struct{ net.Conn }

// identity is the certificate of all frame servers, with a key of an elliptic curve: these
// servers see a handshake for each request that fails, and the RSA key of package httptest
// would be a sixth of it.
var identity = sync.OnceValue(func() tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC),
		IsCA: true, BasicConstraintsValid: true, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		panic(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
})

// NewFrameServer starts a server that calls respond after each request; requests
// are counted from 1.
func NewFrameServer(t *testing.T, respond func(c *FrameConn, stream uint32, request int)) *FrameServer {
	t.Helper()
	certificates := []tls.Certificate{identity()}
	s := &FrameServer{respond: respond, certificate: filepath.Join(t.TempDir(), "ca.pem")}
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificates[0].Certificate[0]})
	require.NoError(t, os.WriteFile(s.certificate, ca, 0o600))
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		Certificates: certificates,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			protocols := []string{"h2"}
			if s.Protocols != nil {
				protocols = s.Protocols()
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
			go s.serve(&FrameConn{conn})
		}
	}()
	return s
}

// Client returns a client with the default transport.
func (s *FrameServer) Client(t *testing.T, opts ...gitlabci.Option) *gitlabci.Client {
	t.Helper()
	SetEnv(t, map[string]string{"GITLAB_URL": s.address, "GITLAB_TOKEN": Token, "CI_SERVER_TLS_CA_FILE": s.certificate})
	client, err := gitlabci.NewClientFromEnv(opts...)
	require.NoError(t, err)
	return client
}

// serve reads frames until the connection ends. A request is complete when its
// stream ends.
func (s *FrameServer) serve(c *FrameConn) {
	defer c.Close()
	r := bufio.NewReader(c)
	if start, err := r.Peek(3); err != nil || string(start) != "PRI" {
		s.Requests.Add(int64(min(len(start), 1))) // of HTTP/1
		return
	}
	if _, err := io.CopyN(io.Discard, r, int64(len("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"))); err != nil {
		return
	}
	c.Send(frameSettings, 0, 0, nil)
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
			c.Send(frameSettings, flagAck, 0, nil)
		case kind == framePing && flags&flagAck == 0:
			c.Send(framePing, flagAck, 0, payload)
		case (kind == FrameHeaders || kind == frameData) && flags&flagEndStream != 0:
			s.respond(c, stream, int(s.Requests.Add(1)))
		}
	}
}

// Send ignores the error of a connection that the client has closed.
func (c *FrameConn) Send(kind, flags byte, stream uint32, payload []byte) {
	c.Write(frame(kind, flags, stream, payload))
}

func frame(kind, flags byte, stream uint32, payload []byte) []byte {
	n := len(payload)
	header := []byte{byte(n >> 16), byte(n >> 8), byte(n), kind, flags}
	return append(binary.BigEndian.AppendUint32(header, stream), payload...)
}

// Succeed responds as GitLab does.
func (c *FrameConn) Succeed(stream uint32) { c.Write(FrameSuccess(stream)) }

// FrameSuccess is the successful response to a write.
func FrameSuccess(stream uint32) []byte {
	headers := frame(FrameHeaders, FlagEndHeaders, stream, status201)
	return append(headers, frame(frameData, flagEndStream, stream, []byte(`{"id":7}`))...)
}

// Reset resets a stream.
func (c *FrameConn) Reset(stream, code uint32) {
	c.Send(frameReset, 0, stream, binary.BigEndian.AppendUint32(nil, code))
}

// GoAway sends a GOAWAY with the last stream that was processed.
func (c *FrameConn) GoAway(last, code uint32) {
	c.Send(frameGoAway, 0, 0, binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, last), code))
}

// A RawServer sends the same bytes for each request, or only the first cut of them
// and then closes the connection.
type RawServer struct {
	address  string
	response string
	Cut      atomic.Int64 // bytes; -1 for all
	Requests atomic.Int64
}

// NewRawServer starts a server on this machine.
func NewRawServer(t *testing.T, response string) *RawServer {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { listener.Close() })
	s := &RawServer{address: "http://" + listener.Addr().String(), response: response}
	s.Cut.Store(-1)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { conn.Close() }) // the client of the test cannot be closed
			go s.serve(conn)
		}
	}()
	return s
}

func (s *RawServer) serve(conn net.Conn) {
	defer conn.Close()
	for r := bufio.NewReader(conn); ; {
		req, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		if _, err := io.Copy(io.Discard, req.Body); err != nil {
			return
		}
		s.Requests.Add(1)
		cut := s.Cut.Load()
		if cut >= 0 {
			io.WriteString(conn, s.response[:cut])
			return
		}
		io.WriteString(conn, s.response)
	}
}

// Client returns a client with the default transport.
func (s *RawServer) Client(t *testing.T, opts ...gitlabci.Option) *gitlabci.Client {
	t.Helper()
	client, err := gitlabci.NewClient(append([]gitlabci.Option{gitlabci.WithBaseURL(s.address), gitlabci.WithToken(Token)}, opts...)...)
	require.NoError(t, err)
	return client
}
