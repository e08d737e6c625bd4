package webhook

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"sync"
	"time"
)

// HandlerOptions configure a [Handler]. Nil means all of the defaults, and so does zero or
// less for a number.
type HandlerOptions struct {
	// Workers is how many functions run at the same time. The default is 4.
	Workers int

	// Queue is how many accepted events may wait for a worker. The default is 1,024.
	Queue int

	// MaxBytes is how much memory the bodies of up to 1 MiB may take, including those of
	// events that are being handled. The default is 8 MiB. Besides, larger bodies take up
	// to 25 MiB together, which is the size of the largest. If there is no room, a request
	// waits for a second, and then gets 503. Meanwhile, bodies that arrive so slowly that
	// they would take 6 seconds or more are refused. Decoded events come on top, up to
	// 16 MiB for each worker.
	MaxBytes int64

	// BodyTimeout is how long the body of a request may take to arrive, the wait for
	// memory included. The default is 8 seconds: GitLab gives up after 10. If a middleware
	// wraps the [http.ResponseWriter], it needs an Unwrap method for that.
	BodyTimeout time.Duration

	// Error is called for each request that is refused, with a nil event, and for each
	// event that cannot be decoded or whose function returns an error or panics. It may be
	// called by several goroutines at the same time. Nil means that slog.Default() logs it.
	Error func(event *Event, err error)
}

// A Handler is an [http.Handler] that verifies events, responds, and then calls a function
// for each. Use [NewHandler].
//
// A process that does nothing else stays below 64 MiB, even if 64 clients that cannot sign
// send anything, if [http.Server.MaxHeaderBytes] is 16 KiB: net/http reads up to 1 MiB of
// headers by default, before the Handler can refuse them. The number of connections is not
// limited here: a proxy that limits it, and reads requests whole before it passes them on,
// as nginx does, belongs in front.
type Handler struct {
	verifier *Verifier
	function func(context.Context, *Event) error
	options  HandlerOptions // without zeros
	budget   *budget

	context context.Context // of the functions
	cancel  context.CancelCauseFunc

	mu      sync.Mutex
	waiting []*delivery
	working int
	closed  bool
	idle    chan struct{} // closed when a closed handler has nothing left to do
}

// A delivery is a verified request whose event has not been handled yet.
type delivery struct {
	event   *Event
	decoded bool // by the worker that handles it
	claim   *claim
	body    *body
}

// NewHandler returns a Handler that calls function with each event that v has verified.
//
// It responds as soon as an event is in its queue: with 202, or with 200 if the event was
// accepted before. GitLab disables hooks that respond slowly or with errors. It responds
// with 401 to a request that is not verified, 413 or 400 to a body that GitLab would not
// send, 431 to more than 16 KiB of headers, 408 to a body that does not arrive in time, and
// 503 if the queue or the memory is full.
//
// The function is called once for each [Event.ID], by one of several workers, in any order.
// An event whose function returns an error or panics is passed to the function again if
// GitLab sends it again, which it does by itself only in rare cases. The context of the
// function ends when [Handler.Shutdown] gives up.
func NewHandler(v *Verifier, function func(ctx context.Context, event *Event) error, opts *HandlerOptions) *Handler {
	if v == nil || function == nil {
		panic("webhook: NewHandler needs a Verifier and a function")
	}
	h := &Handler{verifier: v, function: function, idle: make(chan struct{})}
	if opts != nil {
		h.options = *opts
	}
	o := &h.options
	o.Workers = cmp.Or(max(o.Workers, 0), 4)
	o.Queue = cmp.Or(max(o.Queue, 0), 1024)
	o.MaxBytes = cmp.Or(max(o.MaxBytes, 0), 8<<20)
	o.BodyTimeout = cmp.Or(max(o.BodyTimeout, 0), 8*time.Second)
	if o.Error == nil {
		o.Error = logError
	}
	h.budget = newBudget(o.MaxBytes)
	h.context, h.cancel = context.WithCancelCause(context.Background())
	return h
}

func logError(event *Event, err error) {
	if event == nil {
		slog.Warn("webhook: a request is refused", "error", err)
		return
	}
	slog.Error("webhook: an event was not handled", "event", event, "error", err)
}

// ServeHTTP is documented at [NewHandler].
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	err := h.receive(w, r)
	if err == nil {
		w.WriteHeader(http.StatusAccepted)
		return
	}
	if errors.Is(err, ErrReplayed) {
		w.WriteHeader(http.StatusOK)
		return
	}
	status := statusOf(err)
	switch status {
	case http.StatusMethodNotAllowed:
		w.Header().Set("Allow", http.MethodPost)
	case http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", "10")
	}
	w.Header().Set("Connection", "close") // or the server would read the rest of the body
	http.Error(w, err.Error(), status)
	h.report(nil, err)
}

var (
	errMethod  = errors.New("webhook: events are sent by POST")
	errHeaders = fmt.Errorf("webhook: the request has more than %d KiB of headers", maxHeaderBytes>>10)
)

// Headers stay in memory while the body arrives.
const (
	maxHeaderBytes = 16 << 10
	headerOverhead = 32 // that a header takes beside its text, as HTTP/2 counts
)

// hasManyHeaders reports whether the headers of a request, and its URL, take more memory
// than those of a hook.
func hasManyHeaders(r *http.Request) bool {
	size := len(r.RequestURI)
	for name, values := range r.Header {
		for _, value := range values {
			size += len(name) + len(value) + headerOverhead
		}
	}
	return size > maxHeaderBytes
}

// statusOf returns the status of the response to a request that is refused.
func statusOf(err error) int {
	timeout, _ := errors.AsType[interface {
		error
		Timeout() bool
	}](err)
	switch {
	case errors.Is(err, errMethod):
		return http.StatusMethodNotAllowed
	case errors.Is(err, errHeaders):
		return http.StatusRequestHeaderFieldsTooLarge
	case errors.Is(err, ErrNotVerified):
		return http.StatusUnauthorized
	case errors.Is(err, ErrTooLarge):
		return http.StatusRequestEntityTooLarge
	case errors.Is(err, ErrBusy):
		return http.StatusServiceUnavailable
	case timeout != nil && timeout.Timeout():
		return http.StatusRequestTimeout
	}
	return http.StatusBadRequest
}

// receive puts the event of a request into the queue.
func (h *Handler) receive(w http.ResponseWriter, r *http.Request) error {
	if r.Method != http.MethodPost {
		return errMethod
	}
	if hasManyHeaders(r) {
		return errHeaders
	}
	if h.isClosed() {
		return ErrBusy
	}
	h.budget.garbage.collect(h.budget.hasLarge)
	ctx, cancel := context.WithTimeout(r.Context(), h.options.BodyTimeout)
	defer cancel()
	// A ResponseWriter that has no deadlines, such as of a test, has no body that hangs.
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Now().Add(h.options.BodyTimeout))
	b := &body{budget: h.budget, stop: func() { _ = control.SetReadDeadline(time.Now()) }}
	c, err := h.verifier.read(r.WithContext(ctx), b)
	if err != nil {
		return err
	}
	_ = control.SetReadDeadline(time.Time{})
	if err := h.enqueue(ctx, r.Header, c, b); err != nil {
		b.release()
		return err
	}
	return nil
}

// enqueue puts a verified event into the queue. It is checked here and decoded by a worker,
// so that events that wait take little memory.
func (h *Handler) enqueue(ctx context.Context, header http.Header, c *claim, b *body) error {
	if !json.Valid(b.data) {
		return ErrMalformed
	}
	if err := b.prepareForQueue(ctx); err != nil {
		return err
	}
	return h.add(&delivery{event: newEvent(header, c, b.data), claim: c, body: b})
}

// add adds a delivery to the queue, if it is new and there is room. An event that is known
// needs none.
func (h *Handler) add(d *delivery) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return ErrBusy
	}
	hasWorker := h.working < h.options.Workers
	if err := h.verifier.seen.begin(d.claim, hasWorker || len(h.waiting) < h.options.Queue); err != nil {
		return err
	}
	if hasWorker {
		h.working++
		go h.work(d)
	} else {
		h.waiting = append(h.waiting, d)
	}
	return nil
}

// errEnded is the error of a function that calls runtime.Goexit.
var errEnded = errors.New("webhook: the function ended its goroutine")

// work calls the function for one event. The worker survives anything that the function
// does: if the function ends its goroutine, that is only the goroutine of this event.
func (h *Handler) work(d *delivery) {
	err := errEnded
	defer func() {
		if value := recover(); value != nil {
			err = fmt.Errorf("webhook: the function panicked: %v\n%s", value, debug.Stack())
		}
		h.finish(d, err)
	}()
	err = h.call(d)
}

func (h *Handler) call(d *delivery) error {
	if h.context.Err() != nil {
		return context.Cause(h.context)
	}
	if !d.decoded {
		if err := d.event.decode(h.context); err != nil {
			return err
		}
		d.decoded = true
	}
	return h.function(h.context, d.event)
}

// finish ends the work on an event, and begins the work on the next one.
func (h *Handler) finish(d *delivery, err error) {
	next := h.next
	defer func() { next() }()
	if err == nil {
		h.verifier.seen.accept(d.claim)
		d.release()
		return
	}
	h.report(d.event, err)
	if h.verifier.seen.fail(d.claim.id) {
		next = func() { go h.work(d) }
		return
	}
	d.release()
}

// release drops the event of a delivery, and gives back its memory.
func (d *delivery) release() {
	d.event = nil
	d.body.release()
}

// next begins the work on the next event, or ends the use of a worker.
func (h *Handler) next() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.waiting) > 0 {
		d := h.waiting[0]
		h.waiting[0] = nil
		h.waiting = h.waiting[1:]
		go h.work(d)
		return
	}
	h.working--
	if h.working == 0 && h.closed {
		close(h.idle)
	}
}

// report calls the function for errors. If that panics, the workers continue.
func (h *Handler) report(event *Event, err error) {
	defer func() {
		if recover() != nil {
			slog.Error("webhook: HandlerOptions.Error panicked", "event", event, "error", err)
		}
	}()
	h.options.Error(event, err)
}
