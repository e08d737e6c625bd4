package gitlabcitest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

// A listening is a server with a socket.
type listening struct {
	server *http.Server
	done   chan struct{} // closed when Serve has returned
}

// Start listens on a free port of 127.0.0.1, for clients in other processes,
// and returns the base URL. [Server.Close] ends it. The clients of
// [Server.Client] do not need it and are not changed by it.
func (s *Server) Start() (url string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listening != nil {
		return "", errors.New("gitlabcitest: the server listens already")
	}
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("gitlabcitest: %w", err)
	}
	started := &listening{
		server: &http.Server{Handler: s, ReadHeaderTimeout: time.Minute},
		done:   make(chan struct{}),
	}
	go func() {
		defer close(started.done)
		started.server.Serve(socket) // ends with Close, and has nothing else to tell
	}()
	s.listening = started
	return "http://" + socket.Addr().String(), nil
}

// Close stops listening. Requests that are being answered have two seconds to
// end; what the server knows stays. Without a [Server.Start] it does nothing.
func (s *Server) Close() {
	s.mu.Lock()
	started := s.listening
	s.listening = nil
	s.mu.Unlock()
	if started == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if started.server.Shutdown(ctx) != nil {
		started.server.Close()
	}
	<-started.done
}
