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

// unsentTries is how many attempts that do not reach the server there are at most.
const unsentTries = 3

// A history is what the attempts of a call came to so far.
type history struct {
	attempts  int  // so far, the last one included
	most      int  // how many there may be
	unsent    int  // of those before the last one: not sent
	lost      bool // one before the last one may have been executed, and its response is lost
	renewable bool // another token may help
}

// A verdict is what follows an attempt that has failed.
type verdict struct {
	again   bool
	renew   bool          // with another token, and at once
	reason  string        // of the wait
	wait    time.Duration // what the server asks for; 0 is a backoff
	lost    bool          // the attempt may have been executed
	success bool          // a DELETE found its object gone, which an earlier attempt has deleted
}

// judge decides what follows an attempt that has failed: with a response, which is f,
// or else with an error. A request that may have been executed is sent again only if
// repeating it changes nothing more.
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
	case IsRefusal(err) || IsHopeless(err) || h.attempts >= h.most:
	case sent:
		v.again = !call.Once
	default:
		v.again = h.unsent+1 < unsentTries
	}
	return v
}

// judgeFailure judges a response other than success.
func judgeFailure(call *Call, h history, f *Failure) verdict {
	if call.Method == http.MethodDelete && h.lost && f.Gone() {
		return verdict{success: true}
	}
	if f.isFromServer(http.StatusUnauthorized) && h.renewable {
		return verdict{again: true, renew: true}
	}
	v := verdict{reason: ReasonRetry, wait: f.RetryAfter, lost: f.leavesOpen()}
	switch f.Status {
	case http.StatusTooManyRequests: // not executed
		v.again, v.reason = true, ReasonRateLimit
	case http.StatusConflict: // with this text: not executed
		v.again, v.reason = f.Locked(), ReasonLock
	case http.StatusNotFound: // of an unknown object, where that decides: see Gone
		v.again = f.Halved && h.lost && call.Method == http.MethodDelete
	case http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		v.again = !call.Once
	default:
		v.again = f.Status/10 == 52 && !call.Once
	}
	v.again = v.again && h.attempts < h.most
	return v
}

// IsHopeless reports whether an error will stay: no such host, or one that cannot
// prove its identity.
func IsHopeless(err error) bool {
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		return dns.IsNotFound
	}
	_, ok := errors.AsType[*tls.CertificateVerificationError](err)
	return ok
}

// A refusal ends a call by a rule of this package or of its caller: another attempt
// would end the same way.
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
