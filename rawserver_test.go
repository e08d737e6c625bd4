package gitlabci_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
)

// A rawServer sends the same bytes for each request, or only the first cut of them
// and then closes the connection.
type rawServer struct {
	address  string
	response string
	cut      atomic.Int64 // bytes; -1 for all
	requests atomic.Int64
}

func newRawServer(t *testing.T, response string) *rawServer {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { listener.Close() })
	s := &rawServer{address: "http://" + listener.Addr().String(), response: response}
	s.cut.Store(-1)
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

func (s *rawServer) serve(conn net.Conn) {
	defer conn.Close()
	for r := bufio.NewReader(conn); ; {
		req, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		if _, err := io.Copy(io.Discard, req.Body); err != nil {
			return
		}
		s.requests.Add(1)
		cut := s.cut.Load()
		if cut >= 0 {
			io.WriteString(conn, s.response[:cut])
			return
		}
		io.WriteString(conn, s.response)
	}
}

// client returns a client with the default transport.
func (s *rawServer) client(t *testing.T, opts ...gitlabci.Option) *gitlabci.Client {
	t.Helper()
	client, err := gitlabci.NewClient(append([]gitlabci.Option{gitlabci.WithBaseURL(s.address), gitlabci.WithToken(scriptToken)}, opts...)...)
	require.NoError(t, err)
	return client
}
