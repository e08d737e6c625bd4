package cause_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"example.com/gitlabci/internal/cause"
)

func hasText(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestOf(t *testing.T) {
	signal := errors.New("terminated signal received")
	running, end := context.WithCancelCause(t.Context())
	if err := cause.Of(running); err != nil {
		t.Fatalf("while it is running: %v", err)
	}
	below, endBelow := context.WithCancel(running)
	defer endBelow()
	end(signal)
	for _, ctx := range []context.Context{running, below} {
		err := cause.Of(ctx)
		for _, want := range []error{context.Canceled, signal} {
			if !errors.Is(err, want) {
				t.Errorf("%v does not match %v", err, want)
			}
		}
		hasText(t, err, "context canceled: terminated signal received")
	}

	plain, cancel := context.WithCancel(t.Context())
	cancel()
	if err := cause.Of(plain); err != context.Canceled {
		t.Errorf("got %#v, want context.Canceled itself", err)
	}
	late, cancel := context.WithDeadlineCause(t.Context(), time.Now().Add(-time.Second), signal)
	defer cancel()
	hasText(t, cause.Of(late), "context deadline exceeded: terminated signal received")

	wrapping, end := context.WithCancelCause(t.Context())
	end(&wrapped{context.Canceled})
	hasText(t, cause.Of(wrapping), "wrapped") // which has it all
}

type wrapped struct{ error }

func (w *wrapped) Error() string { return "wrapped" }
func (w *wrapped) Unwrap() error { return w.error }

func TestIsIn(t *testing.T) {
	signal := errors.New("terminated signal received")
	ctx, end := context.WithCancelCause(t.Context())
	end(signal)
	of := cause.Of(ctx)
	for _, test := range []struct {
		err, cause error
		want       bool
	}{
		{of, of, true},
		{errors.Join(signal, context.Canceled), of, true},
		{context.Canceled, of, false},
		{signal, of, false},
		{signal, signal, true},
	} {
		if got := cause.IsIn(test.err, test.cause); got != test.want {
			t.Errorf("IsIn(%v, %v) is %v", test.err, test.cause, got)
		}
	}
}
