package served

import (
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"time"
)

// URLs are the base URLs of one server, which has the same paths at each.
type URLs struct {
	Plain       string // HTTP/1.1 without TLS
	TLS         string // HTTP/1.1
	HTTP2       string // with TLS
	Certificate []byte // of both that have TLS, as DER
}

// StorageRate is how many bytes a second the storage sends over one connection.
const StorageRate = 16 << 20

// Start starts a server that has the archives of a directory. A function stops it.
func Start(dir string) (at URLs, stop func() error, err error) {
	storage, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return at, nil, err
	}
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return at, nil, errors.Join(err, storage.Close())
	}
	handler := NewHandler(dir, "http://"+storage.Addr().String())
	server := &http.Server{Handler: handler}
	served := make(chan error, 2)
	go func() { served <- server.Serve(plain) }()
	go func() { served <- server.Serve(slowListener{storage}) }()
	one, two := startTLS(handler, 1), startTLS(handler, 2)
	at = URLs{"http://" + plain.Addr().String(), one.URL, two.URL, one.Certificate().Raw}
	return at, func() error {
		closed := server.Close()
		one.Close()
		two.Close()
		return errors.Join(closed, unusual(<-served), unusual(<-served))
	}, nil
}

// unusual returns an error unless it is the one of a server that was closed.
func unusual(err error) error {
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// startTLS starts a server that speaks one version of HTTP, and refuses any other.
func startTLS(handler http.Handler, version int) *httptest.Server {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor != version {
			http.Error(w, "this is "+r.Proto, http.StatusHTTPVersionNotSupported)
			return
		}
		handler.ServeHTTP(w, r)
	}))
	server.EnableHTTP2 = version == 2
	server.StartTLS()
	return server
}

// Serve serves on ports of its own, and writes the URLs to out as a line of JSON. It ends
// with the input: with the process that started it, however that ends. Dir is where the
// archives are.
func Serve(dir string, in io.Reader, out io.Writer) error {
	at, stop, err := Start(dir)
	if err != nil {
		return err
	}
	if err := json.NewEncoder(out).Encode(at); err != nil {
		return errors.Join(err, stop())
	}
	_, err = io.Copy(io.Discard, in)
	return errors.Join(err, stop())
}

// A slowListener accepts connections that send StorageRate.
type slowListener struct{ net.Listener }

func (l slowListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &slowConn{Conn: conn}, nil
}

// A slowConn is a connection that sends so many bytes a second. If it slept too long, it
// sends more afterwards, but not for a time in which it had nothing to send.
type slowConn struct {
	net.Conn
	due time.Time // when what was sent may have been
}

const overslept = 50 * time.Millisecond // at most

func (c *slowConn) Write(p []byte) (n int, err error) {
	const piece = 64 << 10 // 4 ms of time
	for n < len(p) && err == nil {
		var more int
		more, err = c.Conn.Write(p[n:min(len(p), n+piece)])
		n += more
		if least := time.Now().Add(-overslept); c.due.Before(least) {
			c.due = least
		}
		c.due = c.due.Add(time.Duration(more) * time.Second / StorageRate)
		time.Sleep(time.Until(c.due))
	}
	return n, err
}
