package main

import (
	"encoding/json"
	"errors"
	"flag"
	"io"
	"strings"

	"example.com/gitlabci"
	"example.com/gitlabci/examples/internal/console"
)

// settings are what the command line says.
type settings struct {
	demo, log bool
	project   gitlabci.ProjectID
	ref       string
	opts      gitlabci.RunOptions
}

func parse(args []string, out io.Writer) (*settings, error) {
	s := &settings{}
	flags := flag.NewFlagSet("run", flag.ContinueOnError)
	flags.BoolVar(&s.demo, "demo", false, "run a pipeline of a fake GitLab")
	flags.BoolVar(&s.log, "log", false, "print the logs of jobs as they run, instead of a table")
	flags.StringVar(&s.ref, "ref", "main", "the `branch` or tag to run on")
	flags.BoolVar(&s.opts.Watch.Downstream, "downstream", false, "wait for downstream pipelines, too")
	flags.Func("var", "a pipeline variable, as `KEY=value`; may be repeated", s.addVariable)
	flags.Func("input", "a pipeline input, as `name=value`, in JSON or as text; may be repeated", s.addInput)
	var err error
	s.project, err = console.ParseProject(flags, usage, args, out)
	return s, err
}

func (s *settings) addVariable(text string) error {
	key, value, found := strings.Cut(text, "=")
	if !found || key == "" {
		return errors.New("it is not KEY=value")
	}
	s.opts.Create.Variables = append(s.opts.Create.Variables, &gitlabci.Variable{Key: key, Value: value})
	return nil
}

func (s *settings) addInput(text string) error {
	name, value, found := strings.Cut(text, "=")
	if !found || name == "" {
		return errors.New("it is not name=value")
	}
	if s.opts.Create.Inputs == nil {
		s.opts.Create.Inputs = map[string]any{}
	}
	var parsed any
	if err := json.Unmarshal([]byte(value), &parsed); err != nil || parsed == nil {
		parsed = value // text without quotation marks
	}
	s.opts.Create.Inputs[name] = parsed
	return nil
}
