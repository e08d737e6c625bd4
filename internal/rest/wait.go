package rest

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Sleep waits, or returns the error of a context that ends before.
func Sleep(ctx context.Context, wait time.Duration) error {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// After returns the error of what ended an attempt or a wait, with the failure
// before it, if there is one. Both match. If the failure already matches what
// ended it, the failure alone says enough.
func After(err, failure error) error {
	switch {
	case failure == nil:
		return err
	case errors.Is(failure, err):
		return failure
	}
	return fmt.Errorf("%w (after: %w)", err, failure)
}
