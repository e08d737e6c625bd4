package gitlabcitest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

// A socketServer is a server with a socket.
type socketServer struct {
	url     string
	server  *http.Server
	done    chan struct{} // closed when Serve has returned
	storage *socketServer // beside it, or nil
}

// Start listens on a free port of 127.0.0.1, for clients in other processes,
// and returns the base URL. A storage has a port of its own, to which clients are
// redirected. [Server.Close] ends both. The clients of [Server.Client] do not need it and
// are not changed by it.
func (s *Server) Start() (url string, err error) {
	var api, storage net.Listener
	if s.delivery.storage != nil {
		if storage, err = freePort(); err != nil {
			return "", err
		}
	}
	if api, err = freePort(); err != nil {
		return "", errors.Join(err, closeAll(storage))
	}
	return s.StartOn(api, storage)
}

// StartOn is [Server.Start] on listeners of the caller's, such as one on a port
// that others know; [WithExternalURL] can set its URL. The second one is for the storage,
// and nil for a server without one; anything else panics. If it listens on all IP addresses
// of the machine, redirects use the one that the client connected to. [Server.Close] closes
// both, and so does an error.
func (s *Server) StartOn(api, storage net.Listener) (url string, err error) {
	if (storage != nil) != (s.delivery.storage != nil) {
		misuse("StartOn: a listener for the storage goes with WithStorage, and neither without the other")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listening != nil {
		return "", errors.Join(errors.New("gitlabcitest: the server listens already"), closeAll(api, storage))
	}
	var beside *socketServer
	if storage != nil {
		beside = serve(storage, http.HandlerFunc(s.atStorage), nil)
	}
	s.listening = serve(api, s, beside)
	return s.listening.url, nil
}

func freePort() (net.Listener, error) {
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("gitlabcitest: %w", err)
	}
	return socket, nil
}

// closeAll closes those listeners that there are.
func closeAll(all ...net.Listener) (err error) {
	for _, one := range all {
		if one != nil {
			err = errors.Join(err, one.Close())
		}
	}
	return err
}

// serve serves on a socket. Requests know where the storage is for them.
func serve(socket net.Listener, handler http.Handler, storage *socketServer) *socketServer {
	ctx := context.Background()
	if storage != nil {
		ctx = withStorageOrigin(ctx, storage.url)
	}
	started := &socketServer{
		url: "http://" + socket.Addr().String(),
		server: &http.Server{
			Handler:           handler,
			ReadHeaderTimeout: time.Minute,
			BaseContext:       func(net.Listener) context.Context { return ctx },
		},
		done:    make(chan struct{}),
		storage: storage,
	}
	go func() {
		defer close(started.done)
		started.server.Serve(socket) // ends with Close, and has no other error
	}()
	return started
}

// Close stops listening, and ends all connections, also those in memory, on which a [Fault]
// delays a response. Other requests have two seconds to end. The data of the server stays.
// No more deliveries are made to hooks, and none is still running. Without a [Server.Start],
// hooks and such faults it does nothing.
func (s *Server) Close() {
	s.mu.Lock()
	started := s.listening
	s.listening = nil
	for _, end := range s.waiting {
		end()
	}
	s.stopDeliveries()
	s.mu.Unlock()
	s.deliverer.work.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	started.close(ctx)
}

func (l *socketServer) close(ctx context.Context) {
	if l == nil {
		return
	}
	if l.server.Shutdown(ctx) != nil {
		l.server.Close()
	}
	<-l.done
	l.storage.close(ctx)
}
