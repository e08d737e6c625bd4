package console

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"syscall"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
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

// ParseProject parses flags and the only argument, which is a project. With a flag -demo that
// is set, the default is group/app.
func ParseProject(flags *flag.FlagSet, usage string, args []string, out io.Writer) (gitlabci.ProjectID, error) {
	if err := Parse(flags, usage, args, out); err != nil {
		return "", err
	}
	demo := flags.Lookup("demo")
	switch {
	case flags.NArg() == 1:
		return gitlabci.ProjectID(flags.Arg(0)), nil
	case flags.NArg() == 0 && demo != nil && demo.Value.String() == "true":
		return "group/app", nil
	default:
		return "", Usage("name one project, such as group/app")
	}
}

// ParsePipeline parses flags and the two arguments, which are a project and the ID of a
// pipeline. With a flag -demo that is set, there are none, and the results are zero.
func ParsePipeline(flags *flag.FlagSet, usage string, args []string, out io.Writer) (gitlabci.ProjectID, gitlabci.PipelineID, error) {
	err := Parse(flags, usage, args, out)
	demo := flags.Lookup("demo").Value.String() == "true"
	switch {
	case err != nil || demo && flags.NArg() == 0:
		return "", 0, err
	case demo || flags.NArg() != 2:
		return "", 0, Usage("name a project and a pipeline, such as group/app 1234")
	}
	pipeline, err := PipelineID(flags.Arg(1))
	return gitlabci.ProjectID(flags.Arg(0)), pipeline, err
}

// PipelineID reads an argument that is the ID of a pipeline.
func PipelineID(text string) (gitlabci.PipelineID, error) {
	id, err := strconv.ParseInt(text, 10, 64)
	if err != nil || id < 1 {
		return 0, Usage("%q is not the ID of a pipeline", text)
	}
	return gitlabci.PipelineID(id), nil
}

// Connect returns a client of the GitLab in the environment, or of a fake one for a demo. It
// notes waits.
func Connect(demo bool, fake func() *gitlabcitest.Server, notes *Notes) (*gitlabci.Client, error) {
	waits := gitlabci.WithHooks(gitlabci.Hooks{OnWait: notes.Wait})
	if demo {
		return fake().Client(waits), nil
	}
	client, err := gitlabci.NewClientFromEnv(waits)
	if err != nil {
		return nil, Usage("%w", err)
	}
	return client, nil
}

// A Func runs a command with its arguments.
type Func[R any] func(ctx context.Context, args []string, out, notes io.Writer) R

// Command returns a command that calls run, prints its error, and returns the exit code of
// [Code].
func Command(name string, run Func[error]) Func[int] {
	return func(ctx context.Context, args []string, out, notes io.Writer) int {
		return Code(ctx, name, run(ctx, args, out, notes), notes)
	}
}

// Main runs a command with a context that an interrupt, SIGTERM or a terminal that is closed
// ends, and exits with its exit code. A second signal ends the program immediately.
func Main(command Func[int]) {
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // as under nohup
		signals = append(signals, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(context.Background(), signals...)
	context.AfterFunc(ctx, func() {
		signal.Ignore(syscall.SIGHUP) // which shells send a second time
		stop()
	})
	os.Exit(command(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

type codedError struct {
	error
	code int
}

func (e *codedError) Unwrap() error { return e.error }

// WithCode gives an error an exit code other than 1.
func WithCode(code int, err error) error { return &codedError{err, code} }

// A Verdict is an exit code of a command that did what it is for. It is not printed.
type Verdict int

func (v Verdict) Error() string { return fmt.Sprintf("exit code %d", int(v)) }

// Code prints an error, and returns the exit code: 0 without an error and after -h, that of
// a [Verdict], 2 for [Usage], 130 when ctx has ended, that of [WithCode], 1 otherwise.
func Code(ctx context.Context, name string, err error, notes io.Writer) int {
	if err == nil || errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if verdict, ok := err.(Verdict); ok {
		return int(verdict)
	}
	if ctx.Err() != nil && IsTerminal(notes) {
		fmt.Fprintln(notes) // after ^C
	}
	fmt.Fprintf(notes, "%s: %v\n", name, err)
	coded, ok := errors.AsType[*codedError](err)
	switch {
	case errors.Is(err, errUsage):
		return 2
	case ctx.Err() != nil:
		return 130
	case ok:
		return coded.code
	default:
		return 1
	}
}
