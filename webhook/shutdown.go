package webhook

import (
	"context"
	"errors"
	"fmt"
)

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
	isIdle, left := h.takeWaiting()
	h.cancel(errShutDown)
	for _, d := range left {
		h.report(d.event, errShutDown)
		h.verifier.seen.release(d.claim.id)
		d.release()
	}
	if isIdle {
		return nil
	}
	return fmt.Errorf("webhook: events are still being handled: %w", context.Cause(ctx))
}

// takeWaiting returns the events that no worker has begun, and removes them from the queue.
// It reports whether the workers are idle.
func (h *Handler) takeWaiting() (isIdle bool, left []*delivery) {
	h.mu.Lock()
	defer h.mu.Unlock()
	left, h.waiting = h.waiting, nil
	return h.working == 0, left
}

var errShutDown = errors.New("webhook: the handler is shut down")
