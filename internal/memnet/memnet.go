// Package memnet connects net/http's client to net/http's server in memory. Framing,
// trailers, connection reuse and timeouts are real, and yet everything works inside a
// [testing/synctest] bubble, where a socket would stop the clock.
//
// It gets host names with their handlers, and returns a transport that reaches these hosts.
// It never opens a socket, and never changes a request or a response.
package memnet

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"
)

// A Network is a set of servers by host name.
type Network struct {
	mu      sync.Mutex
	servers map[string]*http.Server
}

// Handle serves host, without a port, by handler.
func (n *Network) Handle(host string, handler http.Handler) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.servers == nil {
		n.servers = map[string]*http.Server{}
	}
	// The log is net/http's complaint about connections that tests break.
	server := &http.Server{Handler: handler, ErrorLog: log.New(io.Discard, "", 0), Protocols: new(http.Protocols)}
	server.Protocols.SetHTTP1(true)
	server.Protocols.SetUnencryptedHTTP2(true)
	n.servers[host] = server
}

// Transport returns a transport whose connections are pipes to the network's
// servers, for http and https alike. It keeps no idle connections: in a
// synctest bubble nobody would be left to close them.
func (n *Network) Transport() *http.Transport {
	return &http.Transport{
		DialContext:       n.Dial,
		DialTLSContext:    n.Dial,
		DisableKeepAlives: true,
	}
}

// HTTP2 returns a transport as Transport does that speaks HTTP/2 alone.
func (n *Network) HTTP2() *http.Transport {
	transport := n.Transport()
	transport.Protocols = new(http.Protocols)
	transport.Protocols.SetUnencryptedHTTP2(true)
	return transport
}

// Dial connects to the server at address.
func (n *Network) Dial(_ context.Context, _, address string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	server := n.servers[strings.ToLower(host)]
	n.mu.Unlock()
	if server == nil {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	client, connection := net.Pipe()
	go func() {
		// Serve ends immediately, after its only connection is accepted.
		if err := server.Serve(&listener{connection: connection}); err != net.ErrClosed {
			panic(fmt.Sprintf("memnet: serving one connection: %v", err))
		}
	}()
	return client, nil
}

// A listener accepts one connection.
type listener struct{ connection net.Conn }

func (l *listener) Accept() (net.Conn, error) {
	if c := l.connection; c != nil {
		l.connection = nil
		return c, nil
	}
	return nil, net.ErrClosed
}

func (l *listener) Close() error   { return nil }
func (l *listener) Addr() net.Addr { return address{} }

type address struct{}

func (address) Network() string { return "memory" }
func (address) String() string  { return "memory" }
