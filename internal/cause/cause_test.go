package cause_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci/internal/cause"
)

func TestOf(t *testing.T) {
	signal := errors.New("terminated signal received")
	running, end := context.WithCancelCause(t.Context())
	require.NoError(t, cause.Of(running))
	below, endBelow := context.WithCancel(running)
	defer endBelow()
	end(signal)
	for _, ctx := range []context.Context{running, below} {
		err := cause.Of(ctx)
		require.ErrorIs(t, err, context.Canceled)
		require.ErrorIs(t, err, signal)
		require.EqualError(t, err, "context canceled: terminated signal received")
	}

	plain, cancel := context.WithCancel(t.Context())
	cancel()
	require.Equal(t, context.Canceled, cause.Of(plain))
	late, cancel := context.WithDeadlineCause(t.Context(), time.Now().Add(-time.Second), signal)
	defer cancel()
	require.EqualError(t, cause.Of(late), "context deadline exceeded: terminated signal received")

	wrapping, end := context.WithCancelCause(t.Context())
	end(&wrapped{context.Canceled})
	require.EqualError(t, cause.Of(wrapping), "wrapped") // which has it all
}

type wrapped struct{ error }

func (w *wrapped) Error() string { return "wrapped" }
func (w *wrapped) Unwrap() error { return w.error }

func TestIsIn(t *testing.T) {
	signal := errors.New("terminated signal received")
	ctx, end := context.WithCancelCause(t.Context())
	end(signal)
	of := cause.Of(ctx)
	require.True(t, cause.IsIn(of, of))
	require.True(t, cause.IsIn(errors.Join(signal, context.Canceled), of))
	require.False(t, cause.IsIn(context.Canceled, of))
	require.False(t, cause.IsIn(signal, of))
	require.True(t, cause.IsIn(signal, signal))
}
