package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"

	"example.com/gitlabci/bench/internal/served"
	"example.com/gitlabci/bench/internal/work"
)

// childTask is the variable with the task of a copy of this program.
const childTask = "GITLABCI_BENCH_TASK"

// serving is the work of a child that serves, rather than measures.
const serving = "serve"

// child does its task and prints the result.
func child(ctx context.Context, text string, out io.Writer) error {
	var t work.Task
	if err := json.Unmarshal([]byte(text), &t); err != nil {
		return err
	}
	found, err := do(ctx, t)
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(found)
}

// do serves, or measures one piece of work.
func do(ctx context.Context, t work.Task) (work.Result, error) {
	if t.Work == serving {
		return work.Result{}, served.Serve(t.Dir, os.Stdin, os.Stdout)
	}
	return work.Do(ctx, t)
}

// runChild does the task of a child and ends, if this process is one.
func runChild() {
	text := os.Getenv(childTask)
	if text == "" {
		return
	}
	if err := child(context.Background(), text, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// childProcess returns a copy of this program that does a task, without settings of Go's
// runtime in its environment.
func childProcess(ctx context.Context, t work.Task) (*exec.Cmd, error) {
	program := t.Program
	if program == "" {
		var err error
		if program, err = os.Executable(); err != nil {
			return nil, err
		}
	}
	text, err := json.Marshal(t)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, program)
	cmd.Env = append(slices.DeleteFunc(os.Environ(), func(variable string) bool {
		name, _, _ := strings.Cut(variable, "=")
		return slices.Contains([]string{"GODEBUG", "GOGC", "GOMEMLIMIT", "GOMAXPROCS", "GORACE"}, name)
	}), childTask+"="+string(text), "GORACE=atexit_sleep_ms=0") // or each would end a second late in a test for races
	return cmd, nil
}

// inChild does a task in a child.
func inChild(ctx context.Context, t work.Task) (work.Result, error) {
	cmd, err := childProcess(ctx, t)
	if err != nil {
		return work.Result{}, err
	}
	var out, problems bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problems
	if err := cmd.Run(); err != nil {
		return work.Result{}, fmt.Errorf("%s of %s: %w: %s", t.Work, t.Client, err, &problems)
	}
	var found work.Result
	err = json.Unmarshal(out.Bytes(), &found)
	return found, err
}

// A server is a child that serves.
type server struct {
	served.URLs
	cmd   *exec.Cmd
	input io.Closer
}

// startServer starts one that has the files of a directory for archives.
func startServer(ctx context.Context, dir string) (*server, error) {
	cmd, err := childProcess(ctx, work.Task{Work: serving, Dir: dir})
	if err != nil {
		return nil, err
	}
	cmd.Stderr = os.Stderr
	input, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	output, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	s := &server{cmd: cmd, input: input}
	if err := json.NewDecoder(output).Decode(&s.URLs); err != nil {
		return nil, errors.Join(err, s.stop())
	}
	return s, nil
}

func (s *server) stop() error { return errors.Join(s.input.Close(), s.cmd.Wait()) }
