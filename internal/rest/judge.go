package rest

import (
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"time"
)

// The reasons of a [Wait].
const (
	ReasonRetry     = "retry"
	ReasonRateLimit = "rate limit"
	ReasonLock      = "resource lock"
)

// unsentTries limits the attempts of a call that do not reach the server.
const unsentTries = 3

// A history is what is known of the attempts of a call when the last one is judged.
type history struct {
	attempts  int  // so far, with the last one
	most      int  // how many there may be
	refused   int  // 429 responses that do not say how long to wait
	unsent    int  // attempts before the last one that did not reach the server
	reached   bool // an attempt may have reached the server
	lost      bool // an attempt before the last one may have been executed, and its response was lost
	renewable bool // another token may help
}

// A verdict says what follows an attempt that has failed.
type verdict struct {
	retry   bool          // another attempt follows
	renew   bool          // immediately, with another token
	reason  string        // of the wait
	wait    time.Duration // that the server requests; 0 stands for a backoff
	lost    bool          // the attempt may have been executed, and its response was lost
	success bool          // the object of a DELETE is gone, since an earlier attempt has deleted it
}

// judge decides what follows an attempt that has failed: with the response f, or
// without one, with an error. A request that may have been executed is retried only
// if it is idempotent.
func judge(call *Call, h history, sent bool, f *Failure, err error) verdict {
	if f != nil {
		return judgeFailure(call, h, f)
	}
	return judgeError(call, h, sent, err)
}

// judgeError judges an attempt without a response, or with a part of one.
func judgeError(call *Call, h history, sent bool, err error) verdict {
	v := verdict{reason: ReasonRetry, lost: sent}
	switch {
	case IsRefusal(err) || IsPermanent(err) || h.attempts >= h.most:
	case sent:
		v.retry = !call.Once
	default:
		v.retry = h.unsent+1 < unsentTries
	}
	return v
}

// judgeFailure judges a response other than success.
func judgeFailure(call *Call, h history, f *Failure) verdict {
	if call.Method == http.MethodDelete && h.lost && f.Gone() {
		return verdict{success: true}
	}
	if f.isFromServer(http.StatusUnauthorized) && h.renewable {
		return verdict{retry: true, renew: true}
	}
	v := verdict{reason: ReasonRetry, wait: f.RetryAfter, lost: f.mayBeExecuted()}
	switch f.Status {
	case http.StatusTooManyRequests: // not executed
		v.retry, v.reason = true, ReasonRateLimit
	case http.StatusConflict: // with this text: not executed
		v.retry, v.reason = f.Locked(), ReasonLock
	case http.StatusNotFound: // without its message, which may say that the object is gone
		v.retry = f.Cut && h.lost && call.Method == http.MethodDelete
	case http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		v.retry = !call.Once
	default:
		v.retry = f.Status/10 == 52 && !call.Once
	}
	v.retry = v.retry && h.attempts < h.most
	return v
}

// IsPermanent reports whether an error is permanent: the host does not exist, cannot
// prove its identity or does not accept ours, does not speak TLS, or is forbidden by
// the proxy.
func IsPermanent(err error) bool {
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		return dns.IsNotFound
	}
	if proxy, ok := errors.AsType[*proxyError](err); ok {
		return proxy.status < http.StatusInternalServerError
	}
	_, untrusted := errors.AsType[*tls.CertificateVerificationError](err)
	return untrusted || isHandshakeAlert(err) || errors.Is(err, http.ErrSchemeMismatch)
}

// A refusal ends a call because of a rule of this package or of its caller. Another
// attempt would end in the same way.
type refusal struct{ err error }

func (e *refusal) Error() string { return e.err.Error() }
func (e *refusal) Unwrap() error { return e.err }

// Refuse marks an error that no retry can change.
func Refuse(err error) error { return &refusal{err} }

// IsRefusal reports whether an error is one that no retry can change.
func IsRefusal(err error) bool {
	_, ok := errors.AsType[*refusal](err)
	return ok
}
