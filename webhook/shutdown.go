package webhook

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
)

// finish ends the work on an event, and begins that on the next.
func (h *Handler) finish(d *delivery, err error) {
	next := h.next
	defer func() { next() }()
	if err == nil {
		h.verifier.seen.accept(d.claim)
		d.end()
		return
	}
	h.report(d.event, err)
	if h.verifier.seen.fail(d.claim.id) {
		next = func() { go h.work(d) }
		return
	}
	d.end()
}

// end gives back the memory of an event, when nothing here refers to it any more.
func (d *delivery) end() {
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
	if h.working--; h.working == 0 && h.closed {
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

func (h *Handler) isClosed() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.closed
}

// Shutdown stops accepting events, which get 503, and waits until all accepted ones are
// handled. If ctx ends before, it ends the context of the functions, passes the events that
// still wait to [HandlerOptions.Error], and then returns an error without waiting for the
// functions. Call it after [http.Server.Shutdown].
func (h *Handler) Shutdown(ctx context.Context) error {
	h.mu.Lock()
	if !h.closed {
		h.closed = true
		if h.working == 0 {
			close(h.idle)
		}
	}
	h.mu.Unlock()
	select {
	case <-h.idle:
	case <-ctx.Done():
	}
	isIdle, left := h.leave()
	h.cancel(errShutDown)
	for _, d := range left {
		h.report(d.event, errShutDown)
		h.verifier.seen.release(d.claim.id)
		d.end()
	}
	if isIdle {
		return nil
	}
	return fmt.Errorf("webhook: events are still in work: %w", context.Cause(ctx))
}

// leave takes the events that wait from the workers, which might be too late for them, or
// never. It reports whether nothing is left to do, even if ctx has ended meanwhile.
func (h *Handler) leave() (isIdle bool, left []*delivery) {
	h.mu.Lock()
	defer h.mu.Unlock()
	left, h.waiting = h.waiting, nil
	return h.working == 0, left
}

var errShutDown = errors.New("webhook: the handler is shut down")
