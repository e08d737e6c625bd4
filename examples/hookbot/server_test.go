package main

import (
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A listener accepts the connections of a channel.
type listener struct{ connections chan net.Conn }

func (l listener) Accept() (net.Conn, error) {
	if c, ok := <-l.connections; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}

func (listener) Close() error   { return nil }
func (listener) Addr() net.Addr { return &net.TCPAddr{} }

// A body that does not arrive holds no connection, whatever its URL, and large headers are
// not read.
func TestServerLimits(t *testing.T) {
	for request, status := range map[string]string{
		"POST /other HTTP/1.1\r\nHost: bot\r\nContent-Length: 5\r\n\r\n":                "404",
		"GET / HTTP/1.1\r\nHost: bot\r\nX: " + strings.Repeat("x", 40<<10) + "\r\n\r\n": "431",
	} {
		synctest.Test(t, func(t *testing.T) {
			client, connection := net.Pipe()
			connections := make(chan net.Conn, 1)
			connections <- connection
			close(connections)
			go newServer(http.NotFoundHandler()).Serve(listener{connections})
			go io.WriteString(client, request)
			start := time.Now()
			response, err := io.ReadAll(client)
			if err != nil || !strings.HasPrefix(string(response), "HTTP/1.1 "+status) {
				t.Errorf("the response is %q, not %s: %v", response, status, err)
			}
			if waited := time.Since(start); waited > 20*time.Second {
				t.Errorf("the connection was held for %v", waited)
			}
			client.Close()
		})
	}
}
