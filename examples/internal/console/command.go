package console

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

var errUsage = errors.New("see -h")

// Usage is an error of a flag or an argument.
func Usage(format string, args ...any) error {
	return fmt.Errorf("%w (%w)", fmt.Errorf(format, args...), errUsage)
}

// Parse parses flags. For -h it writes usage and the flags to out, and returns [flag.ErrHelp].
func Parse(flags *flag.FlagSet, usage string, args []string, out io.Writer) error {
	flags.SetOutput(io.Discard)
	err := flags.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		io.WriteString(out, usage)
		flags.SetOutput(out)
		flags.PrintDefaults()
		return err
	case err != nil:
		return Usage("%w", err)
	default:
		return nil
	}
}

// Main runs a command with a context that an interrupt or SIGTERM ends, and exits with its
// exit code. A second signal ends the program at once.
func Main(command func(ctx context.Context, args []string, out, notes io.Writer) int) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	os.Exit(command(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// Code prints an error, and returns the exit code: 0 without one and after -h, 2 for
// [Usage], 130 when ctx has ended, 1 otherwise.
func Code(ctx context.Context, name string, err error, notes io.Writer) int {
	if err == nil || errors.Is(err, flag.ErrHelp) {
		return 0
	}
	fmt.Fprintf(notes, "%s: %v\n", name, err)
	switch {
	case errors.Is(err, errUsage):
		return 2
	case ctx.Err() != nil:
		return 130
	default:
		return 1
	}
}
